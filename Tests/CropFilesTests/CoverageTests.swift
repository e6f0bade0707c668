import Elements
import Foundation
import Geometry
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Testing

@testable import Arrays
@testable import CropFiles

/// Crops and volumes that reach beyond their data: what is real counts, and only that.
@Suite struct CoverageTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    init() throws { job = SmallJob() }

    /// Raw data and a crop on its grid, in nm; the crop begins at a voxel of the raw data, and may reach beyond it.
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var voxel: ZYX<Int>
        var raw: ZYX<Int>
        var start: ZYX<Int>
        var shape: ZYX<Int>
        var target: ZYX<Int>

        var wanted: Box { Box(start: start, stop: start.zip(shape, +)) }
        /// Voxels of the crop that the raw data have.
        var real: Box {
            wanted.intersection(Box(shape: raw))?.moved(by: start.map { -$0 }) ?? Box(shape: ZYX(repeating: 0))
        }

        /// From voxels of the crop to the target.
        func grids(_ real: Box) -> PlainGrids {
            PlainGrids(
                axes: ZYX(0, 1, 2).map { axis in
                    let (voxel, target, edge) = (voxel[axis], target[axis], start[axis] * voxel[axis])
                    return PlainAxis(
                        count: shape[axis], voxel: voxel, edge: edge, real: real.range(axis),
                        targetCount: max(1, (2 * shape[axis] * voxel + target) / (2 * target)), targetVoxel: target,
                        targetEdge: edge)
                })
        }

        static let all = [
            Case(
                testDescription: "three voxels beyond the end", voxel: ZYX(8, 8, 8), raw: ZYX(4, 4, 7),
                start: ZYX(0, 0, 2), shape: ZYX(4, 4, 8), target: ZYX(16, 16, 16)),
            Case(
                testDescription: "beyond the start and the end", voxel: ZYX(8, 8, 8), raw: ZYX(5, 6, 7),
                start: ZYX(-3, 2, -1), shape: ZYX(10, 9, 9), target: ZYX(16, 24, 12)),
            Case(
                testDescription: "z goes up, y goes down", voxel: ZYX(16, 4, 8), raw: ZYX(4, 9, 7),
                start: ZYX(-1, 1, 3), shape: ZYX(4, 11, 6), target: ZYX(8, 8, 8)),
            Case(
                testDescription: "z goes down, x goes up", voxel: ZYX(4, 8, 12), raw: ZYX(9, 7, 4),
                start: ZYX(1, -2, 2), shape: ZYX(11, 7, 4), target: ZYX(8, 8, 6)),
            Case(
                testDescription: "all is real", voxel: ZYX(4, 8, 8), raw: ZYX(9, 7, 6), start: ZYX(1, 2, 0),
                shape: ZYX(7, 4, 6), target: ZYX(8, 12, 8)),
        ]
    }

    private func noise(_ count: Int, below limit: Int = 256, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(Int(state >> 40) % limit)
        }
    }

    private func image(
        _ key: String, voxel: ZYX<Int>, start: ZYX<Int> = ZYX(0, 0, 0), shape: ZYX<Int>, fill: Int = 0,
        _ bytes: [UInt8]?,
        attributes: [String: JSONValue] = [:]
    ) throws {
        try job.image(
            "\(recon)/\(key)",
            [
                SmallJob.Level(
                    voxel: voxel.map { Double($0) }.array,
                    translation: voxel.zip(start) { Double($0) * (Double($1) + 0.5) }.array, shape: shape.array,
                    fill: fill, bytes: bytes)
            ], attributes: attributes)
    }

    private func covered(_ attributes: [String: AttributeValue]) -> [AttributeValue?] {
        [attributes["covered_start"], attributes["covered_stop"]]
    }

    /// What the attributes are to say: nothing where all is real.
    private func attributes(_ covered: Box?, _ shape: ZYX<Int>) -> [AttributeValue?] {
        let covered = covered ?? Box(shape: ZYX(repeating: 0))
        guard covered != Box(shape: shape) else { return [nil, nil] }
        return [covered.start, covered.stop].map { .integers($0.array.map(Int64.init)) }
    }

    private func check(_ entry: JSONValue?, _ values: [UInt8]) {
        #expect(entry?["min"]?.integer == values.min().map { Int($0) })
        #expect(entry?["max"]?.integer == values.max().map { Int($0) })
        let mean = Double(values.reduce(0) { $0 + Int($1) }) / Double(values.count)
        #expect(abs((entry?["mean"]?.double ?? -1) - mean) < 1e-9)
    }

    @Test(arguments: Case.all) func cropsBeyondTheirRawData(_ it: Case) async throws {
        let raw = noise(it.raw.product, seed: 3)
        let labels = noise(it.shape.product, below: 4, seed: 4)
        try image("em/fibsem-uint8", voxel: it.voxel, shape: it.raw, fill: 9, raw)
        try image("labels/groundtruth/crop5/mito", voxel: it.voxel, start: it.start, shape: it.shape, labels)
        let outcome = try await job.run(["target_nm": .array(it.target.array.map { .integer($0) }), "derive": [:]])
        #expect(outcome.failures == [])

        // The crop's raw voxels as they are, the fill value around them.
        var native = [UInt8](repeating: 9, count: it.shape.product)
        it.real.forEachIndex { at in
            let from = at.zip(it.start, +)
            native[(at.z * it.shape.y + at.y) * it.shape.x + at.x] =
                raw[(from.z * it.raw.y + from.y) * it.raw.x + from.x]
        }
        let whole = try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5")
        #expect(whole.bytes == native)
        #expect(covered(whole.attributes) == attributes(it.real, it.shape))

        let grids = it.grids(it.real)
        let means = grids.means(native)
        let (votes, shape) = (it.grids(Box(shape: it.shape)).winners(labels), grids.shape)
        let resized = try await job.dataset("/raw_crop", of: "crops/crop_5.h5")
        #expect(resized.shape == shape.array)
        #expect(resized.bytes == means)
        #expect(covered(resized.attributes) == attributes(grids.covered, shape))
        let mito = try await job.dataset("/label_crop/mito", of: "crops/crop_5.h5")
        #expect(mito.bytes == votes)
        #expect(covered(mito.attributes) == [nil, nil])

        let entries = try ["attributes", "crops"].map {
            try JSONValue(parsing: try job.text("out/txt/\($0).json").utf8)[0]
        }
        check(entries[0]?["raw"], it.real.values(of: native, shape: it.shape))
        let inside = try #require(grids.covered)
        check(entries[1]?["raw"], inside.values(of: means, shape: shape))

        // By hand, from the file at native resolution.
        let size = it.target.array.map(String.init).joined(separator: ",")
        var options = ResizeVerb.Options(target: try #require(VoxelSize(size)))
        options.maxUpsampling = 2
        let settings = VerbSettings(memory: 1 << 28, voxelSize: nil, stop: StopSignal())
        let failed = try await ResizeVerb(options, settings).run(
            input: "\(job.folder)/out/hdf5/crop_5.h5", output: "\(job.folder)/out/again.h5"
        ) { _ in }
        #expect(failed == 0)
        let again = try await job.dataset("/raw_crop", of: "again.h5")
        #expect(again.bytes == means)
        #expect(covered(again.attributes) == covered(resized.attributes))
        let stat = try await StatVerb(settings).entries(of: ["\(job.folder)/out/hdf5/crop_5.h5"])
        check(stat.json[0]?["raw"], it.real.values(of: native, shape: it.shape))
    }

    /// 8 nm, all 100, three voxels beyond the end, to 16 nm.
    @Test func fillIsNoPartOfAMean() async throws {
        try image(
            "em/fibsem-uint8", voxel: ZYX(8, 8, 8), shape: ZYX(2, 2, 5), [UInt8](repeating: 100, count: 20))
        try image(
            "labels/groundtruth/crop5/mito", voxel: ZYX(8, 8, 8), shape: ZYX(2, 2, 8),
            [UInt8](repeating: 1, count: 32))
        #expect(try await job.run(["target_nm": 16]).failures == [])
        let raw = try await job.dataset("/raw_crop", of: "crops/crop_5.h5")
        #expect(raw.bytes == [100, 100, 100, 0])
        #expect(raw.attributes["covered_start"] == .integers([0, 0, 0]))
        #expect(raw.attributes["covered_stop"] == .integers([1, 1, 3]))
        let entry = try JSONValue(parsing: try job.text("out/txt/crops.json").utf8)[0]
        #expect(entry?["raw"]?["min"] == 100)
        #expect(entry?["raw"]?["mean"] == 100)
    }

    /// Classes of one crop on different grids: 8 nm from 0 to 80, and 6 nm from 60 to 84. The file ends at 84 nm.
    @Test func classesOnDifferentGrids() async throws {
        let long = noise(10 * 10 * 10, below: 3, seed: 5)
        let short = noise(4 * 4 * 4, below: 3, seed: 6)
        try image("em/fibsem-uint8", voxel: ZYX(8, 8, 8), shape: ZYX(12, 12, 12), noise(1728, seed: 7))
        for (name, unknown) in [("er", nil), ("mito", 255)] as [(String, Int?)] {
            let attributes = unknown.map { SmallJob.instances(unknown: $0) } ?? [:]
            try image(
                "labels/groundtruth/crop5/\(name)", voxel: ZYX(8, 8, 8), shape: ZYX(10, 10, 10), long,
                attributes: attributes)
            try image(
                "labels/groundtruth/crop5/\(name)_small", voxel: ZYX(6, 6, 6), start: ZYX(10, 10, 10),
                shape: ZYX(4, 4, 4), short, attributes: attributes)
        }
        let outcome = try await job.run(["target_nm": 4, "classes": ["*"], "derive": [:]])
        #expect(outcome.failures == [])
        func axis(_ count: Int, _ voxel: Int, _ edge: Int) -> PlainGrids {
            PlainGrids(
                axes: ZYX(
                    repeating: PlainAxis(
                        count: count, voxel: voxel, edge: edge, real: 0..<count, targetCount: 21, targetVoxel: 4,
                        targetEdge: 0)))
        }
        let entry = try JSONValue(parsing: try job.text("out/txt/crops.json").utf8)[0]
        for (suffix, grids, bytes) in [("", axis(10, 8, 0), long), ("_small", axis(4, 6, 60), short)] {
            let er = try await job.dataset("/label_crop/er\(suffix)", of: "crops/crop_5.h5")
            #expect(er.shape == [21, 21, 21])
            #expect(er.bytes == grids.winners(bytes))
            #expect(covered(er.attributes) == attributes(grids.covered, grids.shape))
            let real = try #require(grids.covered).volume
            #expect(entry?["labels"]?["er\(suffix)"]?["voxels"]?.integer == real)
            // What is declared to be unknown says so itself.
            let mito = try await job.dataset("/label_crop/mito\(suffix)", of: "crops/crop_5.h5")
            #expect(mito.bytes == grids.winners(bytes, nothing: 255))
            #expect(covered(mito.attributes) == [nil, nil])
            #expect(entry?["labels"]?["mito\(suffix)"]?["voxels"]?.integer == 21 * 21 * 21)
            #expect(entry?["labels"]?["mito\(suffix)"]?["unknown"]?.integer == 21 * 21 * 21 - real)
        }
    }

    /// Labels that are shorter than the volume, and begin elsewhere.
    @Test func volumeLabelsBeyondTheirData() async throws {
        let (voxel, target) = (ZYX(16, 4, 8), ZYX(8, 8, 8))
        let (shape, start) = (ZYX(3, 7, 5), ZYX(1, 3, -2))
        let raw = noise(4 * 12 * 6, seed: 8)
        let labels = noise(shape.product, below: 3, seed: 9)
        try image("em/fibsem-uint8", voxel: voxel, shape: ZYX(4, 12, 6), raw)
        let folder = "labels/inference/segmentations"
        try image("\(folder)/er", voxel: voxel, start: start, shape: shape, labels)
        try image(
            "\(folder)/mito", voxel: voxel, start: start, shape: shape, labels, attributes: SmallJob.instances())
        // Not stored: background as far as it goes, unknown beyond.
        try image("\(folder)/nuc", voxel: voxel, start: start, shape: shape, nil, attributes: SmallJob.instances())
        let outcome = try await job.run([
            "mode": "volumes", "select": "all", "classes": ["*"], "target_nm": 8, "derive": [:],
        ])
        #expect(outcome.failures == [])
        func grids(_ shape: ZYX<Int>, _ start: ZYX<Int>) -> PlainGrids {
            PlainGrids(
                axes: ZYX(0, 1, 2).map { axis in
                    PlainAxis(
                        count: shape[axis], voxel: voxel[axis], edge: start[axis] * voxel[axis], real: 0..<shape[axis],
                        targetCount: [8, 6, 6][axis], targetVoxel: target[axis], targetEdge: 0)
                })
        }
        let whole = try await job.dataset("/recon-1/em/fibsem-uint8", of: "crops/ds.h5")
        #expect(whole.shape == [8, 6, 6])
        #expect(whole.bytes == grids(ZYX(4, 12, 6), ZYX(0, 0, 0)).means(raw))
        #expect(covered(whole.attributes) == [nil, nil])
        let part = grids(shape, start)
        let er = try await job.dataset("/recon-1/\(folder)/er", of: "crops/ds.h5")
        #expect(er.bytes == part.winners(labels))
        #expect(covered(er.attributes) == attributes(part.covered, part.shape))
        let mito = try await job.dataset("/recon-1/\(folder)/mito", of: "crops/ds.h5")
        #expect(mito.bytes == part.winners(labels, nothing: 255))
        #expect(covered(mito.attributes) == [nil, nil])
        let nuc = try await job.dataset("/recon-1/\(folder)/nuc", of: "crops/ds.h5")
        #expect(nuc.bytes == part.winners([UInt8](repeating: 0, count: shape.product), nothing: 255))
        let entry = try JSONValue(parsing: try job.text("out/txt/crops.json").utf8)[0]
        let real = try #require(part.covered).volume
        #expect(entry?["labels"]?["recon-1/\(folder)/er"]?["voxels"]?.integer == real)
        #expect(entry?["labels"]?["recon-1/\(folder)/mito"]?["unknown"]?.integer == 288 - real)
    }

    @Test func attributesThatSayNothing() throws {
        let shape = ZYX(4, 5, 6)
        let good: [String: AttributeValue] = [
            "covered_start": .integers([0, 1, 2]), "covered_stop": .integers([4, 5, 2]),
        ]
        #expect(
            try CoveredBox.read(good, shape: shape, of: "/raw") == Box(start: ZYX(0, 1, 2), stop: ZYX(4, 5, 2)))
        #expect(try CoveredBox.read([:], shape: shape, of: "/raw") == Box(shape: shape))
        for (name, value) in [
            ("covered_start", AttributeValue.integers([-1, 1, 2])), ("covered_stop", .integers([4, 5, 7])),
            ("covered_stop", .integers([4, 5])), ("covered_stop", .string("all")),
            ("covered_stop", .doubles([1, 2, 3])),
            ("covered_stop", .integers([4, 0, 6])), ("covered_stop", .integers([.max, .max, .max])),
        ] {
            var bad = good
            bad[name] = value
            let error = #expect(throws: CoveredBoxError.self) { try CoveredBox.read(bad, shape: shape, of: "/raw") }
            #expect(error?.description.contains(name) == true)
            #expect(error?.description.contains("/raw") == true)
        }
        #expect(throws: CoveredBoxError.self) {
            try CoveredBox.read(["covered_start": .integers([0, 0, 0])], shape: shape, of: "/raw")
        }
    }
}
