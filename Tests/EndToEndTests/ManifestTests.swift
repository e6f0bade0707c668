import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// A manifest with a mistake: exit 78, one line which names the culprit, and nothing touched.
    @Suite struct ManifestTests {
        /// A manifest with one mistake.
        struct BadManifest: CustomTestStringConvertible, Sendable {
            let testDescription: String
            let changes: [String: JSONValue]
            /// What the one line has to mention.
            let mentions: [String]

            init(_ description: String, _ changes: [String: JSONValue], _ mentions: String...) {
                testDescription = description
                self.changes = changes
                self.mentions = mentions
            }
        }

        static let badManifests = [
            BadManifest("unknown key", ["target_mn": 8], "target_mn", "target_nm"),
            BadManifest("unknown nested key", ["limits": ["conections": 8]], "limits.conections", "connections"),
            BadManifest("wrong type", ["datasets": "jrc_hela-2"], "datasets", "array"),
            BadManifest("wrong element", ["datasets": ["jrc_hela-2", 5]], "datasets[1]"),
            BadManifest("negative voxel", ["target_nm": -8], "target_nm"),
            BadManifest("two axes", ["target_nm": [8, 8]], "target_nm"),
            BadManifest("no source", ["source": nil], "source"),
            BadManifest("unknown mode", ["mode": "crop"], "mode", "crops"),
            BadManifest("unknown scheme", ["source": "gopher://janelia"], "source"),
        ]

        @Test(arguments: badManifests)
        func badManifestIsRefused(bad: BadManifest) async throws {
            let job = try Job(bad.changes)
            try await expectRefusal(of: job, bad.mentions)
        }

        static let noManifests = [
            "empty": "", "cut off": "{", "array": "[]", "no value": "{\"source\": }",
            "control characters": "\u{0}\u{1}",
            "deep": String(repeating: "[", count: 100_000),
        ]

        @Test(arguments: noManifests.keys.sorted())
        func textWhichIsNoManifestIsRefused(name: String) async throws {
            let job = try Job()
            try Data((Self.noManifests[name] ?? "").utf8).write(to: job.manifest)
            try await expectRefusal(of: job, [])
        }

        private func expectRefusal(of job: Job, _ mentions: [String]) async throws {
            let outcome = try await job.run(["run", job.manifest.path, "--endpoint", "http://127.0.0.1:1"])
            #expect(outcome.exitCode == 78, "\(outcome.summary)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.summary)")
            for mention in mentions { #expect(outcome.errors.contains(mention), "\(outcome.summary)") }
            #expect(!FileManager.default.fileExists(atPath: job.out.path))
            #expect(!FileManager.default.fileExists(atPath: job.state.path))
        }
    }
}
