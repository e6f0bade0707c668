import Arrays
import Foundation
import Geometry
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Testing

/// Classes made from another one's ids in volumes and regions. Raw data and labels: 4×4×4 voxels of 8 nm.
@Suite struct DerivedClassTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let segmentations = "ds/ds.zarr/recon-1/labels/inference/segmentations"
    private let ramp = (0..<64).map { UInt8($0) }
    /// 3 in the planes 0 and 3, 35 between them.
    private let all =
        [UInt8](repeating: 3, count: 16) + [UInt8](repeating: 35, count: 32) + [UInt8](repeating: 3, count: 16)

    init() throws {
        job = SmallJob()
        try image("\(recon)/em/fibsem-uint8", ramp)
    }

    private func image(_ key: String, _ bytes: [UInt8]?, fill: Int = 0, attributes: [String: JSONValue] = [:]) throws {
        try job.image(
            key,
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], fill: fill, bytes: bytes)],
            attributes: attributes)
    }

    private let masks: JSONValue = ["mito": ["from": "all", "ids": [3, 4], "instances": false]]

    @Test(arguments: ["gzip", "source"]) func aVolumeGetsAMask(compression: String) async throws {
        try image("\(segmentations)/all", all)
        let outcome = try await job.run([
            "mode": "volumes", "select": "all", "derive": masks, "convert": ["compression": .string(compression)],
        ])
        #expect(outcome.failures == [])
        let path = "/recon-1/labels/inference/segmentations/mito"
        let mito = try await job.dataset("\(path)/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes == all.map { $0 == 3 ? 1 : 0 })
        #expect(mito.attributes["class"] == .string("mito"))
        #expect(mito.attributes["derived_from"] == .string("all"))
        #expect(mito.attributes["present"] == .integer(1))
        #expect(mito.attributes["annotation_type"] == .string("semantic_segmentation"))
        let resized = try await job.dataset(path, of: "crops/ds.h5")
        #expect(resized.bytes == all.map { $0 == 3 ? 1 : 0 })
        // What it was made from was not asked for.
        let reader = try await HDF5Reader(opening: "\(job.folder)/out/hdf5/ds.h5")
        let folder = try await reader.children(of: "/recon-1/labels/inference/segmentations")
        #expect(folder.map(\.name) == ["mito"])
        await reader.close()
    }

    @Test func bothAreThereWhereBothAreAskedFor() async throws {
        try image("\(segmentations)/all", all)
        let outcome = try await job.run([
            "mode": "volumes", "select": "all", "derive": masks, "classes": ["*"],
        ])
        #expect(outcome.failures == [])
        let folder = "/recon-1/labels/inference/segmentations"
        #expect(try await job.dataset("\(folder)/all/s0", of: "hdf5/ds.h5").bytes == all)
        #expect(try await job.dataset("\(folder)/mito/s0", of: "hdf5/ds.h5").bytes == all.map { $0 == 3 ? 1 : 0 })
    }

    @Test(arguments: [(3, UInt8(1)), (35, 0)]) func whatIsNotStoredIsMaskedToo(fill: Int, expected: UInt8) async throws
    {
        try image("\(segmentations)/all", nil, fill: fill)
        _ = try await job.run(["mode": "volumes", "select": "all", "derive": masks])
        let mito = try await job.dataset("/recon-1/labels/inference/segmentations/mito/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes == [UInt8](repeating: expected, count: 64))
    }

    @Test func aVolumesOwnClassStays() async throws {
        try image("\(segmentations)/all", all)
        try image("\(segmentations)/mito", ramp)
        _ = try await job.run(["mode": "volumes", "select": "all", "derive": masks])
        let mito = try await job.dataset("/recon-1/labels/inference/segmentations/mito/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes == ramp && mito.attributes["derived_from"] == nil)
    }

    @Test func cropsInVolumesGetMasks() async throws {
        try image("\(recon)/labels/groundtruth/crop7/all", all)
        let outcome = try await job.run(["mode": "volumes", "derive": masks])
        #expect(outcome.failures == [])
        let mito = try await job.dataset("/recon-1/labels/groundtruth/crop7/mito/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes == all.map { $0 == 3 ? 1 : 0 })
    }

    @Test func otherRulesMakeAnotherVolume() async throws {
        try image("\(segmentations)/all", all)
        _ = try await job.run(["mode": "volumes", "select": "all", "derive": masks])
        _ = try await job.run([
            "mode": "volumes", "select": "all", "derive": ["mito": ["from": "all", "ids": [35], "instances": false]],
        ])
        let mito = try await job.dataset("/recon-1/labels/inference/segmentations/mito/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes == all.map { $0 == 35 ? 1 : 0 })
    }

    // MARK: Regions

    private let region: JSONValue = ["dataset": "ds", "offset_nm": [-4, 4, 4], "shape_nm": [32, 16, 16]]

    @Test func aRegionGetsComponents() async throws {
        try image("\(segmentations)/all", all)
        let outcome = try await job.run(["select": "groundtruth", "regions": [region]])
        #expect(outcome.failures == [])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/region_ds_1.h5")
        #expect(mito.shape == [4, 2, 2])
        let ids = mito.bytes.enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
        #expect(ids == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2])
        #expect(mito.attributes["derived_from"] == .string("all"))
        #expect(mito.attributes["annotation_type"] == .string("instance_segmentation"))
    }

    @Test func anEmptyClassOfARegionIsMadeToo() async throws {
        try image("\(segmentations)/all", all)
        try image("\(segmentations)/mito", [UInt8](repeating: 0, count: 64), attributes: SmallJob.instances())
        _ = try await job.run(["select": "groundtruth", "regions": [region], "derive": masks])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/region_ds_1.h5")
        #expect(mito.bytes == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    }

    @Test func paddingAddsRawDataAroundARegion() async throws {
        try image("\(segmentations)/mito", all, attributes: SmallJob.instances())
        let inner: JSONValue = ["dataset": "ds", "offset_nm": [4, 4, 4], "shape_nm": [16, 16, 16]]
        let outcome = try await job.run(["select": "groundtruth", "regions": [inner], "padding_nm": 8])
        #expect(outcome.failures == [])
        let raw = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(raw.shape == [4, 4, 4] && raw.bytes == ramp)
        #expect(raw.attributes["translation"] == .doubles([0, 0, 0]))
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/region_ds_1.h5")
        #expect(mito.shape == [2, 2, 2])
        #expect(mito.attributes["translation"] == .doubles([8, 8, 8]))
        let resized = try await job.dataset("/raw_crop", of: "crops/region_ds_1.h5")
        #expect(resized.bytes == [21, 22, 25, 26, 37, 38, 41, 42])
    }

    @Test func paddingStopsAtTheEdgeAndDoesNotReachIn() async throws {
        try image("\(segmentations)/mito", all)
        let outside: JSONValue = ["dataset": "ds", "offset_nm": [40, 4, 4], "shape_nm": [8, 16, 16]]
        let outcome = try await job.run(["select": "groundtruth", "regions": [outside], "padding_nm": 64])
        #expect(outcome.failures.first?.reason.contains("outside") == true, "\(outcome.failures)")
    }
}
