import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// What the verbs that look at a finished job print, and how they end.
    @Suite struct SurveyTests {
        private func flip(_ file: URL) throws {
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: file)
        }

        @Test func damageIsNamedMendedAndForgotten() async throws {
            let server = try await S3Server(root: Replica.small().folder)
            let job = try Job()
            let flags = ["--endpoint", server.endpoint]
            // Before there is anything, nothing is made.
            #expect(try await job.run(["plan", job.manifest.path] + flags).exitCode == 0)
            for verb in ["verify", "status", "prune"] {
                let outcome = try await job.run([verb, job.manifest.path] + flags)
                #expect(outcome.exitCode == 0, "\(outcome.summary)")
            }
            #expect(!FileManager.default.fileExists(atPath: job.out.path))
            #expect(!FileManager.default.fileExists(atPath: job.state.path))

            #expect(try await job.run(against: server).exitCode == 0)
            let tree = try job.tree()
            let crop = try #require(tree.files.keys.filter { $0.hasPrefix("crops/") }.min())
            try flip(job.out.appending(path: crop))
            let verified = try await job.run(["verify", job.manifest.path] + flags)
            #expect(verified.exitCode == 1)
            let lines = verified.output.split(separator: "\n")
            #expect(lines.filter { !$0.hasPrefix("ok ") }.map { $0.hasPrefix("BAD \(crop): SHA-256 ") } == [true])
            let repaired = try await job.run(["verify", job.manifest.path, "--repair"] + flags)
            #expect(repaired.exitCode == 0 && repaired.output.contains("mended \(crop)\n"), "\(repaired.summary)")
            #expect(try job.tree().differences(from: tree) == [])

            let others = ["--state", job.folder.appending(path: "other").path]
            let refused = try await job.run(against: server, others)
            #expect(refused.exitCode == 78 && refused.errors.contains(job.state.path), "\(refused.summary)")
            #expect(try await job.run(against: server, others + ["--adopt-output"]).exitCode == 0)
            #expect(try await job.run(against: server).exitCode == 78)
            #expect(try job.tree().differences(from: tree) == [])
        }

        /// The exit code says whether two outputs have the same provenance; the last line of a run how a split came out.
        @Test func differencesAreNamed() async throws {
            let sample: [String: JSONValue] = ["source": "sample:", "datasets": ["smp_mus-nacc-2"]]
            let (a, b) = (try Job(sample), try Job(sample.merging(["split": ["validation": 0.5]]) { $1 }))
            #expect(try await a.run(["run", a.manifest.path]).exitCode == 0)
            let run = try await b.run(["run", b.manifest.path])
            #expect(run.exitCode == 0 && run.errors.contains("; split: train "), "\(run.summary)")
            let same = try await a.run(["diff", a.out.path, a.out.appending(path: "txt/provenance.json").path])
            #expect(same.exitCode == 0 && same.output == "no difference: 2 items\n", "\(same.summary)")
            let other = try await a.run(["diff", a.out.path, b.out.appending(path: "txt").path])
            #expect(other.exitCode == 1, "\(other.summary)")
            #expect(other.output.split(separator: "\n").allSatisfy { $0.hasPrefix("manifest: split") })
            let bad = try await a.run(["diff", a.out.path, a.state.path])
            #expect(bad.exitCode == 78 && bad.errors.split(separator: "\n").count == 1, "\(bad.summary)")
            #expect(try await a.run(["diff", a.out.path]).exitCode == 64)
        }
    }
}
