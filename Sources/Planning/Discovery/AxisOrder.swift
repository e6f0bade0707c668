internal import Arrays
internal import Geometry
internal import Volumes

/// Whether the axes of a raw image and of a label of the whole volume are stored in the same order. Metadata do not tell where they are
/// not; the extents do, unless the volume is a cube.
struct AxisOrder: Sendable {
    let raw: Grid
    let label: Grid

    /// Whether the extents agree, to a voxel, only if the axes of one of them are taken the other way round.
    var isOpposite: Bool {
        let (rawExtent, extent) = (raw.extent, label.extent)
        guard !agrees(rawExtent, extent, label.voxelSize) else { return false }
        // The voxel size may be that of the axes as they are stored, or that of z, y and x.
        let stored = ZYX(label.shape.array.reversed()) ?? label.shape
        return agrees(rawExtent, Self.reversed(extent), Self.reversed(label.voxelSize))
            || agrees(rawExtent, stored.zip(label.voxelSize) { Double($0) * $1 }, label.voxelSize)
    }

    private func agrees(_ a: ZYX<Double>, _ b: ZYX<Double>, _ voxelSize: ZYX<Double>) -> Bool {
        (0..<3).allSatisfy { abs(a[$0] - b[$0]) <= max(raw.voxelSize[$0], voxelSize[$0]) * (1 + 1e-6) }
    }

    private static func reversed(_ size: ZYX<Double>) -> ZYX<Double> { ZYX(size.x, size.y, size.z) }

    /// What is wrong with a label, in one sentence that says how it is set right; nil where its axes are in order.
    static func fault(of label: ArrayPlan, in raw: ArrayPlan, _ reader: DatasetReader) -> VolumeError? {
        guard AxisOrder(raw: raw.grid, label: label.grid).isOpposite else { return nil }
        let (path, rawPath) = (ArrayPlan.path(of: label.key), ArrayPlan.path(of: raw.key))
        return VolumeError(
            .badMetadata, path: reader.url(label.key),
            "its \(label.grid.shape) voxels fit the \(raw.grid.shape) of the raw image \(rawPath) only with the axes reversed: "
                + "one of the two arrays is stored as x, y, z, which \"axes\": \"xyz\" says in an element of the manifest's "
                + "\"grids\" with its path, such as \(path)")
    }
}
