internal import Arrays
internal import CropFiles
internal import Elements
internal import Geometry
internal import JSONText
internal import Manifest
internal import Planning
internal import Resampling
internal import Volumes

/// Which of the rules that are newer than a version of a stage an item's result depends on. They are part of its fingerprint only where
/// they apply: what is not concerned by a new rule stays done.
struct ResizeRules: Sendable {
    /// One for each rule.
    private(set) var keys: [String: JSONValue] = [:]

    init(_ plan: ItemPlan, _ manifest: Manifest) {
        let labels = (plan.labels + plan.derived.map(\.source)).map { Source($0, isLabel: true) }
        let raw = ([plan.raw] + plan.moreRaw).map { Source($0, isLabel: false) }
        func target(_ grids: [Grid]) -> Grid {
            UpsamplingLimit(manifest).targetGrid(covering: grids)
        }
        guard plan.kind == .volume else {
            let grids = labels.isEmpty ? raw.map(\.grid) : labels.map(\.grid)
            for source in raw + labels { add(source, to: target(grids)) }
            // Labels on several grids are resized to one that ends where the last of them does.
            if grids.dropFirst().contains(where: { $0 != grids.first }) { keys["union"] = 1 }
            return
        }
        for source in raw + labels {
            guard let frame = raw.first(where: { $0.alignment == source.alignment }) ?? raw.first else { continue }
            let common = target([frame.grid])
            let isCrop = source.isLabel && ResizePlan.isCrop(source.key)
            guard let grid = isCrop ? try? ResizePlan.part(of: common, source.grid) : common else { continue }
            add(source, to: grid)
        }
    }

    private struct Source {
        let key: String
        let alignment: String?
        let isLabel: Bool
        /// Of the voxels that are written.
        let grid: Grid
        /// Those of them that are real.
        let covered: Box

        init(_ array: ArrayPlan, isLabel: Bool) {
            (key, alignment, self.isLabel) = (array.key, array.alignment, isLabel)
            grid = array.writtenGrid
            covered = array.box.moved(by: array.written.start.map { -$0 })
        }
    }

    private mutating func add(_ source: Source, to target: Grid) {
        // Where the grids cannot be computed with, there is no result.
        guard let overlap = try? GridOverlap(source: source.grid.cropped(to: source.covered), target: target) else {
            return
        }
        // Voxels that are not real have no part in others, and it is told where nothing is real.
        if source.covered != Box(shape: source.grid.shape) || overlap.covered != Box(shape: target.shape) {
            keys["covered"] = 1
        }
        // Edges are exact fractions of one another.
        if !overlap.isDecimal { keys["fractions"] = 1 }
    }
}

/// The same for what is counted in the voxels of a file.
enum StatisticsRules {
    static func keys(_ plan: ItemPlan) -> [String: JSONValue] {
        let raw = [plan.raw] + plan.moreRaw
        var keys: [String: JSONValue] = [:]
        // Only real voxels count.
        if raw.contains(where: { $0.box != $0.written }) { keys["covered"] = 1 }
        // NaN does not hide the range of the numbers beside it.
        if raw.contains(where: { (try? $0.storedMetadata().elementType.isFloat) ?? false }) { keys["nan"] = 1 }
        return keys
    }
}
