public import Elements

/// Turns the stored form of bytes into the bytes themselves.
///
/// Decoders are values: they hold parameters, never state, and may be used from any number of threads at once.
public protocol ChunkDecoder: Sendable {
    /// The name in metadata: `zstd`, `gzip`, `zlib`, `blosc`, `none`, `bz2`, `lzma`, `lz4`, …
    var name: String { get }

    /// Decodes the whole of `encoded` into `output` and returns the number of bytes written.
    ///
    /// Never writes beyond `output`, and never allocates memory in proportion to what the encoded bytes claim.
    /// A result shorter than `output` is no error here; the caller checks the length.
    ///
    /// - Throws: ``CodecError`` with code `.tooLarge` where the result would not fit into `output`, `.tooShort` where
    ///   `encoded` ends too early, `.checksum`, `.corrupt` or `.unsupported`. Damaged bytes may give any of them.
    func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int
}

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

extension RawSpan {
    /// Runs `body` with the memory of these bytes and of `output`, as C libraries take them.
    func decode(
        into output: inout MutableRawSpan,
        _ body: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws(CodecError) -> Int
    ) throws(CodecError) -> Int {
        try withUnsafeBytes { source throws(CodecError) in
            try output.withUnsafeMutableBytes { target throws(CodecError) in try body(source, target) }
        }
    }
}
