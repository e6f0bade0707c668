public import Elements

/// Turns the bytes of one chunk into their stored form and back.
///
/// Encoding is deterministic: equal bytes and parameters give equal results with the same version of the C library.
public protocol ChunkCodec: ChunkDecoder {
    /// Encodes `decoded` into a new buffer.
    ///
    /// - Throws: ``CodecError`` with code `.unsupported` where a parameter is not one of the codec's, `.tooLarge`
    ///   where the format cannot hold that many bytes.
    func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer
}
