import Geometry
import JSONText
import Testing

@testable import Arrays
@testable import Job
@testable import Manifest
@testable import Planning

/// Rules that are newer than a stage's version are in the fingerprint of those items only that they concern.
@Suite struct ResizeRuleTests {
    private let manifest: Manifest

    init() throws {
        let text = #"{"source": "bucket", "datasets": ["*"], "target_nm": 8}"#
        manifest = try Manifest(parsing: Array(text.utf8), folder: "/tmp", overrides: Manifest.Overrides())
    }

    private func array(
        _ voxel: Double, _ shape: Int, edge: Double = 0, box: ClosedRange<Int>? = nil, written: ClosedRange<Int>? = nil,
        dtype: String = "|u1", isLabel: Bool = false, key: String = "ds/ds.zarr/recon-1/em/raw"
    ) -> ArrayPlan {
        func cube(_ range: ClosedRange<Int>?) -> Box {
            let range = range ?? 0...shape
            return Box(start: ZYX(repeating: range.lowerBound), stop: ZYX(repeating: range.upperBound))
        }
        return ArrayPlan(
            name: "a", image: key, level: "s0",
            grid: Grid(shape: ZYX(repeating: shape), voxelSize: ZYX(repeating: voxel), edge: ZYX(repeating: edge)),
            box: cube(box), written: cube(written ?? box),
            metadata: """
                {"zarr_format": 2, "shape": [\(shape), \(shape), \(shape)], "chunks": [8, 8, 8], "dtype": "\(dtype)", "order": "C",
                "compressor": null, "filters": null, "fill_value": 0}
                """, annotation: isLabel ? AnnotationPlan(type: "unspecified") : nil)
    }

    private func plan(_ raw: ArrayPlan, _ labels: [ArrayPlan], kind: ItemPlan.Kind = .crop(id: 1)) -> ItemPlan {
        ItemPlan(
            name: "crop_1", dataset: "ds", kind: kind, group: "ds/ds.zarr", raw: raw, labels: labels, derived: [],
            isMatched: true)
    }

    private func rules(_ plan: ItemPlan) -> Set<String> { Set(ResizeRules(plan, manifest).keys.keys) }

    @Test(arguments: [4, 5.24, 3.48, 2.62, 8, 11.840000000000002, 16])
    func nothingNewConcernsACropWithinItsRawData(voxel: Double) {
        let raw = array(voxel, 400, edge: -voxel / 2, box: 100...150)
        let label = array(voxel, 50, edge: raw.writtenGrid.edge.z, isLabel: true)
        #expect(rules(plan(raw, [label, label])) == [])
        #expect(StatisticsRules.keys(plan(raw, [label])).isEmpty)
    }

    @Test func eachRuleConcernsItsOwn() {
        let label = array(4, 50, edge: 1440, isLabel: true)
        let beyond = plan(array(4, 400, box: 360...400, written: 360...410), [label])
        #expect(rules(beyond) == ["covered"])
        #expect(Set(StatisticsRules.keys(beyond).keys) == ["covered"])
        let inside = array(4, 400, box: 360...400)
        #expect(rules(plan(array(4, 500, box: 360...410), [label])) == [])
        // Raw data that end within the crop, though no voxels are written for what is missing.
        #expect(rules(plan(inside, [label])) == ["covered"])
        let other = array(4, 25, edge: 1440, isLabel: true)
        #expect(rules(plan(array(4, 500, box: 360...410), [label, other])) == ["covered", "union"])
        let thirds = array(8.0 / 3, 300, isLabel: true)
        #expect(rules(plan(array(8.0 / 3, 300), [thirds])) == ["fractions"])
        let floats = plan(array(4, 500, box: 360...410, dtype: "<f4"), [label])
        #expect(rules(floats) == [])
        #expect(Set(StatisticsRules.keys(floats).keys) == ["nan"])
    }

    @Test func volumesByTheFrameOfTheirRawData() {
        let raw = array(4, 100)
        let long = array(4, 100, isLabel: true, key: "ds/ds.zarr/recon-1/labels/inference/segmentations/a")
        let short = array(4, 50, isLabel: true, key: "ds/ds.zarr/recon-1/labels/inference/segmentations/b")
        let crop = array(4, 50, edge: 80, isLabel: true, key: "ds/ds.zarr/recon-1/labels/groundtruth/crop1/a")
        #expect(rules(plan(raw, [long, crop], kind: .volume)) == [])
        #expect(rules(plan(raw, [long, short], kind: .volume)) == ["covered"])
    }
}
