public import Elements
public import Geometry
internal import Threads

/// A three-dimensional array that is read chunk by chunk: from a pack, or from an HDF5 file.
public protocol ChunkSource: Sendable {
    /// Voxels of the array.
    var shape: ZYX<Int> { get }
    /// Voxels of a chunk; the last ones of an axis may reach beyond the array.
    var chunkShape: ZYX<Int> { get }
    var elementType: ElementType { get }
    /// The bytes of one element in native order, for what is not stored.
    var fillValue: [UInt8] { get }

    /// The decoded chunk at an index of the chunk grid, in C order and native byte order; nil where it is not stored. It is either the whole
    /// chunk or the part that lies in the array: its size tells which.
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

/// The voxels of a box in one buffer.
public struct ChunkWindow: Sendable {
    /// C order, native byte order.
    public let bytes: ByteBuffer
    /// Whether no chunk of the box is stored: all is fill value.
    public let isUnstored: Bool
}

extension ChunkSource {
    /// Reads a box, which may reach beyond the array. Voxels beyond it, or not stored, have the fill value. The bytes must not be changed: where
    /// the box is a chunk, they are the cached chunk itself.
    public func window(_ box: Box) async throws -> ChunkWindow {
        let width = elementType.byteCount
        let fill = fillValue
        var chunks: [(box: Box, bytes: ByteBuffer)] = []
        var isComplete = true
        if let inside = box.intersection(Box(shape: shape)) {
            isComplete = inside == box
            let indices = inside.blocks(of: chunkShape)
            for offset in 0..<indices.volume {
                let index = indices.index(at: offset)
                if let bytes = try await chunk(index) {
                    chunks.append((self.box(of: bytes, at: index), bytes))
                } else {
                    isComplete = false
                }
            }
        } else {
            isComplete = false
        }
        if isComplete, let chunk = chunks.first, chunk.box == box {
            return ChunkWindow(bytes: chunk.bytes, isUnstored: false)
        }
        // A chunk at the edge reaches beyond the array. Its voxels there are not copied.
        let inner = Box(shape: shape)
        let (parts, needsFill) = (chunks, !isComplete)
        return await ThreadPool.compute.run {
            let buffer = ByteBuffer(count: box.volume * width)
            if needsFill { buffer.fill(with: fill) }
            for part in parts {
                part.bytes.copyOverlap(of: part.box, into: buffer, box: box, limitedTo: inner, elementByteCount: width)
            }
            return ChunkWindow(bytes: buffer, isUnstored: parts.isEmpty)
        }
    }
}

extension ByteBuffer {
    /// Copies the voxels that `source`, the box of this buffer, and the box of `destination` have in common.
    ///
    /// - Parameter limit: voxels outside are not copied; the array's own box keeps out what stands beyond its edge in a chunk.
    public func copyOverlap(
        of source: Box, into destination: ByteBuffer, box: Box, limitedTo limit: Box? = nil, elementByteCount: Int
    ) {
        guard let common = source.intersection(box), let overlap = limit.map(common.intersection) ?? common else {
            return
        }
        func start(in whole: Box) -> [Int] { overlap.start.zip(whole.start, -).array }
        copyBlock(
            overlap.shape.array, from: start(in: source), of: source.shape.array, into: destination, at: start(in: box),
            of: box.shape.array, elementByteCount: elementByteCount)
    }
}
