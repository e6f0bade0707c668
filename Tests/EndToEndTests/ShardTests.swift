import Foundation
import Glibc
import JSONText
import Testing

extension EndToEnd {
    /// Jobs over sharded arrays of zarr-python and TensorStore: the index at either end, nested, with inner chunks that are not stored.
    @Suite struct ShardTests {
        private static let bucket = "shards"

        /// The folder with the bucket that `shards.py` writes, once for all tests.
        private static let replica = Task {
            let folder = try Harness.newFolder("shards")
            _ = try await Harness.script("shards.py", ["write", folder.appending(path: bucket).path])
            return folder
        }

        private static func store() async throws -> String { try await replica.value.appending(path: bucket).path }

        private static func members(_ changes: [String: JSONValue] = [:]) -> [String: JSONValue] {
            ["source": .string("s3://\(bucket)")].merging(changes) { $1 }
        }

        private static func isShard(_ entry: ServerLog.Entry) -> Bool { entry.key.hasSuffix("/s0/c/0/0/0") }
        private static func isRaw(_ entry: ServerLog.Entry) -> Bool { isShard(entry) && entry.key.contains("/em/") }

        @Test(arguments: ["gzip", "source"]) func aCropCostsItsInnerChunks(compression: String) async throws {
            let server = try await S3Server(root: try await Self.replica.value)
            let job = try Job(Self.members(["convert": ["compression": .string(compression), "keep_packs": true]]))
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let report = try await Harness.script("shards.py", ["check", try await Self.store(), job.out.path])
            #expect(report == "16 passed, 0 failed\n")
            let raw = try server.log().entries.filter(Self.isRaw)
            #expect(raw.filter { $0.status != 206 }.map(\.description) == [])
            for (key, entries) in Dictionary(grouping: raw, by: \.key) {
                // 18 of 512 inner chunks of 32 KiB are needed and stored, 6 of 64 of 256 KiB where they are nested; the index, and
                // what lies between neighbours.
                let bytes = entries.reduce(0) { $0 + $1.bytes }
                let needed = key.contains("shard-nested") ? 6 << 18 : 18 << 15
                #expect(bytes >= needed && bytes < 2 * needed, "\(key): \(bytes) bytes")
                #expect(entries.count < 20, "\(key): \(entries.count) requests")
            }
            // What is needed whole comes with one request.
            let labels = try server.log().entries.filter { Self.isShard($0) && !Self.isRaw($0) }
            #expect(labels.count == 4)
            #expect(labels.filter { $0.status != 200 }.map(\.description) == [])

            // The packs hold all there is to know: converting again asks for nothing.
            let requests = try server.log().entries.count
            try FileManager.default.removeItem(at: job.out)
            let again = try await job.run(against: server)
            #expect(again.exitCode == 0, "\(again.summary)")
            #expect(try server.log(skipping: requests).entries.filter(Self.isShard).isEmpty)
            #expect(
                try await Harness.script("shards.py", ["check", try await Self.store(), job.out.path])
                    == "16 passed, 0 failed\n")
        }

        @Test(arguments: ["gzip", "source"]) func volumesAreWhatTheShardsHold(compression: String) async throws {
            let server = try await S3Server(root: try await Self.replica.value)
            let job = try Job(
                Self.members([
                    "mode": "volumes", "convert": ["compression": .string(compression), "keep_packs": true],
                ]))
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let store = try await Self.store()
            #expect(
                try await Harness.script("shards.py", ["check-volumes", store, job.out.path]) == "8 passed, 0 failed\n")
            // All of a shard is fetched at once, after its index at the most.
            let raw = try server.log().entries.filter(Self.isRaw)
            #expect(raw.count <= 8 && raw.count { $0.status == 200 } == 4, "\(raw.count) requests")
            if compression == "source" {
                let report = try await Harness.script("shards.py", ["raw-chunks", store, job.out.path, "shard-end"])
                #expect(report == "512 passed, 0 failed\n")
            }
            let packs = try FileTree(of: job.state).files.keys.filter { $0.hasSuffix(".zip") }.sorted()
            let pack = try #require(packs.first { $0.contains("shard-start") })
            let report = try await Harness.script(
                "shards.py", ["check-pack", store, "shard-start", job.state.appending(path: pack).path])
            #expect(report == "1 passed, 0 failed\n")
        }

        /// Shards of 1 GiB, of which little is stored, in little memory: a crop, a region and the volume.
        @Test(arguments: ["crops", "volumes"]) func largeShardsStayWithinTheirMemory(mode: String) async throws {
            let folder = try Harness.newFolder("large")
            _ = try await Harness.script("shards.py", ["write-large", folder.path])
            let region: JSONValue = [
                "dataset": "shard-large", "offset_nm": [8076, 7916, 556], "shape_nm": [400, 400, 320],
            ]
            let job = try Job([
                "source": .string("file://" + folder.path), "mode": .string(mode), "select": "all",
                "regions": mode == "crops" ? [region] : [],
                "convert": ["compression": mode == "crops" ? "gzip" : "source"],
                "limits": ["connections": 8, "memory": "128MiB"],
            ])
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(outcome.peakBytes > 0 && outcome.peakBytes < 128 << 20, "\(outcome.peakBytes) bytes at the most")
            let report = try await Harness.script("shards.py", ["check-large", folder.path, job.out.path])
            #expect(report == (mode == "crops" ? "8 passed, 0 failed\n" : "22 passed, 0 failed\n"), "\(report)")
        }

        @Test func killedDownloadsKeepTheirInnerChunks() async throws {
            let region: JSONValue = [
                "dataset": "shard-start", "offset_nm": [300, 300, 0], "shape_nm": [1500, 1500, 1500],
            ]
            let members = Self.members([
                "datasets": ["shard-start"], "select": "all", "regions": [region],
                "limits": ["connections": 2, "memory": "256MiB", "claim_seconds": 5],
            ])
            let server = try await S3Server(root: try await Self.replica.value, ["--latency-ms", "30"])
            let clean = try Job(members)
            let undisturbed = try await clean.run(against: server)
            #expect(undisturbed.exitCode == 0, "\(undisturbed.summary)")
            let bytes = try server.log().entries.filter(Self.isRaw).reduce(0) { $0 + $1.bytes }
            let requests = try server.log().entries.count

            let job = try Job(members)
            let process = try job.start(against: server)
            while try server.log(skipping: requests).entries.filter(Self.isRaw).count < 20, process.isRunning() {
                try await Task.sleep(for: .milliseconds(5))
            }
            process.send(SIGKILL)
            let killed = try await process.wait(atMost: 60)
            try #require(killed.signal == SIGKILL, "it ended before it could be killed: \(killed.summary)")
            var outcome = try await job.run(against: server)
            for _ in 0..<20 where outcome.exitCode == 75 {
                try await Task.sleep(for: .milliseconds(500))
                outcome = try await job.run(against: server)
            }
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(try job.tree().differences(from: clean.tree()) == [])
            // What was under way when it was killed, on two connections, may have come twice; nothing else has.
            let entries = try server.log(skipping: requests).entries.filter(Self.isRaw)
            #expect(entries.reduce(0) { $0 + $1.bytes } <= bytes + (4 << 20))
            #expect(entries.count { $0.bytes == 16 * 512 + 4 } <= 2)
        }
    }
}
