internal import CDeflate
public import Elements

/// zlib streams (RFC 1950), through libdeflate.
///
/// The Adler-32 is checked. Bytes after the end of the stream are ignored, as in Python's `zlib.decompress` and so in numcodecs. HDF5's
/// deflate filter stores exactly this format.
public struct ZlibCodec: ChunkCodec, Equatable {
    public let name = "zlib"
    /// -1 (the default of zlib, 6) or 0 to 12.
    public let level: Int

    public init(level: Int = 5) { self.level = level }

    /// A stream has at least a header of 2 bytes, 2 of deflate, and a trailer of 4.
    private static let shortestStream = 8

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        guard encoded.byteCount >= Self.shortestStream else {
            throw CodecError(
                .tooShort, codec: name, expected: Self.shortestStream, found: encoded.byteCount,
                "\(encoded.byteCount) bytes, but a stream has at least \(Self.shortestStream)")
        }
        return try encoded.decode(into: &output) { source, target throws(CodecError) in
            try Inflater.pool.withContext(make: { () throws(CodecError) in try Inflater(codec: "zlib") }) {
                inflater throws(CodecError) in
                var read = 0
                var written = 0
                let result = libdeflate_zlib_decompress_ex(
                    inflater.pointer, source.baseAddress, source.count, target.baseAddress, target.count,
                    &read, &written)
                if let error = CodecError.inflating(
                    result, codec: "zlib", encoded: source.count, capacity: target.count)
                {
                    throw error
                }
                return written
            }
        }
    }

    public func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        try Deflater.withContext(level: level, codec: name) { deflater throws(CodecError) in
            let buffer = ByteBuffer(count: libdeflate_zlib_compress_bound(deflater.pointer, decoded.byteCount))
            let count = decoded.withUnsafeBytes { source in
                buffer.withUnsafeMutableBytes { target in
                    libdeflate_zlib_compress(
                        deflater.pointer, source.baseAddress, source.count, target.baseAddress, target.count)
                }
            }
            guard count > 0 else {
                throw CodecError(.tooLarge, codec: name, "cannot encode \(decoded.byteCount) bytes")
            }
            buffer.resize(to: count)
            return buffer
        }
    }
}
