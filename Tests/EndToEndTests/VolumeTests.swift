import Foundation
import Glibc
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// Whole volumes and regions: Zarr v2 and v3, N5, other levels and grids than the raw data's, stops and kills on the way.
    @Suite struct VolumeTests {
        static let bucket = "volumes"

        /// The folder with the bucket that `volumes.py` writes, once for all tests.
        static let replica = Task {
            let folder = try Harness.newFolder("volumes")
            _ = try await Harness.script("volumes.py", ["write", folder.appending(path: bucket).path])
            return folder
        }

        private static func store() async throws -> URL { try await replica.value.appending(path: bucket) }

        private static func members(_ changes: [String: JSONValue] = [:]) async throws -> [String: JSONValue] {
            let limits: JSONValue = ["connections": 8, "memory": "256MiB", "max_attempts": 4, "claim_seconds": 5]
            return [
                "source": .string("file://" + (try await store().path)), "mode": "volumes", "select": "all",
                "limits": limits,
            ].merging(changes) { $1 }
        }

        /// What an undisturbed run writes, and how long it takes in seconds.
        private static let clean = Task { () async throws -> (tree: FileTree, seconds: Double) in
            let job = try Job(try await members())
            let outcome = try await job.run(["run", job.manifest.path])
            guard outcome.exitCode == 0 else { throw HarnessError("the undisturbed run failed: \(outcome.summary)") }
            return (try job.tree(), outcome.seconds)
        }

        @Test(arguments: ["gzip", "zstd", "source"])
        func volumesAreWhatTheStoreHolds(compression: String) async throws {
            let job = try Job(try await Self.members(["convert": ["compression": .string(compression)]]))
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(outcome.peakBytes > 0 && outcome.peakBytes < 256 << 20, "\(outcome.peakBytes) bytes at the most")
            let store = try await Self.store().path
            let report = try await Harness.script("volumes.py", ["check", store, job.out.path])
            #expect(report.hasSuffix(" 0 failed\n"), "\(report)")
            if compression == "source" {
                for dataset in ["vol-zarr", "vol-int16", "vol-raw", "vol-fine"] {
                    let report = try await Harness.script("volumes.py", ["raw-chunks", store, job.out.path, dataset])
                    #expect(report.hasSuffix(" 0 failed\n"), "\(dataset): \(report)")
                }
            }
            // Once done is done, and nothing of the work is left.
            let tree = try job.tree()
            let again = try await job.run(["run", job.manifest.path])
            #expect(again.exitCode == 0, "\(again.summary)")
            #expect(again.errors.contains("\"already_done\":6"), "\(again.summary)")
            #expect(try job.tree().differences(from: tree) == [])
            let left = try FileTree(of: job.state).files.keys.filter {
                $0.hasPrefix("packs/") || $0.hasPrefix("volumes/")
            }
            #expect(left.sorted() == [])
        }

        @Test(arguments: [("groundtruth", 1), ("inference", 5), ("all", 6)])
        func selectionTakesDatasets(select: String, count: Int) async throws {
            let job = try Job(try await Self.members(["select": .string(select)]))
            let outcome = try await job.run(["plan", job.manifest.path])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let plan = try JSONValue(parsing: Array(outcome.output.utf8))
            #expect(plan["items"]?.integer == count, "\(outcome.output)")
        }

        @Test func killedVolumesEndWithTheSameBytes() async throws {
            let (clean, seconds) = try await Self.clean.value
            let job = try Job(try await Self.members())
            var random = SplitMix(seed: Harness.seed)
            var kills = 0
            var tries = 0
            while kills < Harness.kills {
                tries += 1
                let process = try job.start(["run", job.manifest.path])
                let end = Date().addingTimeInterval(Double.random(in: 0.02...max(0.4, seconds), using: &random))
                while process.isRunning(), Date() < end { try await Task.sleep(for: .milliseconds(5)) }
                process.send(SIGKILL)
                let outcome = try await process.wait(atMost: 60)
                if outcome.signal == SIGKILL {
                    kills += 1
                } else if outcome.exitCode == 0 {
                    #expect(try job.tree().differences(from: clean) == [], "after \(kills) kills")
                    try job.wipe()
                } else {
                    // A killed process may have left a claim behind, which has to run out.
                    try #require(outcome.exitCode == 75, "\(outcome.summary)")
                    try await Task.sleep(for: .milliseconds(500))
                }
                try #require(tries < 40 * Harness.kills, "\(kills) kills in \(tries) tries")
            }
            var outcome = try await job.run(["run", job.manifest.path])
            while outcome.exitCode == 75, tries < 41 * Harness.kills {
                tries += 1
                try await Task.sleep(for: .milliseconds(500))
                outcome = try await job.run(["run", job.manifest.path])
            }
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(try job.tree().differences(from: clean) == [], "after \(kills) kills, seed \(Harness.seed)")
        }

        @Test func stoppedVolumesGoOnWithoutFetchingTwice() async throws {
            let server = try await S3Server(root: try await Self.replica.value, ["--latency-ms", "10"])
            let job = try Job(try await Self.members(["source": .string("s3://\(Self.bucket)")]))
            let process = try job.start(against: server)
            try #require(try await server.waitForChunks(150, while: process), "it ended before it could be stopped")
            process.send(SIGTERM)
            let stopped = try await process.wait(atMost: 60)
            #expect(stopped.exitCode == 75, "\(stopped.summary)")
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let chunks = try server.log().wholeChunks
            #expect(chunks.count > 1000)
            #expect(chunks.filter { $0.value.count > 1 }.map(\.key) == [])
            let report = try await Harness.script("volumes.py", ["check", try await Self.store().path, job.out.path])
            #expect(report.hasSuffix(" 0 failed\n"), "\(report)")
        }

        @Test func damagedChunkFailsItsVolumeAlone() async throws {
            let folder = try Harness.newFolder("damaged")
            _ = try await Harness.script("volumes.py", ["write", folder.path])
            let key = "vol-int16/vol-int16.zarr/recon-2/em/fibsem-int16/s1/0/0/0"
            let good = try Data(contentsOf: folder.appending(path: key))
            try good.dropLast(7).write(to: folder.appending(path: key))
            let job = try Job(try await Self.members(["source": .string("file://" + folder.path)]))
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 1, "\(outcome.summary)")
            let lines = outcome.errors.split(separator: "\n").filter { $0.contains("\"error\"") }
            #expect(lines.count == 1 && lines.allSatisfy { $0.contains(key) && $0.contains("convert") }, "\(lines)")
            #expect(try job.tree().files.keys.count { $0.hasSuffix(".h5") } == 10)
        }

        @Test func largeSparseVolumeStaysWithinItsMemory() async throws {
            let folder = try Harness.newFolder("sparse")
            _ = try await Harness.script("volumes.py", ["sparse", folder.path, "1024"])
            let job = try Job(
                try await Self.members([
                    "source": .string("file://" + folder.path),
                    "limits": ["connections": 8, "memory": "128MiB"],
                ]))
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(outcome.peakBytes > 0 && outcome.peakBytes < 128 << 20, "\(outcome.peakBytes) bytes at the most")
            let native = job.out.appending(path: "hdf5/vol-sparse.h5").path
            let size = try FileManager.default.attributesOfItem(atPath: native)[.size] as? Int ?? 0
            #expect(size > 100_000 && size < 4 << 20, "\(size) bytes, of 1 GiB that is not stored")
        }

        @Test func regionsAreCutFromTheirVolumes() async throws {
            let regions: JSONValue = [
                ["dataset": "vol-zarr", "offset_nm": [100, 81, 90], "shape_nm": [200, 160, 333]],
                ["dataset": "vol-n5", "offset_nm": [-6.72, 63, 100], "shape_nm": [100, 100, 100]],
                ["dataset": "vol-n5", "offset_nm": [6000, 0, 0], "shape_nm": [100, 100, 100]],
            ]
            let job = try Job(
                try await Self.members(["mode": "crops", "select": "groundtruth", "regions": regions]))
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 1, "\(outcome.summary)")
            #expect(outcome.errors.contains("region_vol-n5_2: discover:"), "\(outcome.summary)")
            let report = try await Harness.script(
                "volumes.py", ["regions", try await Self.store().path, job.out.path])
            #expect(report == "4 passed, 0 failed\n")
            let names = try job.tree().files.keys.filter { $0.hasPrefix("crops/") }.sorted()
            #expect(names == ["crops/crop_7.h5", "crops/region_vol-n5_1.h5", "crops/region_vol-zarr_1.h5"])
            let data = try JSONValue(parsing: Data(contentsOf: job.out.appending(path: "txt/data.json")))
            let n5 = data["datasets"]?.array?.first { $0["name"] == "vol-n5" }
            #expect(n5?["has_inference"] == true && n5?["has_groundtruth"] == false)
            #expect(n5?["voxel_size"] == [3.44, 4, 4])
        }
    }
}
