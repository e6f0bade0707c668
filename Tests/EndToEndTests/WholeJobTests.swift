import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// The whole job over HTTP, compared voxel for voxel with an independent reference.
    @Suite struct WholeJobTests {
        @Test func replicaComesOutAsTheReferenceSays() async throws {
            let replica = try await Replica.full()
            let server = try await S3Server(root: replica.folder, ["--page-size", "50"])
            let job = try Job(["classes": ["mito", "mito_mem"]])
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(outcome.peakBytes > 0 && outcome.peakBytes < 256 << 20, "\(outcome.peakBytes) bytes at the most")
            #expect(try await job.complaints(about: replica, ["--classes", "mito,mito_mem"]) == [])

            // Once done is done: not one request, not one byte.
            let requests = try server.log().entries.count
            let tree = try job.tree()
            let again = try await job.run(against: server)
            #expect(again.exitCode == 0, "\(again.summary)")
            #expect(try server.log(skipping: requests).entries.map(\.key) == [])
            #expect(try job.tree().differences(from: tree) == [])

            let verification = try await job.run(["verify", job.manifest.path])
            #expect(verification.exitCode == 0, "\(verification.summary)")
            let status = try await job.run(["status", job.manifest.path, "--json"])
            #expect(status.exitCode == 0, "\(status.summary)")
            #expect(throws: Never.self) { try JSONValue(parsing: Array(status.output.utf8)) }
        }

        @Test func eachChunkIsFetchedOnce() async throws {
            let server = try await S3Server(root: Replica.small().folder)
            let job = try Job()
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let chunks = try server.log().wholeChunks
            #expect(chunks.count > 60)
            #expect(chunks.filter { $0.value.count > 1 }.map(\.key) == [])
        }

        @Test func newTargetOnlyResizesAgain() async throws {
            let replica = try await Replica.small()
            let server = try await S3Server(root: replica.folder)
            let job = try Job()
            let first = try await job.run(against: server)
            #expect(first.exitCode == 0, "\(first.summary)")
            let native = try FileTree(of: job.out.appending(path: "hdf5"))
            let requests = try server.log().entries.count
            // 8.5 nm leads to the same levels as 8 nm, but to other weights on every axis.
            try job.write(["target_nm": 8.5])
            let second = try await job.run(against: server)
            #expect(second.exitCode == 0, "\(second.summary)")
            #expect(try server.log(skipping: requests).entries.filter(\.isChunk).map(\.key) == [])
            #expect(try FileTree(of: job.out.appending(path: "hdf5")).differences(from: native) == [])
            #expect(try await job.complaints(about: replica, ["--target", "8.5"]) == [])
        }

        @Test(arguments: ["10,8,6", "24"])
        func otherTargetsComeOutAsTheReferenceSays(target: String) async throws {
            let replica = try await Replica.small()
            let server = try await S3Server(root: replica.folder)
            let axes = target.split(separator: ",").compactMap { Double($0) }.map { JSONValue.number($0) }
            let job = try Job(["target_nm": axes.count == 1 ? axes[0] : .array(axes)])
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(try await job.complaints(about: replica, ["--target", target]) == [])
        }

        @Test func planTransfersNothing() async throws {
            let server = try await S3Server(root: Replica.small().folder)
            let job = try Job()
            let outcome = try await job.run(["plan", job.manifest.path, "--endpoint", server.endpoint])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(!outcome.output.isEmpty)
            #expect(try server.log().entries.filter(\.isChunk).map(\.key) == [])
            #expect(!FileManager.default.fileExists(atPath: job.out.appending(path: "hdf5").path))
        }
    }
}
