import Foundation
import Testing

extension EndToEnd {
    /// The means of these tests are tested themselves: the replica against the public table, the checker on damage.
    @Suite struct ReferenceTests {
        @Test func replicaLiesWhereThePublicTableSays() async throws {
            let table = Harness.scripts.deletingLastPathComponent()
                .appending(path: "GeometryTests/Data/crop_to_raw_voxels.csv")
            let text = try await Harness.script(
                "reference.py",
                [try await Replica.full().folder.path, "--self-test", table.path, "--classes", "mito,mito_mem"])
            #expect(text.components(separatedBy: "the public table: agrees").count == 9)
        }

        @Test func checkerRejectsAnotherCropsFile() async throws {
            let replica = try await Replica.small()
            let job = try Job()
            for (name, data) in try await Job.cleanTree().files {
                let file = job.out.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try data.write(to: file)
            }
            #expect(try await job.complaints(about: replica) == [])
            let victim = job.out.appending(path: "hdf5/crop_9.h5")
            try FileManager.default.removeItem(at: victim)
            try FileManager.default.copyItem(at: job.out.appending(path: "hdf5/crop_7.h5"), to: victim)
            #expect(
                try await job.complaints(about: replica).contains { $0.hasPrefix("FAILED hdf5/crop_9.h5 raw_crop") })
        }
    }
}
