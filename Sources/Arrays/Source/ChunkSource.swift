public import Elements
public import Geometry

/// A three-dimensional array that is read chunk by chunk: from a pack, or from an HDF5 file.
public protocol ChunkSource: Sendable {
    /// Voxels of the array.
    var shape: ZYX<Int> { get }
    /// Voxels of a chunk; the last ones of an axis may reach beyond the array.
    var chunkShape: ZYX<Int> { get }
    var elementType: ElementType { get }
    /// The bytes of one element in native order, for what is not stored.
    var fillValue: [UInt8] { get }

    /// The decoded chunk at an index of the chunk grid, C order, native byte order: in full, or the part of it that lies in the array, as
    /// its size tells. nil where it is not stored.
    func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer?
}

extension ChunkSource {
    /// Decoded bytes of a chunk.
    public var chunkByteCount: Int { chunkShape.product * elementType.byteCount }

    /// The voxels of a chunk.
    public func box(ofChunk index: ZYX<Int>) -> Box {
        let start = index.zip(chunkShape, *)
        return Box(start: start, stop: start.zip(chunkShape, +))
    }

    /// The voxels of a chunk that lie in the array.
    public func coveredBox(ofChunk index: ZYX<Int>) -> Box {
        let start = index.zip(chunkShape, *)
        return Box(start: start, stop: start.zip(chunkShape, +).zip(shape, min))
    }

    /// The voxels that are in `chunk`, which ``chunk(_:)`` gave.
    public func box(of chunk: ByteBuffer, at index: ZYX<Int>) -> Box {
        chunk.count == chunkByteCount ? box(ofChunk: index) : coveredBox(ofChunk: index)
    }
}
