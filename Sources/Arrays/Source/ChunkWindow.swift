public import Elements
public import Geometry
internal import Threads
internal import Volumes

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
    /// Copies what `source` (the box of this buffer) and `box` have in common.
    public func copyOverlap(
        of source: Box, into destination: ByteBuffer, box: Box, limitedTo limit: Box? = nil, elementByteCount: Int
    ) {
        withSpan { bytes in
            destination.withMutableSpan { target in
                Volumes.copyOverlap(
                    chunk: bytes, chunkBox: source, into: &target, box: box, limitedTo: limit,
                    elementByteCount: elementByteCount)
            }
        }
    }
}
