import Foundation
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// `cristae convert` on everybody's files, read back by h5py.
    @Suite struct ConversionTests {
        /// One entry of the list of fixtures.
        private struct Entry: Sendable {
            let path: String
            let format: String
            let expect: String
            let json: JSONValue

            init?(_ json: JSONValue) {
                let formats = ["zarr_v2": "zarr2", "zarr_v3": "zarr3", "n5": "n5"]
                guard let path = json["path"]?.string, let expect = json["expect"]?.string, expect != "metadata-only",
                    let format = json["format"]?.string.flatMap({ formats[$0] })
                else { return nil }
                (self.path, self.format, self.expect, self.json) = (path, format, expect, json)
            }

            /// What the checking script has to know of the file made of it.
            func job(_ file: URL) -> JSONValue {
                let name = path.split(separator: "/").last.map(String.init) ?? ""
                return [
                    "file": .string(file.path), "dataset": .string(name), "only": true, "shape": json["shape"] ?? .null,
                    "dtype": json["dtype"] ?? .null, "sha256": json["sha256"] ?? .null,
                ]
            }
        }

        private static func json(_ file: URL) throws -> JSONValue { try JSONValue(parsing: Data(contentsOf: file)) }

        /// The formats of metadata that lie in a folder.
        private static func formats(in folder: URL) -> Int {
            ["zarr.json", ".zarray", "attributes.json"].count {
                FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
            }
        }

        private static func expectNoComplaints(_ jobs: [JSONValue], in folder: URL) async throws {
            let list = folder.appending(path: "jobs.json")
            try Data(JSONValue.array(jobs).canonicalText.utf8).write(to: list)
            let outcome = try await Harness.scriptOutcome("conversion.py", ["check", list.path], atMost: 300)
            let last = outcome.output.split(separator: "\n").last.map(String.init)
            #expect(last == "\(jobs.count) passed, 0 failed", "\(outcome.output.suffix(4000))\(outcome.summary)")
        }

        @Test(arguments: ["gzip", "source"])
        func everyFixtureIsReadOrRefused(compression: String) async throws {
            let list = try #require(try Self.json(Fixture.folder.appending(path: "expected.json")).array)
            let entries = list.compactMap(Entry.init)
            #expect(entries.count { $0.expect == "decode" } == 303)
            #expect(entries.count == 322)
            let job = try Job()
            let outcomes = try await withThrowingTaskGroup(of: (Int, ChildProcess.Outcome).self) { group in
                var outcomes: [Int: ChildProcess.Outcome] = [:]
                for (number, entry) in entries.enumerated() {
                    if number >= 4, let (done, outcome) = try await group.next() { outcomes[done] = outcome }
                    let source = Fixture.folder.appending(path: entry.path)
                    let flags = Self.formats(in: source) > 1 ? ["--format", entry.format] : []
                    group.addTask {
                        let arguments = ["convert", source.path, job.folder.appending(path: "\(number).h5").path]
                        return (number, try await job.run(arguments + ["--compression", compression] + flags))
                    }
                }
                for try await (done, outcome) in group { outcomes[done] = outcome }
                return outcomes
            }
            var jobs: [JSONValue] = []
            for (number, entry) in entries.enumerated() {
                let outcome = try #require(outcomes[number])
                let file = job.folder.appending(path: "\(number).h5")
                let mayPass = entry.expect != "reject"
                if outcome.exitCode == 0, mayPass {
                    jobs.append(entry.job(file))
                } else {
                    #expect(entry.expect != "decode", "\(entry.path): \(outcome.summary)")
                    expectRefusal(outcome, of: entry.path)
                    #expect(!FileManager.default.fileExists(atPath: file.path), "\(entry.path)")
                }
            }
            #expect(jobs.count >= 303)
            try await Self.expectNoComplaints(jobs, in: job.folder)
            let left = try FileManager.default.contentsOfDirectory(atPath: job.folder.path)
            #expect(left.filter { $0.hasSuffix("tmp") } == [])
        }

        /// HDF5 files of other programs: what holds numbers is copied, what does not is left out with a line each.
        @Test(arguments: ["h5py/vlen_string_s390x.h5", "hdf5plugin/blosc.h5"], ["gzip", "zstd"])
        func filesOfHDF5AreCopied(path: String, compression: String) async throws {
            let list = try #require(try Self.json(Fixture.folder.appending(path: "expected.json")).array)
            let entries = list.filter { $0["format"] == "hdf5" && $0["path"]?.string == path }
            let job = try Job()
            let file = job.folder.appending(path: "out.h5")
            let source = Fixture.folder.appending(path: path).path
            let outcome = try await job.run(["convert", source, file.path, "--compression", compression])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let jobs = entries.filter { $0["expect"] == "decode" }.compactMap(\.object).map { entry -> JSONValue in
                let dtype = entry["dtype"]?.string?.replacing(">f8", with: "float64").replacing(">i8", with: "int64")
                return .object([
                    "file": .string(file.path), "dataset": entry["dataset"] ?? .null, "shape": entry["shape"] ?? .null,
                    "dtype": .string(dtype ?? ""), "sha256": entry["sha256"] ?? .null,
                ])
            }
            #expect(jobs.count == (path.hasPrefix("h5py") ? 4 : 1))
            try await Self.expectNoComplaints(jobs, in: job.folder)
            let left = entries.filter { $0["expect"] != "decode" }.compactMap { $0["dataset"]?.string }
            #expect(left.allSatisfy { outcome.errors.contains($0) }, "\(outcome.summary)")
            let itself = try await job.run(["convert", file.path, file.path])
            #expect(itself.exitCode == 64)
        }

        /// The level that is asked for is the one that the file names; one that there is not is a usage error.
        @Test(arguments: [
            (["--level", "1"], 1), (["--level", "9"], 9), ([], 4), (["--compression", "zstd", "--level", "19"], 19),
            (["--level", "0"], nil), (["--level", "10"], nil), (["--compression", "source", "--level", "3"], nil),
        ])
        func levelsAreTaken(arguments: [String], level: Int?) async throws {
            let job = try Job()
            let file = job.folder.appending(path: "out.h5").path
            let source = job.folder.appending(path: "noise.zarr")
            try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
            try
                #"{"zarr_format":2,"shape":[8,64,64],"chunks":[8,64,64],"dtype":"|u1","compressor":null,"fill_value":0,"filters":null,"order":"C"}"#
                .write(to: source.appending(path: ".zarray"), atomically: true, encoding: .utf8)
            let bytes = (0..<32_768).map { UInt8($0 * $0 / 7 % 241) }
            try Data(bytes).write(to: source.appending(path: "0.0.0"))
            let outcome = try await job.run(["convert", source.path, file] + arguments)
            guard let level else {
                #expect(outcome.exitCode == 64 && !FileManager.default.fileExists(atPath: file), "\(outcome.summary)")
                return
            }
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            try await Self.expectNoComplaints(
                [
                    [
                        "file": .string(file), "dataset": "noise.zarr", "shape": [8, 64, 64], "dtype": "uint8",
                        "sha256": "21826bc70928e195eb3b9f5c75b9f57ca50c99d79fa82944f693844884988b6e",
                        "level": .integer(level),
                    ]
                ], in: job.folder)
        }

        @Test func anHDF5FileWithoutNumbersIsRefused() async throws {
            let job = try Job()
            let file = job.folder.appending(path: "out.h5")
            let source = Fixture.folder.appending(path: "h5py/compound-dtype-complex.h5").path
            let outcome = try await job.run(["convert", source, file.path])
            #expect(outcome.exitCode == 1, "\(outcome.summary)")
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }

        /// Exit 1, and one line that names the file of metadata and the member.
        private func expectRefusal(_ outcome: ChildProcess.Outcome, of path: String) {
            #expect(outcome.exitCode == 1, "\(path): \(outcome.summary)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(path): \(outcome.errors)")
            #expect(outcome.errors.contains(path), "\(path): \(outcome.errors)")
            let members = ["dtype: ", "data_type: ", "compressor.id: ", "codecs[0].name: "]
            #expect(members.contains { outcome.errors.contains($0) }, "\(path): \(outcome.errors)")
        }

        /// A whole tree at once: every array with numcodecs' codecs, shards among them. Over HTTP there are no listings: the names come
        /// from consolidated metadata, and the ends of shards have to be found.
        @Test(arguments: ["none", "zstd"], [false, true])
        func treeOfZarrV3(compression: String, overHTTP: Bool) async throws {
            let source = Fixture.folder.appending(path: "generated/zarr-python-3.1.6/codecs.zarr")
            let entries = try #require(try Self.json(source.appending(path: "expected.json")).array)
            #expect(entries.count == 25)
            let job = try Job()
            let file = job.folder.appending(path: "tree.h5")
            var jobs: [JSONValue] = []
            var consolidated: [String: JSONValue] = [:]
            for entry in entries {
                jobs.append([
                    "file": .string(file.path), "dataset": entry["path"] ?? .null, "shape": entry["shape"] ?? .null,
                    "dtype": entry["dtype"] ?? .null, "sha256": entry["sha256"] ?? .null,
                    "compression": .string(compression),
                ])
                guard let path = entry["path"]?.string else { continue }
                consolidated[path] = try Self.json(source.appending(path: "\(path)/zarr.json"))
            }
            // The folder of the arrays is no group itself.
            let root = job.folder.appending(path: "root/bucket")
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: source, to: root.appending(path: "tree"))
            var group: [String: JSONValue] = ["zarr_format": 3, "node_type": "group"]
            if overHTTP {
                group["consolidated_metadata"] = [
                    "kind": "inline", "must_understand": false, "metadata": .object(consolidated),
                ]
            }
            try Data(JSONValue.object(group).canonicalText.utf8).write(to: root.appending(path: "tree/zarr.json"))
            let server = try await S3Server(root: root.deletingLastPathComponent())
            let place = overHTTP ? "\(server.endpoint)/bucket/tree" : root.appending(path: "tree").path
            let outcome = try await job.run(["convert", place, file.path, "--compression", compression])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            try await Self.expectNoComplaints(jobs, in: job.folder)
        }

        /// A shard of 128 MiB, most of it never written, with its index in front.
        @Test func shardsAreReadInParts() async throws {
            let job = try Job()
            let folder = job.folder.appending(path: "shard.zarr")
            try FileManager.default.createDirectory(
                at: folder.appending(path: "c/0/0"), withIntermediateDirectories: true)
            let metadata = """
                {"zarr_format": 3, "node_type": "array", "shape": [512, 512, 512], "data_type": "uint8", "fill_value": 0,
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [512, 512, 512]}},
                "chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "sharding_indexed", "configuration": {
                "chunk_shape": [64, 64, 64], "codecs": [{"name": "bytes"}], "index_location": "start",
                "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}}]}
                """
            try Data(metadata.utf8).write(to: folder.appending(path: "zarr.json"))
            var index = Data()
            for number in 0..<512 {
                for value in [UInt64(8192 + number << 18), 1 << 18] {
                    withUnsafeBytes(of: value.littleEndian) { index.append(contentsOf: $0) }
                }
            }
            let shard = folder.appending(path: "c/0/0/0")
            try index.write(to: shard)
            let handle = try FileHandle(forWritingTo: shard)
            try handle.truncate(atOffset: 8192 + 512 << 18)
            try handle.close()
            let file = job.folder.appending(path: "out.h5")
            let outcome = try await job.run(["convert", folder.path, file.path, "--memory", "128MiB"])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(outcome.errors.contains("512 chunks"), "\(outcome.errors)")
            #expect(outcome.peakBytes > 0 && outcome.peakBytes < 120 << 20, "\(outcome.peakBytes) bytes at the most")
        }

        /// Chunks are taken over as they are where the filters of HDF5 can read them, attributes in every case.
        @Test(arguments: ["source", "gzip", "blosc"], [false, true])
        func treeWithAttributes(compression: String, overS3: Bool) async throws {
            let job = try Job()
            let root = job.folder.appending(path: "root/bucket")
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
            _ = try await Harness.script("conversion.py", ["make", root.path])
            let file = job.folder.appending(path: "out/tree.h5")
            var arguments = [root.appending(path: "tree.zarr").path]
            var server: S3Server?
            if overS3 {
                let started = try await S3Server(root: root.deletingLastPathComponent(), ["--page-size", "7"])
                arguments = ["s3://bucket/tree.zarr", "--endpoint", started.endpoint]
                server = started
            }
            let outcome = try await job.run(["convert"] + arguments + [file.path, "--compression", compression])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(outcome.errors.contains("hollow"), "\(outcome.errors)")
            let entries = try #require(try Self.json(root.appending(path: "expected.json")).array)
            #expect(entries.count == 20)
            let jobs = entries.compactMap(\.object).map { entry in
                var entry = entry
                entry["file"] = .string(file.path)
                entry["groups"] = ["/": ["root": "yes"], "/sub": ["depth": 1]]
                var attributes = entry["attributes"]?.object ?? [:]
                if compression == "source" {
                    attributes.merge(entry["source_attributes"]?.object ?? [:]) { $1 }
                } else {
                    entry["compression"] = .string(compression)
                }
                entry["attributes"] = .object(attributes)
                return JSONValue.object(entry)
            }
            try await Self.expectNoComplaints(jobs, in: job.folder)
            if let server {
                // Folders of arrays are not listed, and no chunk is fetched twice.
                let entries = try server.log().entries
                #expect(Dictionary(grouping: entries.filter(\.isWholeChunk), by: \.key).allSatisfy { $1.count == 1 })
            }
        }

        @Test func damagedChunkIsNamedAndNothingIsLeft() async throws {
            let job = try Job()
            let root = job.folder.appending(path: "root")
            _ = try await Harness.script("conversion.py", ["make", root.path])
            let chunk = root.appending(path: "tree.zarr/gzip/1.0.0")
            var bytes = try Data(contentsOf: chunk)
            bytes[bytes.count / 2] ^= 0x40
            try bytes.write(to: chunk)
            for compression in ["source", "gzip"] {
                let file = job.folder.appending(path: "out/\(compression).h5")
                let source = root.appending(path: "tree.zarr/gzip").path
                let outcome = try await job.run(["convert", source, file.path, "--compression", compression])
                #expect(outcome.exitCode == 1, "\(outcome.summary)")
                #expect(outcome.errors.contains("tree.zarr/gzip/1.0.0"), "\(outcome.summary)")
                #expect(outcome.errors.split(separator: "\n").count == 1 + (outcome.errors.contains("no name") ? 1 : 0))
                #expect(try FileManager.default.contentsOfDirectory(atPath: job.folder.path + "/out") == [])
            }
        }

        @Test func exitCodesSayWhatIsWrong() async throws {
            let job = try Job()
            let source = Fixture.folder.appending(path: "generated/tensorstore/v2/rank0_u2").path
            let file = job.folder.appending(path: "out.h5").path
            for arguments in [
                ["gopher://x/y", file], ["s3://", file], [source], [source, file, "--compression", "bzip3"],
                [source, file, "--memory", "1MiB"], [source, file, "--format", "zarr9"],
            ] {
                let outcome = try await job.run(["convert"] + arguments)
                #expect(outcome.exitCode == 64, "\(arguments): \(outcome.summary)")
            }
            try Data("here".utf8).write(to: job.folder.appending(path: "file"))
            let blocked = try await job.run(["convert", source, job.folder.appending(path: "file/out.h5").path])
            #expect(blocked.exitCode == 74, "\(blocked.summary)")
            let missing = try await job.run(["convert", job.folder.appending(path: "nothing").path, file])
            #expect(missing.exitCode == 1, "\(missing.summary)")
            let noNode = try await job.run(["convert", job.folder.path, file])
            #expect(noNode.exitCode == 1, "\(noNode.summary)")
            #expect(noNode.errors.contains("zarr.json"), "\(noNode.summary)")
            #expect(!FileManager.default.fileExists(atPath: file))
        }
    }
}
