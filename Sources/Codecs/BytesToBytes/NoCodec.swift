public import Elements

/// Bytes stored as they are.
public struct NoCodec: ChunkCodec {
    public let name = "none"

    public init() {}

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        let count = encoded.byteCount
        guard count <= output.byteCount else {
            throw .tooLarge(codec: name, capacity: output.byteCount, found: count)
        }
        encoded.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
        return count
    }

    public func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        let buffer = ByteBuffer(count: decoded.byteCount)
        decoded.withUnsafeBytes { source in
            buffer.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
        return buffer
    }
}
