import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// What a newcomer tries first: the manifest in the package's root, and the built-in sample.
    @Suite struct SampleTests {
        @Test func manifestOfThePackageRuns() async throws {
            let job = try Job()
            let data = try Data(contentsOf: Harness.packageRoot.appending(path: "config.json"))
            try data.write(to: job.manifest)
            let source = try JSONValue(parsing: data)["source"]?.string
            let flags = source == "sample:" ? [] : ["--source", "sample:"]
            let outcome = try await job.run(["run", job.manifest.path, "--output", job.out.path] + flags)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            // One of a nucleus, one too coarse, and one whose labels hold no mitochondrion.
            for name in ["crop_178", "crop_282", "crop_177"] {
                #expect(outcome.errors.components(separatedBy: "\(name): left out").count == 2, "\(outcome.summary)")
            }
            #expect(
                outcome.errors.contains("11 items in 3 datasets: 8 done; 3 left out (1 too coarse, 2 not annotated)"))
            let crops = try JSONValue(parsing: Data(contentsOf: job.out.appending(path: "txt/crops.json")))
            let groups = Dictionary(
                uniqueKeysWithValues: (crops.array ?? []).map { ($0["crop_id"]?.integer, $0["group"]?.integer) })
            #expect(groups[132] == 124 && groups[124] == 124 && groups[131] == 131)
            for folder in ["hdf5", "crops"] {
                let names = try FileManager.default.contentsOfDirectory(atPath: job.out.appending(path: folder).path)
                #expect(names.contains { $0.hasSuffix(".h5") }, "\(folder): \(names)")
            }
        }

        @Test func sampleIsWrittenAsFilesAndServed() async throws {
            let job = try Job()
            let root = job.folder.appending(path: "sample")
            let written = try await job.run(["sample", root.path])
            #expect(written.exitCode == 0, "\(written.summary)")
            #expect(try FileTree(of: root).files.keys.contains { $0.hasSuffix(".zarray") })
        }

        @Test func schemaIsJSON() async throws {
            let outcome = try await Job().run(["schema"])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let schema = try JSONValue(parsing: Array(outcome.output.utf8))
            #expect(schema["properties"]?["target_nm"] != nil)
        }

        @Test func unknownVerbIsAUsageError() async throws {
            let outcome = try await Job().run(["run", "--no-such-flag"])
            #expect(outcome.exitCode == 64, "\(outcome.summary)")
        }
    }
}
