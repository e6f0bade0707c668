internal import CBlosc
public import Elements

/// Blosc 1 buffers, as in numcodecs' `blosc`, N5's `blosc` and HDF5 filter 32001.
///
/// Only the `_ctx` functions with one thread are called, because the others share global state. The parameters matter for writing only; a
/// buffer states its own compressor, shuffle and element size.
public struct BloscCodec: ChunkCodec, Equatable {
    public let name = "blosc"
    /// `blosclz`, `lz4`, `lz4hc`, `snappy`, `zlib` or `zstd`.
    public let compressor: String
    /// 0 (stored) to 9.
    public let level: Int
    /// 0 none, 1 bytes, 2 bits, -1 as in numcodecs: bits for elements of one byte, else bytes.
    public let shuffle: Int
    /// Bytes of one element.
    public let typeSize: Int
    /// Bytes of a block, 0 to let blosc choose.
    public let blockSize: Int

    public init(compressor: String = "lz4", level: Int = 5, shuffle: Int = 1, typeSize: Int, blockSize: Int = 0) {
        self.compressor = compressor
        self.level = level
        self.shuffle = shuffle
        self.typeSize = typeSize
        self.blockSize = blockSize
    }

    /// Bytes of the header in front of every buffer.
    public static let headerByteCount = Int(BLOSC_MIN_HEADER_LENGTH)
    /// The most bytes one buffer can hold, a little less than 2 GiB.
    public static let maximumByteCount = Int(Int32.max) - headerByteCount

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        let capacity = output.byteCount
        return try encoded.withUnsafeBytes { source throws(CodecError) in
            guard source.count >= Self.headerByteCount, let base = source.baseAddress else {
                throw CodecError(
                    .tooShort, codec: name, expected: Self.headerByteCount, found: source.count,
                    "\(source.count) bytes, but the header alone has \(Self.headerByteCount)")
            }
            let stated = Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
            guard stated <= capacity else { throw .tooLarge(codec: name, capacity: capacity, found: stated) }
            // Bytes after the buffer are ignored, as in numcodecs; blosc itself requires the exact length.
            let stored = Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: 12, as: UInt32.self)))
            guard stored <= source.count else {
                throw CodecError(
                    .tooShort, codec: name, expected: stored, found: source.count,
                    "\(source.count) bytes, but the header says \(stored)")
            }
            var validated = 0
            guard blosc_cbuffer_validate(base, stored, &validated) == 0, validated == stated else {
                throw CodecError(.corrupt, codec: name, "the header of the \(source.count) bytes is not valid")
            }
            guard stated > 0 else { return 0 }
            // blosc compares the header's block size with the output's size. Whether a header is valid must not depend on that.
            let count = output.withUnsafeMutableBytes { target in
                blosc_decompress_ctx(base, target.baseAddress, stated, 1)
            }
            guard count == stated else {
                throw CodecError(
                    .corrupt, codec: name, expected: stated, found: count < 0 ? nil : Int(count),
                    "the \(stored) encoded bytes are damaged, or in a format this blosc does not know (result \(count))"
                )
            }
            return stated
        }
    }

    public func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        guard blosc_compname_to_compcode(compressor) >= 0 else {
            throw CodecError(.unsupported, codec: name, "compressor \"\(compressor)\"")
        }
        guard (0...9).contains(level), (-1...2).contains(shuffle) else {
            throw CodecError(
                .unsupported, codec: name, "level \(level) (0 to 9), shuffle \(shuffle) (0 to 2, or -1)")
        }
        guard (1...255).contains(typeSize), blockSize >= 0 else {
            throw CodecError(
                .unsupported, codec: name, "element size \(typeSize) (1 to 255), block size \(blockSize)")
        }
        guard decoded.byteCount <= Self.maximumByteCount else {
            throw CodecError(
                .tooLarge, codec: name, expected: Self.maximumByteCount, found: decoded.byteCount,
                "\(decoded.byteCount) bytes, but a buffer holds at most \(Self.maximumByteCount)")
        }
        let shuffle = self.shuffle == -1 ? (typeSize == 1 ? 2 : 1) : self.shuffle
        let buffer = ByteBuffer(count: decoded.byteCount + Self.headerByteCount)
        let count = decoded.withUnsafeBytes { source in
            buffer.withUnsafeMutableBytes { target in
                blosc_compress_ctx(
                    Int32(level), Int32(shuffle), typeSize, source.count, source.baseAddress, target.baseAddress,
                    target.count, compressor, blockSize, 1)
            }
        }
        guard count > 0 else {
            throw CodecError(
                .corrupt, codec: name, "cannot encode \(decoded.byteCount) bytes with \(compressor) (result \(count))")
        }
        buffer.resize(to: Int(count))
        return buffer
    }
}
