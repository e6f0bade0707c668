import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// A source that is replaced while it is read: what comes out is the old or the new one, or nothing, but never some of both.
    @Suite struct SourceChangeTests {
        private static let store = "janelia-cosem-datasets"

        /// Runs a job and replaces all chunks when so many of them have been sent.
        private func runThroughChange(
            _ job: Job, _ server: S3Server, _ bucket: Bucket, after count: Int, below key: String
        ) async throws -> ChildProcess.Outcome {
            let new = try bucket.rotated(below: key)
            let process = try job.start(against: server)
            try #require(try await server.waitForChunks(count, while: process), "it ended before the change")
            for (key, bytes) in new { try bucket.write(bytes, key) }
            return try await process.wait(atMost: 600)
        }

        private func run(_ job: Job, _ server: S3Server) async throws -> FileTree {
            let outcome = try await job.run(against: server)
            try #require(outcome.exitCode == 0, "\(outcome.summary)")
            return try job.tree()
        }

        @Test(arguments: [4, 20, 40])
        func cropsAreOfOneState(count: Int) async throws {
            let bucket = try Bucket(copying: await Replica.small().folder)
            let server = try await S3Server(root: bucket.folder, ["--latency-ms", "150"])
            let job = try Job(["limits": ["connections": 4, "memory": "256MiB", "claim_seconds": 5]])
            let outcome = try await runThroughChange(job, server, bucket, after: count, below: Self.store)
            #expect(
                outcome.exitCode == 0 || outcome.errors.contains("the source is being changed"), "\(outcome.summary)")
            let (old, new) = (try await Job.cleanTree(), try await run(try Job(), server))
            let files = try job.tree().files.filter { $0.key.hasSuffix(".h5") }
            for (name, bytes) in files {
                #expect(bytes == old.files[name] || bytes == new.files[name], "\(name) is mixed")
            }
            #expect(files.contains { $0.value != old.files[$0.key] }, "the change came too late")
            if outcome.exitCode != 0 { _ = try await run(job, server) }
            // What was finished before the change is old; a refresh sees it.
            let refreshed = try await job.run(against: server, ["--refresh"])
            #expect(refreshed.exitCode == 0, "\(refreshed.summary)")
            #expect(try job.tree().differences(from: new) == [])
        }

        /// The metadata that a job was planned with are of the old state: nothing can be made of that.
        @Test func changedMetadataFailTheItem() async throws {
            let bucket = try Bucket(copying: await Replica.small().folder)
            let server = try await S3Server(root: bucket.folder)
            let job = try Job()
            let planned = try await job.run(against: server, ["--stage", "discover"])
            #expect(planned.exitCode == 0, "\(planned.summary)")
            let crop = "jrc_mus-liver/jrc_mus-liver.zarr/recon-1/labels/groundtruth/crop124/mito"
            let chunks = try bucket.chunks(below: "\(Self.store)/\(crop)").values.flatMap { $0 }
            let old = try bucket.bytes("\(Self.store)/\(crop)/.zattrs")
            try bucket.write(old + Data("\n".utf8), "\(Self.store)/\(crop)/.zattrs")
            // Written a minute from now, by the server's clock: after whatever it says first.
            for key in chunks {
                let later: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSinceNow: 60)]
                try FileManager.default.setAttributes(later, ofItemAtPath: bucket.url(key).path)
            }
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 1, "\(outcome.summary)")
            let line = outcome.errors.split(separator: "\n").first { $0.contains("the source is being changed") }
            #expect(line?.contains("crop124/mito/.zattrs") == true, "\(outcome.summary)")
            #expect(line?.contains("--refresh") == true, "\(outcome.summary)")
            #expect(!FileManager.default.fileExists(atPath: job.out.appending(path: "hdf5/crop_124.h5").path))
            let refreshed = try await job.run(against: server, ["--refresh"])
            #expect(refreshed.exitCode == 0, "\(refreshed.summary)")
        }

        @Test func dataThatDoNotChangeCostNothing() async throws {
            let bucket = try Bucket(copying: await Replica.small().folder)
            let server = try await S3Server(root: bucket.folder)
            let outcome = try await Job().run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let log = try server.log()
            #expect(log.entries.filter { $0.method != "GET" }.map(\.key) == [])
            let asked = Dictionary(grouping: log.entries.filter { !$0.key.hasPrefix("list:") }, by: \.key)
            #expect(asked.filter { $0.value.count > 1 && !$0.key.contains("/em/") }.map(\.key) == [])
        }

        @Test(arguments: [200, 2600])
        func volumesAreOfOneState(count: Int) async throws {
            let folder = try Harness.newFolder("volumes")
            _ = try await Harness.script("volumes.py", ["write", folder.appending(path: "volumes").path])
            let bucket = try Bucket(copying: folder)
            let server = try await S3Server(root: bucket.folder, ["--latency-ms", "5"])
            let members: [String: JSONValue] = [
                "source": "s3://volumes", "mode": "volumes", "select": "all", "datasets": ["vol-fine"],
            ]
            let old = try await run(try Job(members), server)
            let job = try Job(members)
            let before = try server.log().entries.count(where: \.isWholeChunk)
            let outcome = try await runThroughChange(
                job, server, bucket, after: before + count, below: "volumes/vol-fine")
            #expect(
                outcome.exitCode == 0 || outcome.errors.contains("the source is being changed"), "\(outcome.summary)")
            let new = try await run(try Job(members), server)
            #expect(old.differences(from: new) != [])
            for (name, bytes) in try job.tree().files where name.hasSuffix(".h5") {
                #expect(bytes == old.files[name] || bytes == new.files[name], "\(name) is mixed")
            }
            if outcome.exitCode != 0 { _ = try await run(job, server) }
            let refreshed = try await job.run(against: server, ["--refresh"])
            #expect(refreshed.exitCode == 0, "\(refreshed.summary)")
            #expect(try job.tree().differences(from: new) == [])
        }
    }
}
