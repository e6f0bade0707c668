import Arrays
import Foundation
import Geometry
import HDF5
import JSONText
import Job
import JobTestSupport
import Scheduling
import Testing

/// What voxels of derived classes mean: an object, absent, or unknown. Raw data: 4×4×4 voxels of 8 nm.
@Suite struct AnnotationTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    init() throws {
        job = SmallJob()
        try job.rawImage(recon)
    }

    private func label(
        _ name: String, _ bytes: [UInt8]?, shape: [Int] = [2, 2, 2], voxel: Double = 8, edge: Double = 4,
        attributes: [String: JSONValue] = [:]
    ) throws {
        try job.image(
            "\(recon)/labels/groundtruth/crop5/\(name)",
            [
                SmallJob.Level(
                    voxel: [voxel, voxel, voxel],
                    translation: [edge + voxel / 2, edge + voxel / 2, edge + voxel / 2], shape: shape, bytes: bytes)
            ], attributes: attributes)
    }

    private func values(_ bytes: [UInt8], width: Int) -> [Int] {
        stride(from: 0, to: bytes.count, by: width).map { start in
            (0..<width).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
        }
    }

    private func mito(_ file: String = "hdf5/crop_5.h5") async throws -> [Int] {
        let found = try await job.dataset("/label_crop/mito", of: file)
        return values(found.bytes, width: found.bytes.count / found.shape.reduce(1, *))
    }

    private let mask: JSONValue = ["mito": ["from": "all", "ids": [3, 4, 5, 50], "instances": false]]

    @Test func whereTheSourceIsEmptyNothingIsKnown() async throws {
        try label("all", [3, 0, 35, 0, 35, 0, 0, 50])
        _ = try await job.run()
        #expect(try await mito() == [1, 255, 0, 255, 0, 255, 255, 2])
        #expect(try await mito("crops/crop_5.h5") == [1, 255, 0, 255, 0, 255, 255, 2])
        let entry = try #require(try JSONValue(parsing: try job.text("out/txt/attributes.json").utf8)[0])
        #expect(entry["labels"]?["mito"]?["unknown"] == 4)
        #expect(entry["labels"]?["mito"]?["absent"] == 2)
        #expect(entry["labels"]?["mito"]?["instances"] == 2)
    }

    @Test func aMaskSaysUnknownToo() async throws {
        try label("all", [3, 0, 35, 0, 35, 0, 0, 50])
        _ = try await job.run(["derive": mask])
        #expect(try await mito() == [1, 255, 0, 255, 0, 255, 255, 1])
        let found = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(found.attributes["unknown"] == .integer(255))
        #expect(found.attributes["present"] == .integer(1))
    }

    @Test(arguments: [false, true]) func declaredUnknownOfTheSourceCounts(instances: Bool) async throws {
        try label("all", [3, 9, 35, 35, 35, 9, 35, 35], attributes: SmallJob.instances(unknown: 9))
        _ = try await job.run([
            "derive": ["mito": ["from": "all", "ids": [3], "instances": .bool(instances)]]
        ])
        #expect(try await mito() == [1, 255, 0, 0, 0, 255, 0, 0])
    }

    /// The own labels hold no object, but say where nobody has looked. Objects of the source count all the same.
    @Test(arguments: [false, true]) func unknownOfTheOwnLabelsCounts(instances: Bool) async throws {
        try label("mito", [0, 0, 77, 77, 0, 77, 0, 0], attributes: SmallJob.instances(unknown: 77))
        try label("all", [3, 35, 35, 35, 35, 35, 0, 3])
        _ = try await job.run(["derive": ["mito": ["from": "all", "ids": [3], "instances": .bool(instances)]]])
        #expect(try await mito() == [1, 0, 255, 255, 0, 255, 255, instances ? 2 : 1])
    }

    @Test func ownLabelsOnAnotherGridAreLookedUpByPlace() async throws {
        // 4 voxels of 4 nm an axis over the same 16 nm: the voxels with z in 8...16 nm are unknown.
        let known = [UInt8](repeating: 0, count: 32)
        let unknown = [UInt8](repeating: 255, count: 32)
        try label("mito", known + unknown, shape: [4, 4, 4], voxel: 4, attributes: SmallJob.instances())
        try label("all", [3, 35, 35, 35, 35, 35, 3, 35])
        _ = try await job.run(["derive": mask])
        #expect(try await mito() == [1, 0, 0, 0, 255, 255, 1, 255])
    }

    @Test func unstoredSourceChunksAreUnknown() async throws {
        try label("all", nil)
        try label("er", [1, 0, 0, 0, 0, 0, 0, 0])
        let outcome = try await job.run(["classes": ["mito", "er"]])
        #expect(outcome.failures == [])
        let reader = try await HDF5Reader(opening: "\(job.folder)/out/hdf5/crop_5.h5")
        #expect(try await reader.children(of: "/label_crop").map(\.name) == ["er"])
        await reader.close()
    }

    /// 300 objects of one voxel each: number 255 must not be read as unknown.
    @Test func noObjectIs255() async throws {
        let count = 300
        // Objects at every other voxel of a row.
        try label("all", (0..<2 * count).map { $0 % 2 == 0 ? 3 : 35 }, shape: [1, 1, 2 * count])
        _ = try await job.run(stages: [.discover, .download, .convert])
        let found = try await mito()
        let ids = stride(from: 0, to: 2 * count, by: 2).map { found[$0] }
        #expect(ids == Array(1...254) + Array(256...301))
        #expect(stride(from: 1, to: 2 * count, by: 2).allSatisfy { found[$0] == 0 })
    }

    @Test func aVolumesMaskSaysUnknown() async throws {
        let all = (0..<64).map { [UInt8(3), 0, 35][$0 % 3] }
        try job.image(
            "\(recon)/labels/inference/segmentations/all",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: all)])
        let outcome = try await job.run(["mode": "volumes", "select": "all", "derive": mask])
        #expect(outcome.failures == [])
        let path = "/recon-1/labels/inference/segmentations/mito"
        let found = try await job.dataset("\(path)/s0", of: "hdf5/ds.h5")
        #expect(found.bytes == all.map { $0 == 3 ? 1 : $0 == 0 ? 255 : 0 })
        #expect(found.attributes["unknown"] == .integer(255))
        #expect(try await job.dataset(path, of: "crops/ds.h5").bytes == found.bytes)
    }
}
