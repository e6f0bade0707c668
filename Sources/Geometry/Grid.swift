/// The position of a level's voxels in the specimen: shape in voxels, voxel size and translation in nm, all z, y, x.
///
/// The translation is the *centre* of voxel 0 (OME-NGFF, and the COSEM metadata), so grids line up only by their edges:
/// `edge = translation - voxelSize / 2`.
public struct Grid: Sendable, Hashable, Codable {
    /// Voxels per axis.
    public var shape: ZYX<Int>
    /// nm per voxel.
    public var voxelSize: ZYX<Double>
    /// Centre of voxel 0, in nm.
    public var translation: ZYX<Double>

    public init(shape: ZYX<Int>, voxelSize: ZYX<Double>, translation: ZYX<Double>) {
        self.shape = shape
        self.voxelSize = voxelSize
        self.translation = translation
    }

    /// A grid given by its first edge instead of its first centre, in nm.
    public init(shape: ZYX<Int>, voxelSize: ZYX<Double>, edge: ZYX<Double>) {
        self.init(shape: shape, voxelSize: voxelSize, translation: edge.zip(voxelSize) { $0 + $1 / 2 })
    }

    /// The outer edge of voxel 0, in nm.
    public var edge: ZYX<Double> { translation.zip(voxelSize) { $0 - $1 / 2 } }

    /// The length of the grid from its first to its last edge, in nm.
    public var extent: ZYX<Double> { shape.zip(voxelSize) { Double($0) * $1 } }

    /// The grid of the voxels in `box`.
    public func cropped(to box: Box) -> Grid {
        Grid(
            shape: box.shape, voxelSize: voxelSize,
            translation: ZYX(
                translation.z + Double(box.start.z) * voxelSize.z,
                translation.y + Double(box.start.y) * voxelSize.y,
                translation.x + Double(box.start.x) * voxelSize.x))
    }
}
