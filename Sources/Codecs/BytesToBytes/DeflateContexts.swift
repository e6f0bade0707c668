internal import CDeflate

/// Owns a libdeflate decompressor.
struct Inflater: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the context is not tied to a thread, and a noncopyable value has one owner.
    let pointer: OpaquePointer

    init(codec: String) throws(CodecError) {
        guard let pointer = libdeflate_alloc_decompressor() else {
            throw CodecError(.unsupported, codec: codec, "no memory for a decompressor")
        }
        self.pointer = pointer
    }

    deinit { libdeflate_free_decompressor(pointer) }

    static let pool = ContextPool<Inflater>()
}

/// Owns a libdeflate compressor of one level.
struct Deflater: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the context is not tied to a thread, and a noncopyable value has one owner.
    let pointer: OpaquePointer

    init(level: Int, codec: String) throws(CodecError) {
        guard let pointer = libdeflate_alloc_compressor(Int32(level)) else {
            throw CodecError(.unsupported, codec: codec, "no memory for a compressor of level \(level)")
        }
        self.pointer = pointer
    }

    deinit { libdeflate_free_compressor(pointer) }

    /// libdeflate's levels.
    static let levels = 0...12
    private static let pools = levels.map { _ in ContextPool<Deflater>() }

    /// Runs `body` with a compressor of `level`; -1 is zlib's "default", which is 6.
    static func withContext<R>(
        level: Int, codec: String, _ body: (borrowing Deflater) throws(CodecError) -> R
    ) throws(CodecError) -> R {
        let level = level == -1 ? 6 : level
        guard levels.contains(level) else {
            throw CodecError(.unsupported, codec: codec, "level \(level); levels are -1 and 0 to 12")
        }
        return try pools[level].withContext(
            make: { () throws(CodecError) in try Deflater(level: level, codec: codec) }
        ) { deflater throws(CodecError) in try body(deflater) }
    }
}

extension CodecError {
    /// The error of a libdeflate result; nil for success.
    static func inflating(_ result: libdeflate_result, codec: String, encoded: Int, capacity: Int) -> CodecError? {
        switch result {
        case LIBDEFLATE_SUCCESS: nil
        case LIBDEFLATE_INSUFFICIENT_SPACE: .tooLarge(codec: codec, capacity: capacity, found: nil)
        default:
            CodecError(
                .corrupt, codec: codec, expected: capacity,
                "the \(encoded) encoded bytes are damaged or cut off, or their checksum is wrong")
        }
    }
}
