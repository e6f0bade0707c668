import Foundation
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Testing

/// Which levels a job takes, and which items it leaves out.
@Suite struct LevelJobTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    init() throws { job = SmallJob() }

    /// A pyramid of 2 to 1, each level with constant voxels of its number + 1. `edge` and `voxel` in nm.
    private func pyramid(_ key: String, voxel: [Double], edge: Double = 0, shape: [Int], levels: Int) throws {
        try job.image(
            key,
            (0..<levels).map { level in
                let size = voxel.map { $0 * Double(1 << level) }
                let extents = shape.map { ($0 + (1 << level) - 1) >> level }
                return SmallJob.Level(
                    voxel: size, translation: size.map { edge + $0 / 2 }, shape: extents,
                    bytes: [UInt8](repeating: UInt8(level + 1), count: extents.reduce(1, *)))
            })
    }

    private func raw(_ voxel: [Double], shape: [Int] = [16, 16, 16], levels: Int = 3) throws {
        try pyramid("\(recon)/em/fibsem-uint8", voxel: voxel, shape: shape, levels: levels)
    }

    private func crop(
        _ id: Int, _ name: String = "mito", voxel: [Double], edge: Double, shape: [Int], levels: Int = 1
    ) throws {
        try pyramid(
            "\(recon)/labels/groundtruth/crop\(id)/\(name)", voxel: voxel, edge: edge, shape: shape, levels: levels)
    }

    /// A crop that begins 4 nm into an 8 nm voxel is taken at 4 nm: raw data and labels have one shape, and whole voxels.
    @Test func aCropOffTheCoarseGridIsTakenOneLevelFiner() async throws {
        try raw([4, 4, 4])
        try crop(1, voxel: [4, 4, 4], edge: 4, shape: [4, 4, 4], levels: 2)
        try crop(2, voxel: [4, 4, 4], edge: 8, shape: [4, 4, 4], levels: 2)
        let outcome = try await job.run()
        #expect(outcome.failures == [] && outcome.done == 2)
        for (crop, level, shape) in [(1, "s0", [4, 4, 4]), (2, "s1", [2, 2, 2])] {
            let raw = try await job.dataset("/raw_crop", of: "hdf5/crop_\(crop).h5")
            let mito = try await job.dataset("/label_crop/mito", of: "hdf5/crop_\(crop).h5")
            #expect(raw.shape == shape && mito.shape == shape)
            let reader = try await HDF5Reader(opening: "\(job.folder)/out/hdf5/crop_\(crop).h5")
            #expect(try await reader.attributes(of: "/")["em_level"] == .string(level))
            await reader.close()
            #expect(try await job.dataset("/raw_crop", of: "crops/crop_\(crop).h5").shape == [2, 2, 2])
        }
    }

    @Test func theCoarsestPairIsTakenWhereThatIsAskedFor() async throws {
        try raw([4, 4, 4])
        try crop(1, voxel: [4, 4, 4], edge: 4, shape: [4, 4, 4], levels: 2)
        _ = try await job.run(["levels": "coarsest"])
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_1.h5").shape == [3, 3, 3])
        #expect(try await job.dataset("/label_crop/mito", of: "hdf5/crop_1.h5").shape == [2, 2, 2])
    }

    /// 16 nm labels over 8 nm raw data: the raw data of 8 nm are taken, not their pair of 16 nm blown up.
    @Test func coarseLabelsGetRawDataNearTheTarget() async throws {
        try raw([8, 8, 8])
        try crop(1, voxel: [16, 16, 16], edge: 16, shape: [2, 2, 2])
        let outcome = try await job.run()
        #expect(outcome.failures == [])
        let raw = try await job.dataset("/raw_crop", of: "hdf5/crop_1.h5")
        #expect(raw.shape == [4, 4, 4] && raw.bytes == [UInt8](repeating: 1, count: 64))
        #expect(try await job.dataset("/raw_crop", of: "crops/crop_1.h5").shape == [4, 4, 4])
        #expect(try await job.dataset("/label_crop/mito", of: "crops/crop_1.h5").shape == [4, 4, 4])
        let reader = try await HDF5Reader(opening: "\(job.folder)/out/hdf5/crop_1.h5")
        #expect(try await reader.attributes(of: "/")["levels_matched"] == .integer(0))
        #expect(try await reader.attributes(of: "/")["level_case"] == .string("alone"))
        await reader.close()
    }

    @Test func whatIsTooCoarseIsLeftOut() async throws {
        try raw([8, 8, 8])
        try crop(1, voxel: [32, 32, 32], edge: 0, shape: [2, 2, 2])
        try crop(2, voxel: [16, 16, 16], edge: 0, shape: [2, 2, 2])
        let outcome = try await job.run()
        #expect(outcome.failures == [] && outcome.done == 1 && outcome.leftOut == 1 && outcome.exitCode == 0)
        #expect(!job.exists("out/hdf5/crop_1.h5") && job.exists("out/crops/crop_2.h5"))
        // With a larger factor it is made, from raw data near the target.
        let more = try await job.run(["resize": ["max_upsampling": 4]])
        #expect(more.failures == [] && more.items == 2)
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_1.h5").shape == [8, 8, 8])
        #expect(try await job.dataset("/label_crop/mito", of: "crops/crop_1.h5").shape == [8, 8, 8])
    }

    /// A volume of 70×4×4 nm needs 8.75 times as many voxels in z.
    @Test(arguments: [["target_nm": [35, 8, 8]], ["resize": ["max_upsampling": 8.75]]] as [[String: JSONValue]])
    func anAnisotropicVolumeIsLeftOut(remedy: [String: JSONValue]) async throws {
        try raw([70, 4, 4], shape: [4, 16, 16], levels: 1)
        try crop(1, voxel: [70, 4, 4], edge: 0, shape: [2, 4, 4])
        let outcome = try await job.run()
        #expect(outcome.failures == [] && outcome.leftOut == 1 && outcome.items == 1)
        let made = try await job.run(remedy)
        #expect(made.failures == [] && made.items == 1 && made.done == 1)
    }

    /// What the line advises takes in the item: raw data and labels that are too coarse, each on another axis or by another factor, and voxels
    /// that no few decimals name.
    @Test(
        arguments: [([70, 4, 4], [140, 8, 8], 2), ([8, 8, 33.0006], [8, 8, 33.0006], 3)]
            as [([Double], [Double], Double)])
    func theAdviceHelps(rawVoxel: [Double], labelVoxel: [Double], limit: Double) async throws {
        try raw(rawVoxel, shape: [8, 8, 8], levels: 1)
        try crop(1, voxel: labelVoxel, edge: 0, shape: [2, 2, 2])
        let resize: [String: JSONValue] = ["max_upsampling": .number(limit)]
        #expect(try await job.run(["resize": .object(resize)]).leftOut == 1)
        let entry = try #require(try JSONValue(parsing: try job.text("out/txt/left_out.json").utf8)[0])
        let message = try #require(entry["message"]?.string)
        #expect(entry["factor"]?.double == zip(rawVoxel, labelVoxel).map { max($0, $1) / 8 }.max())
        let advice = try #require(
            message.firstMatch(of: /max_upsampling ([0-9.]+) or target_nm (\[.*?\]|[0-9.]+) takes/))
        let factor = try #require(Double(advice.1))
        let target = try JSONValue(parsing: Array(String(advice.2).utf8))
        #expect(try await job.run(["resize": ["max_upsampling": .number(factor)]]).done == 1)
        #expect(try await job.run(["resize": .object(resize), "target_nm": target]).leftOut == 0)
    }

    /// In a volume one label image that is too coarse does not cost the others the volume.
    @Test func aVolumeLosesOnlyTheLabelsThatAreTooCoarse() async throws {
        try raw([8, 8, 8])
        try crop(1, voxel: [32, 32, 32], edge: 0, shape: [2, 2, 2])
        try crop(2, voxel: [8, 8, 8], edge: 0, shape: [2, 2, 2])
        let outcome = try await job.run(["mode": "volumes"])
        #expect(outcome.failures == [] && outcome.done == 1)
        let reader = try await HDF5Reader(opening: "\(job.folder)/out/crops/ds.h5")
        #expect(try await reader.children(of: "/recon-1/labels/groundtruth").map(\.name) == ["crop2"])
        await reader.close()
    }

    /// A region whose labels have larger voxels than the raw data: raw data are there for all of them.
    @Test func aRegionsRawDataReachAsFarAsItsLabels() async throws {
        try raw([8, 8, 8])
        try pyramid(
            "\(recon)/labels/inference/segmentations/mito", voxel: [16, 16, 16], shape: [8, 8, 8], levels: 1)
        let region: JSONValue = ["dataset": "ds", "offset_nm": [24, 24, 24], "shape_nm": [16, 16, 16]]
        let outcome = try await job.run(["select": "groundtruth", "regions": [region]])
        #expect(outcome.failures == [])
        // The labels from 16 to 48 nm, and the raw data of the same.
        #expect(try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5").shape == [4, 4, 4])
        let resized = try await job.dataset("/raw_crop", of: "crops/region_ds_1.h5")
        #expect(resized.shape == [4, 4, 4] && resized.bytes == [UInt8](repeating: 1, count: 64))
    }

    @Test func floatNoiseAddsNoPadding() async throws {
        try raw([10.499999999999998, 8, 8])
        try crop(1, voxel: [10.499999999999998, 8, 8], edge: 0, shape: [2, 2, 2])
        _ = try await job.run(["padding_nm": 10.5])
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_1.h5").shape == [3, 4, 4])
    }
}
