internal import CLZ4

/// LZ4 frames (magic 04 22 4d 18), as `lz4 -c` and rust-n5 write them. It only decodes.
///
/// Reads any number of frames one after another, also skippable ones, and checks their checksums. A frame's context holds at most two
/// blocks of 4 MiB, whatever its header states.
public struct LZ4FrameCodec: ChunkDecoder, Equatable {
    public let name = "lz4 frame"

    public init() {}

    /// The first four bytes of a frame.
    public static let magic: [UInt8] = [0x04, 0x22, 0x4D, 0x18]

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try encoded.decode(into: &output) { source, target throws(CodecError) in
            let decompressor = try LZ4FrameDecompressor()
            return try decode(source, into: target, with: decompressor)
        }
    }

    private func decode(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        with decompressor: borrowing LZ4FrameDecompressor
    ) throws(CodecError) -> Int {
        guard let base = source.baseAddress, !source.isEmpty else {
            throw CodecError(.tooShort, codec: name, expected: 7, found: 0, "0 bytes, but a frame has at least 7")
        }
        var read = 0
        var written = 0
        var surplus: UInt8 = 0
        // How many bytes the library still expects; 0 at the end of a frame.
        var wanted = 1
        while read < source.count {
            var taken = source.count - read
            let isFull = written == target.count
            var given = isFull ? 1 : target.count - written
            wanted = withUnsafeMutableBytes(of: &surplus) { spare in
                LZ4F_decompress(
                    decompressor.pointer, isFull ? spare.baseAddress : target.baseAddress.map { $0 + written }, &given,
                    base + read, &taken, nil)
            }
            guard LZ4F_isError(wanted) == 0 else {
                let reason = String(cString: LZ4F_getErrorName(wanted))
                let code: CodecError.Code = reason.hasSuffix("hecksum_invalid") ? .checksum : .corrupt
                throw CodecError(code, codec: name, "the frame at or before offset \(read): \(reason)")
            }
            guard !isFull || given == 0 else { throw .tooLarge(codec: name, capacity: target.count, found: nil) }
            read += taken
            written += given
            guard taken > 0 || given > 0 else {
                throw CodecError(.corrupt, codec: name, "the frame does not go on at offset \(read)")
            }
        }
        guard wanted == 0 else {
            throw CodecError(
                .tooShort, codec: name, expected: source.count + wanted, found: source.count,
                "\(source.count) bytes, but the frame goes on for at least \(wanted)")
        }
        return written
    }
}

/// Owns an LZ4 frame decompression context.
private struct LZ4FrameDecompressor: ~Copyable {
    let pointer: OpaquePointer

    init() throws(CodecError) {
        var pointer: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&pointer, UInt32(LZ4F_VERSION))) == 0, let pointer else {
            throw CodecError(.unsupported, codec: "lz4 frame", "no memory for a decompression context")
        }
        self.pointer = pointer
    }

    deinit { LZ4F_freeDecompressionContext(pointer) }
}
