internal import CDeflate
public import Elements

/// gzip (RFC 1952), through libdeflate.
///
/// Reads any number of members one after another and checks their CRCs. Like gzip, it ignores zero bytes after the last one. Writes one
/// member whose header holds neither time nor name.
public struct GzipCodec: ChunkCodec, Equatable {
    public let name = "gzip"
    /// -1 (the default of zlib, 6) or 0 to 12.
    public let level: Int

    public init(level: Int = 5) { self.level = level }

    /// A member has at least a header of 10 bytes, 2 of deflate, and a trailer of 8.
    private static let shortestMember = 20

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        guard encoded.byteCount >= Self.shortestMember else {
            throw CodecError(
                .tooShort, codec: name, expected: Self.shortestMember, found: encoded.byteCount,
                "\(encoded.byteCount) bytes, but a member has at least \(Self.shortestMember)")
        }
        return try encoded.decode(into: &output) { source, target throws(CodecError) in
            try Inflater.pool.withContext(make: { () throws(CodecError) in try Inflater(codec: "gzip") }) {
                inflater throws(CodecError) in
                try Self.decodeMembers(source, into: target, with: inflater)
            }
        }
    }

    private static func decodeMembers(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, with inflater: borrowing Inflater
    ) throws(CodecError) -> Int {
        var read = 0
        var written = 0
        repeat {
            var memberBytes = 0
            var memberOutput = 0
            let result = libdeflate_gzip_decompress_ex(
                inflater.pointer, source.baseAddress.map { $0 + read }, source.count - read,
                target.baseAddress.map { $0 + written }, target.count - written, &memberBytes, &memberOutput)
            if let error = CodecError.inflating(
                result, codec: "gzip", encoded: source.count, capacity: target.count)
            {
                throw error
            }
            read += memberBytes
            written += memberOutput
        } while read < source.count && !source[read...].allSatisfy { $0 == 0 }
        return written
    }

    public func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        try Deflater.withContext(level: level, codec: name) { deflater throws(CodecError) in
            let buffer = ByteBuffer(count: libdeflate_gzip_compress_bound(deflater.pointer, decoded.byteCount))
            let count = decoded.withUnsafeBytes { source in
                buffer.withUnsafeMutableBytes { target in
                    libdeflate_gzip_compress(
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
