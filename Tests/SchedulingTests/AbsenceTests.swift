import Foundation
import JSONText
import JobTestSupport
import Scheduling
import Testing

@testable import Arrays

/// What a store that fails leaves behind: no "not stored", and no item marked failed where the store is out of reach.
@Suite struct AbsenceTests {
    private let job: SmallJob
    private static let chunk = "ds/ds.zarr/recon-1/em/fibsem-uint8/s0/0/0/0"

    init() throws {
        job = SmallJob()
        try job.image(
            "ds/ds.zarr/recon-1/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [2, 2, 2], bytes: [1, 2, 3, 4, 5, 6, 7, 8])
            ])
        try job.image(
            "ds/ds.zarr/recon-1/labels/groundtruth/crop5/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [2, 2, 2], bytes: [0, 1, 1, 0, 0, 2, 2, 2])
            ],
            attributes: SmallJob.instances())
    }

    /// A chunk that cannot be had is no chunk that is not stored, neither in this run nor in the next one.
    @Test(arguments: ["a link that leads nowhere", "a folder"])
    func aFailureIsNoAbsence(what: String) async throws {
        let path = "\(job.folder)/bucket/\(Self.chunk)"
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        if what == "a folder" {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        } else {
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: ".git/annex/objects/x")
        }
        // Objects of this very second would be asked for again, and that would hide what the first answer was taken for.
        try await Task.sleep(for: .milliseconds(1100))
        let outcome = try await job.run()
        #expect(outcome.exitCode == 1)
        #expect(outcome.failures.first?.reason.contains(Self.chunk) == true, "\(outcome.failures)")
        #expect(!job.exists("out/hdf5/crop_5.h5"))
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        #expect(try await job.run().exitCode == 0)
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5").bytes == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test func aStoreOutOfReachFailsNoItem() async throws {
        let members: [String: JSONValue] = [
            "source": "http://127.0.0.1:1/data", "datasets": ["ds"], "limits": ["outage": 1],
        ]
        let error = await #expect(throws: JobError.self) { try await job.run(members) }
        #expect(error?.exitCode == 75)
        #expect(
            error?.description.contains("the store cannot be reached: 127.0.0.1:1: ") == true,
            "\(error?.description ?? "")")
        #expect(!job.exists("state/failed.json"))
        #expect((try? FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/state/failures")) ?? [] == [])
    }
}
