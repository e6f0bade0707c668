import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// A store which fails: now and then, or always at one place.
    @Suite struct FaultTests {
        @Test func faultyServerGivesTheSameBytes() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(
                root: Replica.small().folder,
                ["--fail-503", "0.2", "--short", "0.1", "--reset", "0.05", "--seed", "7", "--page-size", "20"])
            let job = try Job(["limits": ["connections": 8, "memory": "256MiB", "max_attempts": 20]])
            let outcome = try await job.run(against: server, atMost: 170)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let entries = try server.log().entries
            #expect(entries.contains { $0.status == 503 } && entries.contains { !$0.isComplete })
            #expect(try job.tree().differences(from: clean) == [])
        }

        @Test func lostChunkFailsItsItemAlone() async throws {
            let clean = try await Job.cleanTree()
            let replica = try await Replica.small()
            let key = try #require(try await replica.rawChunks(ofCrop: 124).first)
            let job = try Job(["limits": ["connections": 8, "memory": "256MiB", "max_attempts": 3]])
            let broken = try await S3Server(root: replica.folder, ["--always-500", key])
            let outcome = try await job.run(against: broken)
            #expect(outcome.exitCode == 1, "\(outcome.summary)")
            let about = outcome.errors.split(separator: "\n").filter { $0.contains(key) && $0.contains("http") }
            #expect(about.contains { $0.contains("124") }, "\(outcome.summary)")
            let tries = /(?i)\b3"? ?(tries|attempts)|(tries|attempts)"?[:= ]+3\b/
            #expect(about.contains { $0.contains(tries) }, "\(about)")
            #expect(try broken.log().entries.filter { $0.key.hasSuffix(key) }.map(\.status) == [500, 500, 500])

            let files = try job.tree().files
            let expected = clean.files.filter { $0.key.hasSuffix(".h5") && !$0.key.contains("crop_124") }
            #expect(
                files.keys.filter { $0.hasPrefix("hdf5/") || $0.hasPrefix("crops/") }.sorted() == expected.keys.sorted()
            )
            #expect(expected.filter { files[$0.key] != $0.value }.map(\.key) == [])

            let failed = job.state.appending(path: "failed.json")
            let healthy = try await S3Server(root: replica.folder)
            let repair = try await job.run(["run", failed.path, "--endpoint", healthy.endpoint])
            #expect(repair.exitCode == 0, "\(repair.summary)")
            #expect(try job.tree().differences(from: clean) == [])
        }

        @Test func lostServerIsNoSuccess() async throws {
            let job = try Job(["limits": ["connections": 8, "memory": "256MiB", "max_attempts": 2, "outage": "2s"]])
            let outcome = try await job.run(["run", job.manifest.path, "--endpoint", "http://127.0.0.1:1"])
            #expect(outcome.exitCode == 75, "\(outcome.summary)")
            #expect(!FileManager.default.fileExists(atPath: job.state.appending(path: "failed.json").path))
            #expect(outcome.errors.contains("127.0.0.1:1"), "\(outcome.summary)")
            #expect(!FileManager.default.fileExists(atPath: job.out.appending(path: "crops/crop_9.h5").path))
        }
    }
}
