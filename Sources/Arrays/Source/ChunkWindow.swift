public import Elements
public import Geometry
internal import Threads

/// Voxels of a box in one piece of memory.
public struct ChunkWindow: Sendable {
    /// C order, native byte order.
    public let bytes: ByteBuffer
    /// Whether no chunk of the box is stored: all is fill value.
    public let isUnstored: Bool
}

extension ChunkSource {
    /// Reads a box that may reach beyond the array; what is beyond, or not stored, holds the fill value. The bytes are only to be read: where
    /// the box is a chunk, they are the chunk's own.
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
        // A chunk reaches beyond its array at the edge; what stands there is not the array's.
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
