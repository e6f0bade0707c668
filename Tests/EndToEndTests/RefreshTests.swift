import Foundation
import Glibc
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// `--refresh` against a server, as it looks from there.
    @Suite struct RefreshTests {
        private static let store = "janelia-cosem-datasets"
        private static let kept: [String: JSONValue] = ["convert": ["keep_packs": true]]

        /// A bucket of its own, a server for it, and a job that is done.
        private struct Scene {
            let bucket: Bucket
            let server: S3Server
            let job: Job
            private let changes: [String: JSONValue]

            init(_ changes: [String: JSONValue] = [:], _ options: [String] = []) async throws {
                bucket = try Bucket(copying: await Replica.small().folder)
                server = try await S3Server(root: bucket.folder, options)
                job = try Job(changes)
                self.changes = changes
                let outcome = try await job.run(against: server)
                try #require(outcome.exitCode == 0, "\(outcome.summary)")
            }

            var times: FileTimes { get throws { try FileTimes(of: [job.out, job.state]) } }

            /// Refreshes; returns how it ended and what was asked for.
            func refresh() async throws -> (outcome: ChildProcess.Outcome, log: ServerLog) {
                let before = try server.log().entries.count
                let outcome = try await job.run(against: server, ["--refresh"])
                return (outcome, try server.log(skipping: before))
            }

            /// The keys, with the bucket, of the objects that an item was made from.
            func objects(of item: String) throws -> [String] {
                let text = try String(contentsOf: job.state.appending(path: "versions/\(item)"), encoding: .utf8)
                return text.split(separator: "\n").dropFirst().filter { !$0.hasSuffix("\tabsent") }
                    .compactMap { $0.dropFirst(9).split(separator: "\t").first.map { "\(store)/\($0)" } }.sorted()
            }

            /// Changes one of the chunks of an item; returns its key.
            func change(_ item: String, where isMeant: (String) -> Bool) async throws -> String {
                let key = try #require(try objects(of: item).first(where: isMeant))
                let array = try bucket.chunks(below: store).keys.first { key.hasPrefix($0 + "/") }
                let metadata = bucket.url("\(try #require(array))/.zarray").path
                _ = try await Harness.script("change_chunk.py", [metadata, bucket.url(key).path])
                return key
            }

            /// What a run from nothing gives on what is in the bucket now.
            func cleanTree() async throws -> FileTree {
                let other = try Job(changes)
                let outcome = try await other.run(against: server)
                try #require(outcome.exitCode == 0, "\(outcome.summary)")
                return try other.tree()
            }
        }

        /// The items that a run has finished, by its log.
        private func done(_ outcome: ChildProcess.Outcome) -> [String] {
            outcome.errors.split(separator: "\n").compactMap { line in
                let value = try? JSONValue(parsing: Array(line.utf8))
                return value?["event"] == "item_done" ? value?["item"]?.string : nil
            }.sorted()
        }

        @Test(arguments: [[], ["--no-head"], ["--no-etag"], ["--no-etag", "--no-head", "--page-size", "20"]])
        func unchangedFetchesAndWritesNothing(options: [String]) async throws {
            let scene = try await Scene([:], options)
            let before = try scene.times
            let (outcome, log) = try await scene.refresh()
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(try scene.times.differences(from: before) == [])
            #expect(log.entries.filter(\.isWholeChunk).map(\.key) == [])
            #expect(log.entries.contains { $0.method == "HEAD" || $0.status == 206 })
            #expect(done(outcome) == [])
        }

        /// One request for each object that is looked at, at the most; and for a crop's labels one listing for all of them.
        @Test func unchangedCostsNoMoreThanARequestForEachObject() async throws {
            let scene = try await Scene()
            let (_, log) = try await scene.refresh()
            let heads = Dictionary(grouping: log.entries.filter { $0.method == "HEAD" }, by: \.key)
            #expect(heads.filter { $0.value.count > 10 }.map(\.key) == [])
            let text = try FileManager.default.contentsOfDirectory(atPath: scene.job.state.path + "/versions")
            let lines = try text.reduce(0) { sum, item in
                let path = scene.job.state.appending(path: "versions/\(item)")
                return sum + (try String(contentsOf: path, encoding: .utf8)).split(separator: "\n").count - 1
            }
            let count = log.entries.count { $0.method == "HEAD" }
            #expect(count > 0 && count < lines, "\(count) of \(lines)")
            #expect(log.entries.contains { $0.key.hasPrefix("list:") && $0.key.contains("/labels/groundtruth/") })
        }

        @Test(arguments: [true, false])
        func changedRawChunkRedoesWhatNeedsIt(keepsPacks: Bool) async throws {
            let scene = try await Scene(keepsPacks ? Self.kept : [:])
            let key = try await scene.change("crop_124") { $0.contains("/em/") }
            let (outcome, log) = try await scene.refresh()
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(done(outcome) == ["crop_124"])
            let fetched = log.entries.filter(\.isWholeChunk).map(\.key).sorted()
            #expect(fetched == (keepsPacks ? [key] : try scene.objects(of: "crop_124")))
            let differences = try scene.job.tree().differences(from: try await scene.cleanTree())
            #expect(differences == [])
            let after = try scene.times
            #expect(try await scene.refresh().outcome.exitCode == 0)
            #expect(try scene.times.differences(from: after) == [])
        }

        @Test func changedLabelChunkAndMetadataRedoTheirCropAlone() async throws {
            let scene = try await Scene(Self.kept)
            let key = try await scene.change("crop_9") { $0.contains("/labels/") }
            let (outcome, log) = try await scene.refresh()
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(done(outcome) == ["crop_9"])
            #expect(log.entries.filter(\.isWholeChunk).map(\.key) == [key])
            let differences = try scene.job.tree().differences(from: try await scene.cleanTree())
            #expect(differences == [])

            // The crop moves by one voxel of 8 nm.
            let group = "\(Self.store)/jrc_mus-liver/jrc_mus-liver.zarr/recon-1/labels/groundtruth/crop124"
            let attributes = "\(group)/mito/.zattrs"
            let old = String(decoding: try scene.bucket.bytes(attributes), as: UTF8.self)
            let other = [("43798", "43790"), ("43800", "43792"), ("43804", "43796")].reduce(old) {
                $0.replacing($1.0, with: $1.1)
            }
            try #require(other != old, "\(old)")
            try scene.bucket.write(Data(other.utf8), attributes)
            let before = try scene.objects(of: "crop_124")
            let (moved, requests) = try await scene.refresh()
            #expect(moved.exitCode == 0, "\(moved.summary)")
            #expect(done(moved) == ["crop_124"])
            // The new box may need other raw chunks; all that was there is taken from the pack.
            let again = requests.entries.filter(\.isWholeChunk).map(\.key)
            #expect(again.filter { before.contains($0) } == [])
            let movedDifferences = try scene.job.tree().differences(from: try await scene.cleanTree())
            #expect(movedDifferences == [])
        }

        /// A pack that was refreshed is still what zarr-python and `unzip` read.
        @Test func refreshedPacksAreStillArchives() async throws {
            let scene = try await Scene(Self.kept)
            let key = try await scene.change("crop_124") { $0.contains("/em/") }
            #expect(try await scene.refresh().outcome.exitCode == 0)
            let packs = try FileManager.default.contentsOfDirectory(atPath: scene.job.state.path + "/packs")
            let pack = try #require(packs.first { $0.hasPrefix("crop_124-") && $0.hasSuffix(".zip") })
            let report = try await Harness.script(
                "pack_entry.py",
                [
                    "\(scene.job.state.path)/packs/\(pack)", String(key.dropFirst(Self.store.count + 1)),
                    scene.bucket.url(key).path,
                ])
            #expect(report == "ok\n")
        }

        @Test func killedRefreshesEndWithTheNewBytes() async throws {
            let scene = try await Scene([:], ["--latency-ms", "5"])
            for (key, bytes) in try scene.bucket.rotated(below: Self.store) { try scene.bucket.write(bytes, key) }
            var random = SplitMix(seed: Harness.seed)
            var kills = 0
            for round in 0..<8 {
                let before = try scene.server.log().entries.count
                let process = try scene.job.start(against: scene.server, ["--refresh"])
                let limit = Int.random(in: 20...400, using: &random)
                while process.isRunning(), try scene.server.log().entries.count < before + limit {
                    try await Task.sleep(for: .milliseconds(5))
                }
                if process.isRunning() { kills += 1 }
                process.send(SIGKILL)
                _ = try await process.wait(atMost: 60)
                // A plain run in between ends what was begun.
                if round % 4 == 3 { try await finish(scene, []) }
            }
            #expect(kills > 3)
            try await finish(scene, ["--refresh"])
            let differences = try scene.job.tree().differences(from: try await scene.cleanTree())
            #expect(differences == [])
        }

        private func finish(_ scene: Scene, _ arguments: [String]) async throws {
            for _ in 0..<60 {
                let outcome = try await scene.job.run(against: scene.server, arguments)
                if outcome.exitCode == 0 { return }
                try #require(outcome.exitCode == 75, "\(outcome.summary)")
                try await Task.sleep(for: .milliseconds(500))
            }
        }

        @Test func tasksRefreshTogether() async throws {
            let scene = try await Scene()
            for (key, bytes) in try scene.bucket.rotated(below: Self.store) { try scene.bucket.write(bytes, key) }
            // What a crop is called by is in its group: a new one.
            let group = "\(Self.store)/jrc_mus-liver/jrc_mus-liver.zarr/recon-1/labels/groundtruth"
            try scene.bucket.copy("\(group)/crop124", to: "\(group)/crop1240")
            let tasks = try (0..<3).map {
                try scene.job.start(against: scene.server, ["--refresh", "--task", "\($0)/3"])
            }
            for task in tasks {
                let outcome = try await task.wait(atMost: 600)
                #expect(outcome.exitCode == 0, "\(outcome.summary)")
            }
            let differences = try scene.job.tree().differences(from: try await scene.cleanTree())
            #expect(differences == [])
        }
    }
}
