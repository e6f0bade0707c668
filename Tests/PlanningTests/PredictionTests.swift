import Foundation
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import TestSupport
import Testing

/// Labels of the whole volume, wherever a Zarr container has them.
@Suite struct PredictionTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let manifest: [String: JSONValue] = ["mode": "volumes", "select": "inference"]

    init() throws {
        job = SmallJob()
        try image("em/fibsem-uint8", (0..<64).map { UInt8($0) })
    }

    private func image(_ path: String, _ bytes: [UInt8], attributes: [String: JSONValue] = [:]) throws {
        try job.image(
            "\(recon)/\(path)",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: bytes)],
            attributes: attributes)
    }

    private func mask(_ seed: Int) -> [UInt8] { (0..<64).map { ($0 * seed) % 5 == 0 ? 255 : 0 } }

    @Test func labelsBesideSegmentationsAreFound() async throws {
        try image("labels/inference/mito", mask(3))
        let outcome = try await job.run(manifest)
        #expect(outcome.failures == [] && outcome.items == 1)
        for file in ["hdf5/ds.h5", "crops/ds.h5"] {
            let path = "/recon-1/labels/inference/mito\(file.hasPrefix("hdf5") ? "/s0" : "")"
            let mito = try await job.dataset(path, of: file)
            #expect(mito.bytes == mask(3))
            #expect(mito.attributes["label_quality"] == .string("inference"))
            #expect(mito.attributes["evidence"] == .string("stored"))
            // 0 and 255 without an encoding.
            #expect(mito.attributes["present"] == .integer(255) && mito.attributes["absent"] == .integer(0))
        }
        let data = try JSONValue(parsing: try job.text("out/txt/data.json").utf8)
        #expect(data["datasets"]?[0]?["has_inference"] == true)
        #expect(data["datasets"]?[0]?["has_groundtruth"] == false)
    }

    /// In an N5 container, too.
    @Test(arguments: ["inference/mito", "inference/segmentations/mito"])
    func n5ContainersHaveThem(path: String) async throws {
        for (key, type) in [("em/fibsem-uint8", 7), ("labels/\(path)", 1)] {
            let place: JSONValue = [
                "axes": ["z", "y", "x"], "scale": [8, 8, 8], "translate": [0, 0, 0], "units": ["nm", "nm", "nm"],
            ]
            try job.write(
                ["multiscales": [["datasets": [["path": "s0", "transform": place]]]]], "n/n.n5/\(key)/attributes.json")
            try job.write(
                [
                    "dimensions": [4, 4, 4], "blockSize": [4, 4, 4], "dataType": "uint8",
                    "compression": ["type": "raw"],
                    "transform": place,
                ], "n/n.n5/\(key)/s0/attributes.json")
            let head: [UInt8] = [0, 0, 0, 3] + (0..<3).flatMap { _ in [0, 0, 0, 4] as [UInt8] }
            try job.write(head + [UInt8](repeating: UInt8(type), count: 64), "n/n.n5/\(key)/s0/0/0/0")
        }
        let region: JSONValue = ["dataset": "n", "offset_nm": [-4, -4, -4], "shape_nm": [32, 32, 32]]
        #expect(try await job.run(["datasets": ["n"], "regions": [region]]).failures == [])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/region_n_1.h5")
        #expect(mito.bytes == [UInt8](repeating: 1, count: 64))
        #expect(mito.attributes["label_quality"] == .string("inference"))
    }

    /// A prediction stays one, also where the manifest gives its grid.
    @Test(arguments: [("labels/inference/mito", "inference"), ("volumes/mito", "groundtruth")])
    func aGivenGridMakesNoGroundTruthOfIt(path: String, quality: String) async throws {
        try image(path, mask(3))
        let grid: JSONValue = [
            "dataset": "ds", "path": .string("recon-1/\(path)/s0"), "class": "mito", "voxel_size_nm": [8, 8, 8],
            "translation_nm": [0, 0, 0],
        ]
        let region: JSONValue = ["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": [32, 32, 32]]
        #expect(try await job.run(["grids": [grid], "regions": [region]]).failures == [])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/region_ds_1.h5")
        #expect(mito.attributes["label_quality"] == .string(quality))
    }

    @Test func regionsHaveThem() async throws {
        try image("labels/inference/mito", mask(3))
        let region: JSONValue = ["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": [32, 32, 32]]
        #expect(try await job.run(["regions": [region]]).failures == [])
        for file in ["hdf5/region_ds_1.h5", "crops/region_ds_1.h5"] {
            let mito = try await job.dataset("/labels/mito", of: file)
            #expect(mito.bytes == mask(3) && mito.attributes["present"] == .integer(255))
            #expect(mito.attributes["annotation_type"] == .string("semantic_segmentation"))
        }
    }

    /// A label that is found twice is taken from `segmentations`; what is no image is named, and the folders of scores are not.
    @Test func whatIsLeftOutIsNamed() async throws {
        try image("labels/inference/segmentations/mito", mask(2))
        try image("labels/inference/mito", mask(3))
        try image("labels/inference/er", mask(4))
        try image("labels/inference/predictions/mito", mask(6))
        try job.write(["zarr_format": 2], "\(recon)/labels/inference/notes/.zgroup")
        let heard = Heard()
        let outcome = try await job.run(manifest.merging(["classes": ["*"]]) { $1 }, log: heard.add)
        #expect(outcome.failures == [])
        let reader = try await HDF5Reader(opening: "\(job.folder)/out/hdf5/ds.h5")
        #expect(try await reader.children(of: "/recon-1/labels/inference").map(\.name) == ["er", "segmentations"])
        await reader.close()
        let segmentation = try await job.dataset("/recon-1/labels/inference/segmentations/mito/s0", of: "hdf5/ds.h5")
        #expect(segmentation.bytes == mask(2))
        let lines = heard.all.filter { $0.contains("is left out") }
        #expect(lines.count == 2, "\(lines)")
        #expect(lines.contains { $0.contains("inference/mito is left out: segmentations/mito") })
        #expect(lines.contains { $0.contains("inference/notes is left out: it is no label image") })
    }

    /// An array without metadata of its own is an image where the manifest gives its grid.
    @Test func anArrayWithAGridIsAnImage() async throws {
        try image("labels/inference/mito", mask(3))
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(recon)/labels/inference/mito/.zattrs")
        let grid: JSONValue = [
            "dataset": "ds", "path": "recon-1/labels/inference/mito/s0", "class": "mito", "voxel_size_nm": 8,
            "translation_nm": [0, 0, 0],
        ]
        let heard = Heard()
        let outcome = try await job.run(manifest.merging(["grids": [grid]]) { $1 }, log: heard.add)
        #expect(outcome.failures == [])
        #expect(!heard.all.contains { $0.contains("left out") })
        let mito = try await job.dataset("/recon-1/labels/inference/mito/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes == mask(3) && mito.attributes["label_quality"] == .string("inference"))
    }

    /// 0 and 255 are absent and present also where only the kind of the labels is declared.
    @Test(arguments: ["volumes", "crops"])
    func anEncodingMayBeMissing(mode: String) async throws {
        let attributes: [String: JSONValue] = [
            "cellmap": ["annotation": ["annotation_type": ["type": "semantic_segmentation"]]]
        ]
        try image("labels/groundtruth/crop7/mito", mask(3), attributes: attributes)
        #expect(try await job.run(["mode": .string(mode)]).failures == [])
        let (file, path) =
            mode == "crops"
            ? ("crop_7", "/label_crop/mito") : ("ds", "/recon-1/labels/groundtruth/crop7/mito/s0")
        let mito = try await job.dataset(path, of: "hdf5/\(file).h5")
        #expect(mito.attributes["present"] == .integer(255))
        #expect(mito.attributes["label_quality"] == .string("groundtruth"))
    }

    /// What is not stored counts by its fill value, and what lies beyond the array does not count.
    @Test(arguments: [(0, 0, true), (255, 0, true), (7, 0, false), (0, 9, true)], ["gzip", "source"])
    func fillValuesAreValues(_ labels: (fill: Int, beyond: UInt8, isMask: Bool), compression: String) async throws {
        // Of the chunks 0 and 1 along z only the second one is stored, which reaches a plane beyond the array.
        let stored = [255] + [UInt8](repeating: 0, count: 31) + [UInt8](repeating: labels.beyond, count: 16)
        try image("labels/inference/mito", [])
        let key = "\(recon)/labels/inference/mito/s0"
        try job.write(
            [
                "zarr_format": 2, "shape": [5, 4, 4], "chunks": [3, 4, 4], "dtype": "|u1", "order": "C",
                "compressor": nil, "filters": nil, "fill_value": .integer(labels.fill), "dimension_separator": "/",
            ], "\(key)/.zarray")
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(key)/0")
        try job.write(stored, "\(key)/1/0/0")
        let convert: JSONValue = ["compression": .string(compression)]
        #expect(try await job.run(manifest.merging(["convert": convert]) { $1 }).failures == [])
        let mito = try await job.dataset("/recon-1/labels/inference/mito/s0", of: "hdf5/ds.h5")
        #expect(mito.bytes.prefix(48).allSatisfy { Int($0) == labels.fill })
        #expect(mito.attributes["present"] == (labels.isMask ? .integer(255) : nil))
    }
}
