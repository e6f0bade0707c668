/// The place of a grid in another: the box of voxels of `outer` that covers `inner`.
///
/// Grids are lined up by their edges, per axis: `start = (edge_inner - edge_outer) / voxel_outer`,
/// `stop = start + n_inner * voxel_inner / voxel_outer`. Both are rounded to the nearest integer, never floored; where one is
/// further than ``tolerance`` from an integer the box is taken outwards.
public struct Placement: Sendable, Hashable {
    /// In voxels. A start or stop this close to an integer counts as that integer.
    public static let tolerance = 0.02

    /// In voxels of the outer grid. It may reach beyond the grid; nothing is clipped here.
    public let box: Box
    /// Whether every start and stop was within the tolerance of an integer.
    public let isExact: Bool

    /// Places `inner` in `outer`.
    ///
    /// - Throws: ``GeometryError`` where a number is not finite, a voxel size is not positive, or the box is beyond 2^52 voxels.
    public init(of inner: Grid, in outer: Grid) throws(GeometryError) {
        try inner.check()
        try outer.check()
        var start = ZYX(repeating: 0)
        var stop = ZYX(repeating: 0)
        var exact = true
        for axis in 0..<3 {
            let voxel = outer.voxelSize[axis]
            let first = (inner.edge[axis] - outer.edge[axis]) / voxel
            let last = first + Double(inner.shape[axis]) * inner.voxelSize[axis] / voxel
            guard abs(first) < 0x1p52, abs(last) < 0x1p52 else {
                throw GeometryError("axis \("zyx"[axis]): voxels \(first) to \(last) are beyond any volume")
            }
            (start[axis], exact) = Self.snap(first, outwards: .down, exact)
            (stop[axis], exact) = Self.snap(last, outwards: .up, exact)
            stop[axis] = max(stop[axis], start[axis])
        }
        box = Box(start: start, stop: stop)
        isExact = exact
    }

    private static func snap(
        _ position: Double, outwards: FloatingPointRoundingRule, _ exactSoFar: Bool
    ) -> (Int, Bool) {
        let nearest = position.rounded()
        guard abs(position - nearest) > tolerance else { return (Int(nearest), exactSoFar) }
        return (Int(position.rounded(outwards)), false)
    }
}

/// Why a grid or box is unusable, in one line.
public struct GeometryError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

extension Grid {
    /// Checks that the grid is usable: positive voxel sizes, finite numbers, no negative shape.
    public func check() throws(GeometryError) {
        for axis in 0..<3 {
            guard voxelSize[axis].isFinite, voxelSize[axis] > 0 else {
                throw GeometryError("a voxel size of \(voxelSize[axis]) nm on axis \("zyx"[axis])")
            }
            guard translation[axis].isFinite else {
                throw GeometryError("a translation of \(translation[axis]) nm on axis \("zyx"[axis])")
            }
            guard shape[axis] >= 0 else {
                throw GeometryError("a shape of \(shape[axis]) voxels on axis \("zyx"[axis])")
            }
        }
    }
}

extension String {
    /// The name of an axis, for messages: `"zyx"[0]`.
    fileprivate subscript(axis: Int) -> Character { self[index(startIndex, offsetBy: axis)] }
}
