internal import CZstd
public import Elements

/// Zstandard frames (RFC 8878), as in numcodecs' `zstd`, N5's `zstd` and HDF5 filter 32015.
///
/// Reads several frames one after another, skippable frames, frames with and without checksum, and frames without their content size
/// (TensorStore writes those). The output itself serves as the window, so no frame can make it allocate memory.
public struct ZstdCodec: ChunkCodec, Equatable {
    public let name = "zstd"
    /// 1 to 22, 0 = zstd's default (3), or negative for faster ones.
    public let level: Int
    /// Whether frames are written with an XXH64 checksum. When reading, a frame says itself whether it has one.
    public let checksum: Bool

    public init(level: Int = 3, checksum: Bool = false) {
        self.level = level
        self.checksum = checksum
    }

    private static let frameMagic: UInt32 = 0xFD2F_B528
    /// Skippable frames have 0x184D2A50 to 0x184D2A5F.
    private static let skippableMagic: UInt32 = 0x184D_2A50

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try encoded.decode(into: &output) { source, target throws(CodecError) in
            try ZstdDecompressor.pool.withContext(
                make: { () throws(CodecError) in try ZstdDecompressor() },
                { decompressor throws(CodecError) in
                    try Self.decodeFrames(source, into: target, with: decompressor)
                })
        }
    }

    private static func decodeFrames(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        with decompressor: borrowing ZstdDecompressor
    ) throws(CodecError) -> Int {
        var read = 0
        var written = 0
        repeat {
            let left = source.count - read
            guard left >= 8, let frame = source.baseAddress.map({ $0 + read }) else {
                throw CodecError(
                    .tooShort, codec: "zstd", expected: 8, found: left,
                    "\(left) bytes at offset \(read), but a frame has at least 8")
            }
            let magic = UInt32(littleEndian: frame.loadUnaligned(as: UInt32.self))
            guard magic == frameMagic || magic & ~0xF == skippableMagic else {
                throw CodecError(
                    .corrupt, codec: "zstd", "no frame at offset \(read): magic 0x\(String(magic, radix: 16))")
            }
            let frameBytes = ZSTD_findFrameCompressedSize(frame, left)
            if let error = error(frameBytes, offset: read, capacity: target.count) { throw error }
            if magic == frameMagic {
                written += try decodeFrame(
                    UnsafeRawBufferPointer(start: frame, count: frameBytes), offset: read,
                    into: target, after: written, with: decompressor)
            }
            read += frameBytes
        } while read < source.count
        return written
    }

    private static func decodeFrame(
        _ frame: UnsafeRawBufferPointer, offset: Int, into target: UnsafeMutableRawBufferPointer, after written: Int,
        with decompressor: borrowing ZstdDecompressor
    ) throws(CodecError) -> Int {
        // The two highest values mean "not stated" and "error"; decoding reports the error below.
        let stated = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
        if stated < UInt64.max - 1, stated > UInt64(target.count - written) {
            let total = Int(clamping: stated).addingReportingOverflow(written)
            throw .tooLarge(
                codec: "zstd", capacity: target.count, found: total.overflow ? Int.max : total.partialValue)
        }
        let result = ZSTD_decompressDCtx(
            decompressor.pointer, target.baseAddress.map { $0 + written }, target.count - written,
            frame.baseAddress, frame.count)
        if let error = error(result, offset: offset, capacity: target.count) { throw error }
        return result
    }

    public func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        let bound = ZSTD_compressBound(decoded.byteCount)
        if let error = Self.error(bound, offset: 0, capacity: decoded.byteCount) { throw error }
        let buffer = ByteBuffer(count: bound)
        let level = Int32(clamping: self.level)
        let checksum: Int32 = self.checksum ? 1 : 0
        let count = try ZstdCompressor.pool.withContext(
            make: { () throws(CodecError) in try ZstdCompressor() },
            { compressor throws(CodecError) in
                ZSTD_CCtx_reset(compressor.pointer, ZSTD_reset_session_and_parameters)
                ZSTD_CCtx_setParameter(compressor.pointer, ZSTD_c_compressionLevel, level)
                ZSTD_CCtx_setParameter(compressor.pointer, ZSTD_c_checksumFlag, checksum)
                return decoded.withUnsafeBytes { source in
                    buffer.withUnsafeMutableBytes { target in
                        ZSTD_compress2(
                            compressor.pointer, target.baseAddress, target.count, source.baseAddress, source.count)
                    }
                }
            })
        if let error = Self.error(count, offset: 0, capacity: bound) { throw error }
        buffer.resize(to: count)
        return buffer
    }

    /// The error in a result of zstd; nil where it is a number of bytes.
    private static func error(_ result: Int, offset: Int, capacity: Int) -> CodecError? {
        guard ZSTD_isError(result) != 0 else { return nil }
        let reason = String(cString: ZSTD_getErrorName(result))
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_dstSize_tooSmall:
            return .tooLarge(codec: "zstd", capacity: capacity, found: nil)
        case ZSTD_error_checksum_wrong:
            return CodecError(.checksum, codec: "zstd", "the checksum of the frame at offset \(offset) is wrong")
        case ZSTD_error_srcSize_wrong:
            return CodecError(.tooShort, codec: "zstd", "the frame at offset \(offset) is cut off")
        case ZSTD_error_dictionary_wrong, ZSTD_error_version_unsupported, ZSTD_error_frameParameter_unsupported:
            return CodecError(.unsupported, codec: "zstd", "the frame at offset \(offset): \(reason)")
        default:
            return CodecError(.corrupt, codec: "zstd", "the frame at offset \(offset): \(reason)")
        }
    }
}

/// Owns a zstd decompression context.
private struct ZstdDecompressor: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the context is not tied to a thread, and a noncopyable value has one owner.
    let pointer: OpaquePointer

    init() throws(CodecError) {
        guard let pointer = ZSTD_createDCtx() else {
            throw CodecError(.unsupported, codec: "zstd", "no memory for a decompression context")
        }
        self.pointer = pointer
    }

    deinit { ZSTD_freeDCtx(pointer) }

    static let pool = ContextPool<ZstdDecompressor>()
}

/// Owns a zstd compression context.
private struct ZstdCompressor: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the context is not tied to a thread, and a noncopyable value has one owner.
    let pointer: OpaquePointer

    init() throws(CodecError) {
        guard let pointer = ZSTD_createCCtx() else {
            throw CodecError(.unsupported, codec: "zstd", "no memory for a compression context")
        }
        self.pointer = pointer
    }

    deinit { ZSTD_freeCCtx(pointer) }

    static let pool = ContextPool<ZstdCompressor>()
}
