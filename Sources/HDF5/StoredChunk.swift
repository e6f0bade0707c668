public import Elements

/// The bytes of a chunk as they lie in the file.
public struct StoredChunk: Sendable {
    public let bytes: ByteBuffer
    /// Bit `i` is set where filter `i` of the pipeline was left out for this chunk.
    public let filterMask: UInt32
}
