import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// Names, paths and sizes from outside lead nowhere but into `out` and `state`.
    @Suite struct HostileTests {
        @Test func hostileDatasetStaysInItsFolders() async throws {
            let replica = try await Replica(options: ["--small", "--hostile"])
            let server = try await S3Server(root: replica.folder)
            let job = try Job([
                "datasets": ["jrc_hostile", "jrc_hela-2"], "classes": ["*"],
                "limits": ["connections": 8, "memory": "256MiB", "max_attempts": 2],
            ])
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0 || outcome.exitCode == 1, "\(outcome.summary)")
            #expect(outcome.peakBytes < 256 << 20, "\(outcome.peakBytes) bytes at the most")
            try expectNothingOutside(of: job)
            #expect(try await job.complaints(about: replica, ["--classes", "*", "--only", "9"]) == [])
        }

        @Test func hostileListStaysInItsFolders() async throws {
            let server = try await S3Server(root: Replica.small().folder)
            let job = try Job(["datasets": ["jrc_hela-2"], "lists": ["jrc_hela-2": "list"]])
            let key = "s3://janelia-cosem-datasets/jrc_hela-2/jrc_hela-2.zarr/recon-1/em/fibsem-uint8/.zattrs"
            let lines = ["../../../../../../escaped", "/tmp/escaped", "..", ""].map { "\(key)\t\($0)\n" }
            try Data(lines.joined().utf8).write(to: job.folder.appending(path: "list"))
            let outcome = try await job.run(against: server)
            #expect([0, 1, 74, 78].contains(outcome.exitCode ?? -1), "\(outcome.summary)")
            try expectNothingOutside(of: job)
        }

        @Test(arguments: ["hdf5", "crops", "txt"])
        func plantedLinkIsNotFollowed(name: String) async throws {
            let server = try await S3Server(root: Replica.small().folder)
            let job = try Job(["datasets": ["jrc_hela-2"]])
            let elsewhere = try Harness.newFolder("elsewhere")
            try FileManager.default.createDirectory(at: job.out, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(at: job.out.appending(path: name), withDestinationURL: elsewhere)
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 74 || outcome.exitCode == 1, "\(outcome.summary)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path) == [])
        }

        /// Nothing beside `out` and `state` in the job's folder, and nothing called `escaped` anywhere around.
        private func expectNothingOutside(of job: Job) throws {
            let files = FileManager.default
            let known = ["config.json", "list", "out", "state"]
            let beside = try files.contentsOfDirectory(atPath: job.folder.path).filter {
                !known.contains($0) && !$0.hasPrefix("run-")
            }
            #expect(beside == [])
            var folder = job.folder
            while folder.path != "/" {
                folder.deleteLastPathComponent()
                #expect(!files.fileExists(atPath: folder.appending(path: "escaped").path), "\(folder.path)")
            }
            #expect(!files.fileExists(atPath: "/tmp/escaped"))
            let escaped = try files.subpathsOfDirectory(atPath: job.folder.path).filter {
                $0.split(separator: "/").contains("escaped")
            }
            #expect(escaped == [])
        }
    }
}
