public import Geometry

/// What two grids have in common, without any voxels being looked at.
public struct GridOverlap: Sendable, Hashable {
    /// The voxels of the target that the source covers at least in part; nil where there are none.
    public let covered: Box?
    /// Whether all numbers are decimal ones of up to six places, and votes fit 64 bits.
    public let isDecimal: Bool

    /// - Throws: ``ResamplingError`` where a grid is not one.
    public init(source: Grid, target: Grid) throws(ResamplingError) {
        let axes = try ZYX(0, 1, 2).map { (axis: Int) throws(ResamplingError) -> AxisLattice in
            let lines = try AxisWindows.lines(source: source, target: target, axis: axis)
            let units = try AxisWindows.unitsPerNanometre(source: lines.source, target: lines.target, axis: axis)
            return AxisLattice(source: lines.source, target: lines.target, unitsPerNanometre: units)
        }
        let ranges = axes.map(\.covered)
        covered =
            ranges.allSatisfy { !$0.isEmpty }
            ? Box(start: ranges.map(\.lowerBound), stop: ranges.map(\.upperBound)) : nil
        isDecimal =
            axes.allSatisfy { $0.rule == .decimal }
            && axes.map(\.largestVote).array.reduce(1, *) <= AxisLattice.mostVotes
    }
}
