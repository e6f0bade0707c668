import Crypto
import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// The bytes of all outputs, as `golden.txt` has them: a change of the code that is to change no output is held to that.
    ///
    /// Where outputs are to change, `CRISTAE_GOLDEN=write` writes the list anew; its difference says which files have changed.
    @Suite struct GoldenTests {
        private static let list = Harness.scripts.appending(path: "golden.txt")
        private static let compressions = ["gzip", "zstd", "blosc", "none", "source"]

        /// A bucket of the sample and one of volumes in Zarr v2, v3 and N5, behind one server: what files say of their source is the same
        /// everywhere.
        private static func server() async throws -> S3Server {
            let root = try Harness.newFolder("golden")
            let sample = try await Job().run(["sample", root.appending(path: "sample").path])
            guard sample.exitCode == 0 else { throw HarnessError("cristae sample: \(sample.summary)") }
            _ = try await Harness.script("volumes.py", ["write", root.appending(path: "volumes").path])
            return try await S3Server(root: root)
        }

        @Test func theOutputsAreThoseOfTheList() async throws {
            let server = try await Self.server()
            var sums: [String: String] = [:]
            for compression in Self.compressions {
                for (name, members) in Self.jobs {
                    let job = try Job(members.merging(["convert": ["compression": .string(compression)]]) { $1 })
                    let outcome = try await job.run(against: server)
                    #expect(outcome.exitCode == 0, "\(name), \(compression): \(outcome.summary)")
                    try Self.add(job.out, "\(name)-\(compression)", &sums)
                    if name == "crops" { try await Self.useTools(job, compression, server, &sums) }
                }
            }
            let text = sums.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }.joined()
            if ProcessInfo.processInfo.environment["CRISTAE_GOLDEN"] == "write" {
                try Data(text.utf8).write(to: Self.list)
            }
            let expected = try String(contentsOf: Self.list, encoding: .utf8).split(separator: "\n")
            let found = text.split(separator: "\n")
            #expect(Set(found).subtracting(expected).sorted() == [])
            #expect(Set(expected).subtracting(found).sorted() == [])
        }

        private static let region: JSONValue = [
            "dataset": "smp_mus-liver", "offset_nm": [120, 150, 130], "shape_nm": [320, 300, 280],
        ]
        private static let jobs: [(String, [String: JSONValue])] = [
            ("crops", ["source": "s3://sample", "classes": ["mito", "er"]]),
            (
                "volumes",
                [
                    "source": "s3://volumes", "mode": "volumes", "select": "all",
                    "datasets": ["vol-zarr", "vol-n5", "vol-v3"],
                ]
            ),
            (
                "regions",
                ["source": "s3://sample", "datasets": ["smp_mus-liver"], "only": ["region_*"], "regions": [region]]
            ),
        ]

        /// The verbs for single files, on what a job has made and on arrays of the store.
        private static func useTools(
            _ job: Job, _ compression: String, _ server: S3Server, _ sums: inout [String: String]
        ) async throws {
            let group = "s3://sample/smp_mus-liver/smp_mus-liver.zarr/recon-1/labels/groundtruth/crop124"
            let n5 = "s3://volumes/vol-n5/vol-n5.n5"
            // Paths are the job's own; what is printed of them is cut out.
            func path(_ name: String) -> String { job.folder.appending(path: name).path }
            let flags = ["--compression", compression, "--endpoint", server.endpoint]
            let commands =
                [
                    ["convert", group, path("zarr.h5")] + flags, ["convert", n5, path("n5.h5")] + flags,
                    [
                        "resize", path("out/hdf5/crop_124.h5"), path("resized.h5"), "--target", "12", "--compression",
                        compression,
                    ],
                ]
                + (compression == "source"
                    ? [] : [["convert", path("out/crops/crop_124.h5"), path("hdf5.h5"), "--compression", compression]])
            for command in commands {
                let outcome = try await job.run(command)
                #expect(outcome.exitCode == 0, "\(command): \(outcome.summary)")
            }
            let stat = try await job.run(["stat", path("out/hdf5/crop_124.h5"), path("resized.h5")])
            #expect(stat.exitCode == 0, "\(stat.summary)")
            sums["tools-\(compression)/stat"] = sum(Data(stat.output.replacing(job.folder.path, with: "").utf8))
            for name in ["zarr.h5", "n5.h5", "resized.h5", "hdf5.h5"] {
                guard let data = try? Data(contentsOf: job.folder.appending(path: name)) else { continue }
                sums["tools-\(compression)/\(name)"] = sum(data)
            }
        }

        private static func add(_ folder: URL, _ name: String, _ sums: inout [String: String]) throws {
            for (path, data) in try FileTree(of: folder).files {
                // The gzip streams of these volumes have the time in them at which they were written, and so their digests.
                if name.hasPrefix("volumes"), path == "txt/provenance.json" { continue }
                sums["\(name)/\(path)"] = sum(data)
            }
        }

        private static func sum(_ data: Data) -> String {
            SHA256.hash(data: data).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }
}
