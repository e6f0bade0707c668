import Elements
import Foundation
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Stores
import Testing

@testable import Arrays
@testable import Conversion
@testable import CropFiles

/// The second names of datasets in crop files, and what the datasets say about where they come from.
@Suite struct CropFileLayoutTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let files = ["hdf5/crop_5.h5", "crops/crop_5.h5"]

    /// A crop with labels of one class, and another one that is made from `all`; half of the raw chunk rows are not stored.
    init() throws {
        job = SmallJob()
        try job.rawImage(recon)
        func label(_ name: String, _ bytes: [UInt8]) throws {
            try job.image(
                "\(recon)/labels/groundtruth/crop5/\(name)",
                [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: bytes)],
                attributes: SmallJob.instances())
        }
        try label("all", [3, 3, 35, 35, 35, 35, 35, 4])
        try label("nuc", [0, 0, 1, 0, 0, 0, 2, 2])
    }

    private let manifest: [String: JSONValue] = ["classes": ["mito", "nuc"]]

    /// Each dataset has its second name, and there is nothing else.
    private func expectLinks(
        _ file: String, classes: [String] = ["mito", "nuc"], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let reader = try await HDF5Reader(opening: "\(job.folder)/out/\(file)")
        let names = classes.map { ("/labels/\($0)", "/label_crop/\($0)") } + [("/raw", "/raw_crop")]
        for (name, path) in names {
            let identities = [try await reader.identity(of: name), try await reader.identity(of: path)]
            #expect(identities[0] != nil && identities[0] == identities[1], "\(name)", sourceLocation: sourceLocation)
        }
        let found = try await reader.children(of: "/labels").map(\.name)
        await reader.close()
        #expect(found == classes, sourceLocation: sourceLocation)
    }

    @Test func datasetsHaveTheNamesThatLoadersLookFor() async throws {
        #expect(try await job.run(manifest).failures == [])
        for file in files { try await expectLinks(file) }
        // Linking costs no copy, and what is in the file is told once.
        let entry = try JSONValue(parsing: try job.text("out/txt/crops.json").utf8)[0]
        #expect(entry?["labels"]?.object?.keys.sorted() == ["mito", "nuc"])
        let clean = try await job.cleanFiles(manifest)
        #expect(try job.files()["crops/crop_5.h5"] == clean["crops/crop_5.h5"])
    }

    @Test func regionsHaveThemToo() async throws {
        let region: JSONValue = ["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": [32, 32, 32]]
        try job.image(
            "\(recon)/labels/inference/segmentations/mito",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: [9] + Array(1..<64))])
        #expect(try await job.run(["regions": [region]]).failures == [])
        for file in ["hdf5/region_ds_1.h5", "crops/region_ds_1.h5"] {
            try await expectLinks(file, classes: ["mito"])
            let mito = try await job.dataset("/label_crop/mito", of: file).attributes
            #expect(mito["label_quality"] == .string("inference") && mito["evidence"] == .string("stored"))
        }
    }

    @Test func labelsSayWhereTheyComeFrom() async throws {
        #expect(try await job.run(manifest).failures == [])
        for file in files {
            let mito = try await job.dataset("/label_crop/mito", of: file).attributes
            #expect(mito["label_quality"] == .string("groundtruth") && mito["evidence"] == .string("derived"))
            let nuc = try await job.dataset("/label_crop/nuc", of: file).attributes
            #expect(nuc["label_quality"] == .string("groundtruth") && nuc["evidence"] == .string("stored"))
            let raw = try await job.dataset("/raw_crop", of: file).attributes
            #expect(raw["chunks"] == .integer(1) && raw["stored_chunks"] == .integer(1))
            #expect(raw["label_quality"] == nil)
        }
    }

    @Test func rawDataThatAreNotStoredAreCounted() async throws {
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(recon)/em/fibsem-uint8/s0/0/0/0")
        #expect(try await job.run(manifest).failures == [])
        for file in files {
            let raw = try await job.dataset("/raw_crop", of: file).attributes
            #expect(raw["chunks"] == .integer(1) && raw["stored_chunks"] == .integer(0))
        }
    }

    @Test func verbsCountADatasetOnce() async throws {
        #expect(try await job.run(manifest).failures == [])
        let settings = VerbSettings(memory: 1 << 28, voxelSize: nil, stop: StopSignal())
        let path = "\(job.folder)/out/hdf5/crop_5.h5"
        let stat = try await StatVerb(settings).entries(of: [path])
        #expect(stat.failures == [])
        #expect(stat.json[0]?["labels"]?.object?.keys.sorted() == ["mito", "nuc"])
        #expect(stat.json[0]?["raw"]?["path"] == "/raw_crop")
        #expect(stat.json[0]?["notes"] == [])

        let resized = try await ResizeVerb(
            ResizeVerb.Options(target: try #require(VoxelSize("16"))), settings
        ).run(input: path, output: "\(job.folder)/out/crops16.h5") { _ in }
        #expect(resized == 0)
        try await expectLinks("crops16.h5")
        #expect(try await job.dataset("/raw", of: "crops16.h5").shape == [1, 1, 1])
    }

    @Test func aCopyOfAFileKeepsTheLinks() async throws {
        #expect(try await job.run(manifest).failures == [])
        let outcome = try await FileConversion(
            source: "\(job.folder)/out/hdf5/crop_5.h5",
            options: ConversionOptions(
                output: "\(job.folder)/out/copy.h5", memory: 1 << 28, stop: StopSignal(), warn: { _ in })
        ).run()
        #expect(outcome.arrays == 3)
        try await expectLinks("copy.h5")
        #expect(
            try await job.dataset("/labels/nuc", of: "copy.h5").bytes
                == job.dataset("/label_crop/nuc", of: "hdf5/crop_5.h5").bytes)
    }

    /// Another file's datasets below `labels` are others, and are said to be left out.
    @Test func whatIsNoSecondNameIsNoted() async throws {
        #expect(try await job.run(manifest).failures == [])
        let path = "\(job.folder)/out/mixed.h5"
        let writer = try await HDF5Writer(creating: path)
        for name in ["raw_crop", "label_crop/a", "labels/b"] {
            _ = try await writer.createDataset(
                DatasetLayout(
                    path: name, elementType: .uint8, shape: [2, 2, 2], chunkShape: [2, 2, 2], filter: .none,
                    fillValue: [0]))
        }
        try await writer.link("/labels/a", to: "/label_crop/a")
        try await writer.setAttribute("scale", .doubles([8, 8, 8]), on: "/")
        try await writer.close()
        let settings = VerbSettings(memory: 1 << 28, voxelSize: nil, stop: StopSignal())
        let stat = try await StatVerb(settings).entries(of: [path])
        #expect(stat.json[0]?["labels"]?.object?.keys.sorted() == ["a"])
        let notes = try #require(stat.json[0]?["notes"]?.array).compactMap(\.string)
        #expect(notes.contains("left out: /labels/b"), "\(notes)")
    }
}
