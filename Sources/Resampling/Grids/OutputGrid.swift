public import Geometry

/// The rules for the grid that an item is resized to.
///
/// The functions return a grid for any input; a grid made from hostile numbers is refused by the resamplers.
public struct OutputGrid {
    /// No rule makes more voxels than this along an axis; it is more than the resamplers take.
    private static let mostVoxels = 1 << 40

    /// The grid that begins at the first edge of all `grids`, has voxels of exactly `targetVoxelSize` (nm) and
    /// `max(1, round(extent / target))` of them per axis, where the extent ends at the last edge of all.
    ///
    /// A half is rounded up, also where float noise makes it a little less than a half. There must be a grid.
    public static func exact(covering grids: [Grid], targetVoxelSize: ZYX<Double>) -> Grid {
        let (edge, extent) = span(of: grids)
        return Grid(shape: extent.zip(targetVoxelSize, voxels), voxelSize: targetVoxelSize, edge: edge)
    }

    /// The grid of the lab's own scripts: voxels change by factors of two only, so that the result lies near the
    /// target but rarely on it.
    ///
    /// Per axis: a voxel below `target * (1 - tolerance)` is doubled until it no longer is, at most eight times
    /// (`get_best_size`); a voxel above the target (by more than float noise, 1e-6) is halved until it no longer is
    /// (`resize_to_target`: for 8 nm, 8 < v ≤ 16 is halved once and 16 < v ≤ 32 twice); any other stays. The first of the
    /// grids says which voxel that is. The first edge is kept, the number of voxels is that of
    /// ``exact(covering:targetVoxelSize:)``.
    public static func powerOfTwo(
        covering grids: [Grid], targetVoxelSize: ZYX<Double>, tolerance: Double
    ) -> Grid {
        let voxelSize = grids[0].voxelSize.zip(targetVoxelSize) { voxel, target in
            var voxel = voxel
            var steps = 0
            if voxel < target * (1 - tolerance) {
                while voxel < target * (1 - tolerance), steps < 8 {
                    voxel *= 2
                    steps += 1
                }
            } else {
                while voxel > target * (1 + 1e-6), steps < 64 {
                    voxel /= 2
                    steps += 1
                }
            }
            return voxel
        }
        return exact(covering: grids, targetVoxelSize: voxelSize)
    }

    /// From the first edge of all to the last, in nm.
    private static func span(of grids: [Grid]) -> (edge: ZYX<Double>, extent: ZYX<Double>) {
        var (edge, extent) = (grids[0].edge, grids[0].extent)
        // One grid keeps its extent to the last digit.
        for grid in grids.dropFirst() where grid.edge != edge || grid.extent != extent {
            let end = edge.zip(extent, +).zip(grid.edge.zip(grid.extent, +), max)
            edge = edge.zip(grid.edge, min)
            extent = end.zip(edge, -)
        }
        return (edge, extent)
    }

    /// How many times finer the target is than the source per axis: source voxel / target voxel, above 1 where voxels
    /// have to be made up.
    public static func upsampling(from source: Grid, to target: Grid) -> ZYX<Double> {
        source.voxelSize.zip(target.voxelSize, /)
    }

    private static func voxels(extent: Double, target: Double) -> Int {
        var count = extent / target
        let halves = (count * 2).rounded()
        if abs(count * 2 - halves) <= 1e-9 * halves { count = halves / 2 }
        count = count.rounded(.toNearestOrAwayFromZero)
        guard count >= 1 else { return 1 }
        return count < Double(mostVoxels) ? Int(count) : mostVoxels
    }
}
