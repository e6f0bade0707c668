import Arrays
import Codecs
import Elements
import Foundation
import Geometry
import HDF5
import JSONText
import Job
import JobTestSupport
import Scheduling
import Testing
import VolumeDeflate

/// Jobs over tiny crops whose every voxel can be told by hand. Raw: 4×4×4 voxels of 8 nm with the values 0…63.
@Suite struct CropJobTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let ramp = (0..<64).map { UInt8($0) }

    init() throws {
        job = SmallJob()
        try raw()
    }

    private func raw(_ image: String = "fibsem-uint8") throws {
        try job.image(
            "\(recon)/em/\(image)",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: ramp)])
    }

    /// A label of 2×2×2 voxels of 8 nm whose first voxel is the raw voxel at `start`.
    private func label(
        _ name: String, at start: [Int] = [1, 1, 1], _ bytes: [UInt8]?, crop: Int = 5,
        attributes: [String: JSONValue] = [:]
    ) throws {
        try job.image(
            "\(recon)/labels/groundtruth/crop\(crop)/\(name)",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: start.map { Double($0) * 8 }, shape: [2, 2, 2], bytes: bytes)
            ],
            attributes: attributes)
    }

    /// Raw values of the 2×2×2 voxels at [1, 1, 1].
    private let inner: [UInt8] = [21, 22, 25, 26, 37, 38, 41, 42]

    @Test func rawAndLabelsAreVoxelForVoxel() async throws {
        try label("mito", [0, 1, 1, 0, 0, 2, 255, 2], attributes: SmallJob.instances())
        let outcome = try await job.run()
        #expect(outcome.failures == [])
        #expect(outcome.items == 1)
        let raw = try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5")
        #expect(raw.bytes == inner)
        #expect(raw.attributes["translation"] == .doubles([8, 8, 8]))
        #expect(raw.attributes["offset"] == .doubles([4, 4, 4]))
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(mito.bytes == [0, 1, 1, 0, 0, 2, 255, 2])
        #expect(mito.attributes["unknown"] == .integer(255))
        #expect(mito.attributes["annotation_type"] == .string("instance_segmentation"))
        let entry = try #require(try JSONValue(parsing: try job.text("out/txt/attributes.json").utf8)[0])
        #expect(entry["labels"]?["mito"]?["instances"] == 2)
        #expect(entry["labels"]?["mito"]?["unknown"] == 1)
        #expect(entry["raw"]?["min"] == 21)
        #expect(entry["raw"]?["mean"]?.double == 31.5)
    }

    /// Room is taken for what chunks usually have; one that has more must come whole all the same.
    @Test(arguments: [false, true])
    func aChunkLargerThanExpectedIsFetched(isFirst: Bool) async throws {
        let edge = 140
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: edge, planeVoxels: edge * edge, level: 1)
        func label(_ crop: Int, _ voxels: [UInt8]) throws -> Int {
            let stored = try ByteBuffer(voxels).withSpan { span throws(CodecError) in try codec.encode(span) }
            try job.image(
                "\(recon)/labels/groundtruth/crop\(crop)/mito",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [0, 0, 0], shape: [edge, edge, edge], bytes: stored.array,
                        compressor: ["id": "zlib", "level": 1])
                ])
            return stored.count
        }
        // The noise is that of the first crop, or of one that comes when others are done.
        let noise = isFirst ? 10 : 30
        for crop in 10..<noise { _ = try label(crop, [UInt8](repeating: 0, count: edge * edge * edge)) }
        var state: UInt64 = 1
        var voxels = [UInt8](repeating: 0, count: edge * edge * edge)
        for index in voxels.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            voxels[index] = UInt8(truncatingIfNeeded: state >> 56)
        }
        #expect(try label(noise, voxels) > 2 << 20)
        let outcome = try await job.run(["limits": ["memory": "128MiB"]], stages: [.discover, .download, .convert])
        #expect(outcome.failures == [])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_\(noise).h5")
        #expect(mito.bytes == voxels)
    }

    @Test func aCropBeyondTheRawDataSaysWhatIsReal() async throws {
        try label("mito", at: [3, 3, 3], [0, 1, 1, 0, 0, 2, 2, 2])
        let outcome = try await job.run()
        #expect(outcome.failures == [])
        let raw = try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5")
        #expect(raw.shape == [2, 2, 2])
        #expect(raw.bytes == [63, 0, 0, 0, 0, 0, 0, 0])
        #expect(raw.attributes["covered_start"] == .integers([0, 0, 0]))
        #expect(raw.attributes["covered_stop"] == .integers([1, 1, 1]))
    }

    @Test func aCropOutsideTheRawDataFailsAlone() async throws {
        try label("mito", at: [40, 0, 0], [0, 1, 1, 0, 0, 2, 2, 2])
        try label("mito", [1, 1, 1, 1, 1, 1, 1, 1], crop: 6)
        let outcome = try await job.run()
        #expect(outcome.items == 2)
        #expect(outcome.done == 1 && outcome.failed == 1)
        #expect(outcome.exitCode == 1)
        let failure = try #require(outcome.failures.first)
        #expect(failure.item == "crop_5")
        #expect(failure.reason.contains("outside"))
        #expect(!job.exists("out/hdf5/crop_5.h5"))
        #expect(job.exists("out/crops/crop_6.h5"))
        let failed = try JSONValue(parsing: try job.text("state/failed.json").utf8)
        #expect(failed["only"] == ["crop_5"])
    }

    @Test func paddingAddsRawDataAndStopsAtTheEdge() async throws {
        try label("mito", at: [0, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1])
        _ = try await job.run(["padding_nm": 8])
        let raw = try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5")
        #expect(raw.shape == [3, 4, 4])
        #expect(raw.bytes == Array(ramp[..<48]))
        #expect(raw.attributes["translation"] == .doubles([0, 0, 0]))
        let resized = try await job.dataset("/raw_crop", of: "crops/crop_5.h5")
        #expect(resized.shape == [2, 2, 2])
        #expect(resized.bytes == [5, 6, 9, 10, 21, 22, 25, 26])
    }

    // MARK: Derived classes

    @Test func aMissingClassIsMadeFromIds() async throws {
        try label("all", [3, 35, 35, 50, 35, 35, 35, 5])
        let outcome = try await job.run()
        #expect(outcome.failures == [])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        // uint32, components by faces: the voxel at the origin, and the two at [0, 1, 1] and [1, 1, 1].
        #expect(mito.bytes.enumerated().filter { $0.offset % 4 == 0 }.map(\.element) == [1, 0, 0, 2, 0, 0, 0, 2])
        #expect(mito.attributes["derived_from"] == .string("all"))
        #expect(mito.attributes["unknown"] == .integer(255))
    }

    @Test func anEmptyClassIsMadeFromIds() async throws {
        try label("mito", [0, 0, 0, 255, 255, 0, 0, 0], attributes: SmallJob.instances())
        try label("all", [35, 35, 35, 50, 35, 35, 35, 35])
        _ = try await job.run()
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(mito.bytes.count == 32)
        #expect(mito.attributes["derived_from"] == .string("all"))
    }

    @Test func aClassWithObjectsStays() async throws {
        try label("mito", [0, 0, 0, 7, 255, 0, 0, 0], attributes: SmallJob.instances())
        try label("all", [50, 50, 50, 50, 50, 50, 50, 50])
        _ = try await job.run()
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(mito.bytes == [0, 0, 0, 7, 255, 0, 0, 0])
        #expect(mito.attributes["derived_from"] == nil)
    }

    @Test func anEmptyClassWithoutTheIdsStaysWithWhatIsUnknown() async throws {
        try label("mito", [0, 0, 0, 255, 255, 0, 0, 0], attributes: SmallJob.instances())
        try label("all", [35, 35, 35, 35, 35, 35, 35, 35])
        _ = try await job.run()
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(mito.bytes == [0, 0, 0, 255, 255, 0, 0, 0])
    }

    @Test func derivingWithoutInstancesGivesAMask() async throws {
        try label("all", [3, 35, 50, 35, 35, 35, 4, 5])
        _ = try await job.run([
            "classes": ["cell"], "derive": ["cell": ["from": "all", "ids": [35], "instances": false]],
        ])
        let cell = try await job.dataset("/label_crop/cell", of: "hdf5/crop_5.h5")
        #expect(cell.bytes == [0, 1, 0, 1, 1, 1, 0, 0])
        #expect(cell.attributes["present"] == .integer(1))
    }

    @Test func withoutRulesACropWithoutTheClassIsCounted() async throws {
        try label("all", [3, 3, 3, 3, 3, 3, 3, 3])
        let outcome = try await job.run(["derive": [:]])
        #expect(outcome.items == 1 && outcome.leftOut == 1 && outcome.exitCode == 0)
        #expect(outcome.failures == [])
    }

    // MARK: What the store holds

    @Test func otherImageNamesAndUnstoredChunksWork() async throws {
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(recon)/em")
        try job.image(
            "\(recon)/em/tem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], fill: 7, bytes: nil)])
        try label("mito", nil)
        let outcome = try await job.run()
        #expect(outcome.failures == [])
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5").bytes == Array(repeating: 7, count: 8))
        #expect(try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5").bytes == Array(repeating: 0, count: 8))
        #expect(try await job.dataset("/raw_crop", of: "crops/crop_5.h5").bytes == Array(repeating: 7, count: 8))
    }

    @Test func undeclaredLabelsOf0And255AreAMask() async throws {
        try label("mito", [0, 255, 0, 255, 0, 0, 0, 0])
        _ = try await job.run(["derive": [:]])
        let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(mito.attributes["present"] == .integer(255))
        #expect(mito.attributes["unknown"] == nil)
    }

    @Test func floatLabelsAreRefused() async throws {
        try job.image(
            "\(recon)/labels/groundtruth/crop5/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [8, 8, 8], shape: [1, 1, 1], dtype: "<f4", bytes: [0, 0, 0, 0])
            ])
        let outcome = try await job.run()
        #expect(outcome.failures.first?.reason.contains("float32") == true)
    }

    // MARK: Doing only what is left to do

    @Test func onlyWhatDependsOnAChangeRunsAgain() async throws {
        try label("mito", [0, 1, 1, 0, 0, 2, 2, 2])
        _ = try await job.run()
        let native = try job.fileNumber("out/hdf5/crop_5.h5")
        let resized = try job.fileNumber("out/crops/crop_5.h5")
        // The same again, with the bucket gone: nothing is asked.
        try FileManager.default.moveItem(atPath: "\(job.folder)/bucket", toPath: "\(job.folder)/away")
        try FileManager.default.createDirectory(atPath: "\(job.folder)/bucket", withIntermediateDirectories: true)
        let again = try await job.run()
        #expect(again.alreadyDone == 1)
        #expect(try job.fileNumber("out/crops/crop_5.h5") == resized)
        // Another target: only the resized file is new.
        let other = try await job.run(["target_nm": 16])
        #expect(other.failures == [])
        #expect(try job.fileNumber("out/hdf5/crop_5.h5") == native)
        #expect(try job.fileNumber("out/crops/crop_5.h5") != resized)
        #expect(try await job.dataset("/raw_crop", of: "crops/crop_5.h5").bytes == [32])
        #expect(try await job.dataset("/label_crop/mito", of: "crops/crop_5.h5").bytes == [0])
    }

    @Test func aListReplacesTheSearch() async throws {
        try label("mito", [0, 1, 1, 0, 0, 2, 2, 2])
        _ = try await job.run()
        let first = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        try FileManager.default.copyItem(
            atPath: "\(job.folder)/out/txt/ds_to_download", toPath: "\(job.folder)/list")
        // A crop that is not on the list is not found.
        try label("mito", [1, 1, 1, 1, 1, 1, 1, 1], crop: 6)
        let outcome = try await job.run([
            "datasets": ["ds"], "lists": ["ds": "list"], "output": "out2", "state": "state2",
        ])
        #expect(outcome.failures == [])
        #expect(outcome.items == 1)
        let second = try await job.dataset("/label_crop/mito", of: "../out2/hdf5/crop_5.h5")
        #expect(first.bytes == second.bytes)
        #expect(try job.text("out2/txt/ds_to_download") == job.text("list"))
    }

    @Test(arguments: ["gzip", "zstd", "blosc", "none", "source"])
    func everyCompressionHoldsTheSameVoxels(compression: String) async throws {
        try label("mito", [0, 1, 1, 0, 0, 2, 2, 2])
        let outcome = try await job.run(["convert": ["compression": .string(compression)]])
        #expect(outcome.failures == [])
        let entry = try #require(try JSONValue(parsing: try job.text("out/txt/crops.json").utf8)[0])
        #expect(entry["raw"]?["mean"]?.double == 31.5)
        #expect(entry["labels"]?["mito"]?["labelled"] == 5)
    }
}

extension SmallJob {
    /// Tells a file from one that has taken its name.
    fileprivate func fileNumber(_ file: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(file)")
        return try #require(attributes[.systemFileNumber] as? Int)
    }
}
