import Arrays
import Foundation
import Geometry
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Testing

/// The layout of `janelia-cosem-publications`: N5 arrays outside of any pyramid, whose attributes lie about where they are.
@Suite struct GivenGridTests {
    private let job: SmallJob
    private let root = "ds/ds.n5/volumes"
    private let crop = "volumes/groundtruth/0003/crop1/labels"
    private let ramp = (0..<64).map { UInt8($0) }

    init() throws {
        job = SmallJob()
        try array("\(root)/raw", [4, 4, 4], ramp, attributes: [:])
        try array(
            "ds/ds.n5/\(crop)/mito", [2, 2, 2], [0, 1, 1, 0, 0, 2, 2, 2],
            attributes: ["resolution": [2, 2, 2], "offset": [4, 4, 4]])
    }

    /// One uncompressed block that holds the array, which N5 counts in x, y, z.
    private func array(_ key: String, _ shape: [Int], _ bytes: [UInt8], attributes: [String: JSONValue]) throws {
        let extents = JSONValue.array(shape.reversed().map { .integer($0) })
        var members: [String: JSONValue] = [
            "dimensions": extents, "blockSize": extents, "dataType": "uint8", "compression": ["type": "raw"],
        ]
        members.merge(attributes) { $1 }
        try job.write(.object(members), "\(key)/attributes.json")
        var block: [UInt8] = [0, 0, 0, 3]
        for extent in shape.reversed() { block += withUnsafeBytes(of: UInt32(extent).bigEndian, Array.init) }
        try job.write(block + bytes, "\(key)/0/0/0")
    }

    private func manifest(_ members: [String: JSONValue] = [:]) -> [String: JSONValue] {
        [
            "mode": "volumes",
            "grids": [
                [
                    "dataset": "ds", "path": "volumes/raw", "voxel_size_nm": [5.24, 4, 4],
                    "translation_nm": [0, 0, 0],
                ],
                [
                    "dataset": "ds", "path": .string("\(crop)/mito"), "class": "mito", "voxel_size_nm": [5.24, 4, 4],
                    "translation_nm": [5.24, 4, 8],
                ],
            ],
        ].merging(members) { $1 }
    }

    @Test func aVolumeIsWhereTheManifestPutsIt() async throws {
        let outcome = try await job.run(manifest())
        #expect(outcome.failures == [])
        #expect(outcome.items == 1)
        let raw = try await job.dataset("/volumes/raw", of: "hdf5/ds.h5")
        #expect(raw.bytes == ramp && raw.shape == [4, 4, 4])
        #expect(raw.attributes["voxel_size"] == .doubles([5.24, 4, 4]))
        #expect(raw.attributes["translation"] == .doubles([0, 0, 0]))
        let mito = try await job.dataset("/\(crop)/mito", of: "hdf5/ds.h5")
        #expect(mito.bytes == [0, 1, 1, 0, 0, 2, 2, 2])
        #expect(mito.attributes["translation"] == .doubles([5.24, 4, 8]))
        #expect(mito.attributes["class"] == .string("mito"))
        let data = try JSONValue(parsing: try job.text("out/txt/data.json").utf8)
        #expect(data["datasets"]?[0]?["has_groundtruth"] == true)
        // Resized, the label is the part of the raw data's grid that it touches.
        let resized = try await job.dataset("/\(crop)/mito", of: "crops/ds.h5")
        #expect(resized.shape.reduce(1, *) < 27)
        #expect(try await job.dataset("/volumes/raw", of: "crops/ds.h5").shape == [3, 2, 2])
    }

    @Test func regionsAreCutByTheGivenGrid() async throws {
        let region: JSONValue = ["dataset": "ds", "offset_nm": [2.62, 2, 6], "shape_nm": [10.48, 8, 8]]
        let outcome = try await job.run(manifest(["mode": "crops", "regions": [region]]))
        #expect(outcome.failures == [])
        let raw = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(raw.bytes == [22, 23, 26, 27, 38, 39, 42, 43])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/region_ds_1.h5")
        #expect(mito.bytes == [0, 1, 1, 0, 0, 2, 2, 2])
    }

    @Test func otherGridsMakeAnotherPlan() async throws {
        _ = try await job.run(manifest())
        var grids = try #require(manifest()["grids"]?.array)
        grids[0] = [
            "dataset": "ds", "path": "volumes/raw", "voxel_size_nm": 4, "translation_nm": [0, 0, 0],
        ]
        _ = try await job.run(manifest(["grids": .array(grids)]))
        let raw = try await job.dataset("/volumes/raw", of: "hdf5/ds.h5")
        #expect(raw.attributes["voxel_size"] == .doubles([4, 4, 4]))
    }

    @Test func withoutGridsTheHintNamesTheKey() async throws {
        try job.write(["n5": "2.0.0"], "ds/ds.n5/attributes.json")
        try array(
            "ds/ds.n5/labels/mito_seg/s0", [2, 2, 2], [0, 1, 1, 0, 0, 2, 2, 2],
            attributes: ["resolution": [2, 2, 2], "offset": [4, 4, 4]])
        let grid: JSONValue = [
            "dataset": "ds", "path": "volumes/raw", "voxel_size_nm": 4, "translation_nm": [0, 0, 0],
        ]
        let outcome = try await job.run(["mode": "volumes", "select": "all", "grids": [grid]])
        #expect(outcome.failures.first?.reason.contains("grids in a job's manifest") == true, "\(outcome.failures)")
    }

    @Test func aPathWithoutAnArrayIsNamed() async throws {
        let grid: JSONValue = [
            "dataset": "ds", "path": "volumes/labels/mito", "class": "mito", "voxel_size_nm": 4,
            "translation_nm": [0, 0, 0],
        ]
        let outcome = try await job.run(manifest(["grids": [grid]]))
        let reason = try #require(outcome.failures.first?.reason)
        #expect(reason.contains("ds/ds.n5/volumes/labels/mito") && reason.contains("attributes.json"), "\(reason)")
    }
}
