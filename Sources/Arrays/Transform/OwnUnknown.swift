public import Elements
public import Geometry
internal import Threads

/// Where a class's own labels are unknown, on the grid of the labels that the class is derived from.
///
/// The two grids are mostly the same. Where they are not, the own voxel that holds the centre of a voxel counts. Outside of the own labels nothing is
/// unknown.
public struct OwnUnknown: Sendable {
    private let source: any ChunkSource
    private let mask: IdentifierMask
    /// For each axis, the voxel of ``source`` for each voxel of the target; nil where there is none.
    private let indices: ZYX<[Int?]>

    /// - Parameters:
    ///   - own: the plan of the own labels, whose voxels `source` holds.
    ///   - target: the grid of the derived labels.
    /// - Returns: nil where the own labels have no value for unknown.
    public init?(_ own: ArrayPlan, source: any ChunkSource, target: Grid) {
        guard let unknown = own.annotation?.unknown else { return nil }
        self.source = source
        mask = IdentifierMask(
            elementType: source.elementType, ids: [], unknownValues: [Int(truncatingIfNeeded: unknown)])
        func axis(_ axis: Int) -> [Int?] {
            (0..<target.shape[axis]).map { index in
                let centre = target.edge[axis] + (Double(index) + 0.5) * target.voxelSize[axis]
                let position = ((centre - own.grid.edge[axis]) / own.grid.voxelSize[axis]).rounded(.down)
                let range = own.box.range(axis)
                let isInside = position >= Double(range.lowerBound) && position < Double(range.upperBound)
                return isInside ? Int(position) : nil
            }
        }
        indices = ZYX(axis(0), axis(1), axis(2))
    }

    /// Sets the voxels of `mask` (one byte a voxel of `box`) that are 0 here and unknown there to ``IdentifierMask/unknown``.
    public func add(to target: ByteBuffer, box: Box) async throws {
        var needed = Box(shape: ZYX(repeating: 0))
        for axis in 0..<3 {
            let used = indices[axis][box.range(axis)].compactMap { $0 }
            guard let first = used.min(), let last = used.max() else { return }
            needed.stop[axis] = last + 1
            needed.start[axis] = first
        }
        let window = try await source.window(needed)
        let (mask, indices, region) = (mask, indices, needed)
        await ThreadPool.compute.run {
            let own = mask.mask(window.bytes)
            let (shape, columns) = (region.shape, indices.x[box.range(2)])
            // Mostly the two grids are the same: then rows are contiguous in both.
            let isAligned = zip(columns, columns.dropFirst()).allSatisfy { $0.map { $0 + 1 } == $1 && $1 != nil }
            own.withUnsafeBytes { own in
                target.withUnsafeMutableBytes { target in
                    var start = 0
                    for z in box.range(0) {
                        for y in box.range(1) {
                            defer { start += columns.count }
                            guard let oz = indices.z[z], let oy = indices.y[y] else { continue }
                            let row = ((oz - region.start.z) * shape.y + oy - region.start.y) * shape.x - region.start.x
                            let voxels = UnsafeMutableRawBufferPointer(rebasing: target[start..<start + columns.count])
                            if isAligned, let first = columns.first ?? nil {
                                let from = row + first
                                Self.add(UnsafeRawBufferPointer(rebasing: own[from..<from + voxels.count]), to: voxels)
                                continue
                            }
                            for (position, column) in columns.enumerated() where voxels[position] == 0 {
                                if let column { voxels[position] = own[row + column] }
                            }
                        }
                    }
                }
            }
        }
    }

    /// A row of both, which is as long in one as in the other.
    private static func add(_ own: UnsafeRawBufferPointer, to voxels: UnsafeMutableRawBufferPointer) {
        // With plain pointers the compiler vectorises the loop.
        guard let target = voxels.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let source = own.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { return }
        var position = 0
        let count = min(own.count, voxels.count)
        while position < count {
            let (value, other) = (target[position], source[position])
            target[position] = value == 0 ? other : value
            position &+= 1
        }
    }
}
