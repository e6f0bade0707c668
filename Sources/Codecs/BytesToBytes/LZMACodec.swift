internal import CLZMA

/// numcodecs' `lzma` and N5's `xz`: the formats of Python's `lzma` module. It only decodes.
///
/// Reads any number of xz streams one after another, checks them, and ignores other bytes after them, like `lzma.decompress`.
public struct LZMACodec: ChunkDecoder, Equatable {
    /// The `FORMAT_…` constants of Python's `lzma`.
    public enum Format: Int, Sendable {
        /// xz or the older `.lzma`, detected from the bytes.
        case automatic = 0
        case xz = 1
        /// The older `.lzma` file.
        case alone = 2
        /// Without a header: the metadata give the filters.
        case raw = 3
    }

    public let name = "lzma"
    public let format: Format
    /// The filters in the order of encoding, for ``Format/raw`` only.
    public let filters: [LZMAFilter]

    public init(format: Format = .xz, filters: [LZMAFilter] = []) {
        self.format = format
        self.filters = filters
    }

    /// The most memory of a decoder, in bytes; xz's strongest preset needs 65 MiB.
    public static let memoryLimit: UInt64 = 256 << 20

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try encoded.decode(into: &output) { source, target throws(CodecError) in
            var read = 0
            var written = 0
            repeat {
                var stream = try LZMADecoder(format: format, filters: filters)
                guard let (taken, given) = try stream.decode(source, from: read, into: target, after: written)
                else {
                    guard read == 0 else { break }
                    throw CodecError(.corrupt, codec: name, "the \(source.count) bytes are no \(format) stream")
                }
                read += taken
                written += given
                // Streams are padded with zeros to four bytes.
                while read < source.count, source[read] == 0 { read += 1 }
            } while read < source.count && format != .raw && format != .alone
            return written
        }
    }
}

/// Owns a decoder of liblzma for one stream.
private struct LZMADecoder: ~Copyable {
    private var stream = lzma_stream()

    init(format: LZMACodec.Format, filters: [LZMAFilter]) throws(CodecError) {
        let result: lzma_ret
        switch format {
        case .automatic: result = lzma_auto_decoder(&stream, LZMACodec.memoryLimit, 0)
        case .xz: result = lzma_stream_decoder(&stream, LZMACodec.memoryLimit, 0)
        case .alone: result = lzma_alone_decoder(&stream, LZMACodec.memoryLimit)
        case .raw: result = try Self.openRaw(&stream, filters)
        }
        guard result == LZMA_OK else {
            lzma_end(&stream)
            throw CodecError(.unsupported, codec: "lzma", "no decoder of format \(format) (result \(result.rawValue))")
        }
    }

    deinit {
        var stream = stream
        lzma_end(&stream)
    }

    private static func openRaw(_ stream: inout lzma_stream, _ filters: [LZMAFilter]) throws(CodecError) -> lzma_ret {
        let (memory, result) = LZMAFilter.withFilters(filters) { chain -> (UInt64, lzma_ret) in
            let memory = lzma_raw_decoder_memusage(chain)
            guard memory <= LZMACodec.memoryLimit else { return (memory, LZMA_MEMLIMIT_ERROR) }
            return (memory, lzma_raw_decoder(&stream, chain))
        }
        guard memory != .max, result != LZMA_OPTIONS_ERROR else {
            throw CodecError(
                .unsupported, codec: "lzma", "\(filters.count) filters that liblzma does not know together")
        }
        guard memory <= LZMACodec.memoryLimit else { throw Self.tooMuchMemory(memory) }
        return result
    }

    private static func tooMuchMemory(_ bytes: UInt64) -> CodecError {
        CodecError(
            .unsupported, codec: "lzma", expected: Int(LZMACodec.memoryLimit), found: Int(clamping: bytes),
            "a dictionary that needs \(bytes) bytes of memory, more than \(LZMACodec.memoryLimit)")
    }

    /// Decodes the stream that starts at `offset`; nil where none does.
    mutating func decode(
        _ source: UnsafeRawBufferPointer, from offset: Int, into target: UnsafeMutableRawBufferPointer,
        after written: Int
    ) throws(CodecError) -> (read: Int, written: Int)? {
        let input = source.count - offset
        let room = target.count - written
        stream.next_in = source.baseAddress.map { ($0 + offset).assumingMemoryBound(to: UInt8.self) }
        stream.avail_in = input
        stream.next_out = target.baseAddress.map { ($0 + written).assumingMemoryBound(to: UInt8.self) }
        stream.avail_out = room
        var result = LZMA_OK
        while result == LZMA_OK { result = lzma_code(&stream, LZMA_FINISH) }
        let given = room - stream.avail_out
        if result == LZMA_BUF_ERROR, stream.avail_out == 0 {
            // One byte more than the output tells a stream that is too long from one that is cut off or invalid.
            var surplus = 0
            (result, surplus) = decodeAnotherByte()
            guard surplus == 0 else { throw .tooLarge(codec: "lzma", capacity: target.count, found: nil) }
        }
        switch result {
        case LZMA_STREAM_END:
            return (input - stream.avail_in, given)
        case LZMA_BUF_ERROR:
            throw CodecError(.tooShort, codec: "lzma", found: input, "the stream at offset \(offset) is cut off")
        case LZMA_FORMAT_ERROR:
            return nil
        case LZMA_MEMLIMIT_ERROR:
            throw Self.tooMuchMemory(lzma_memusage(&stream))
        case LZMA_OPTIONS_ERROR, LZMA_UNSUPPORTED_CHECK:
            throw CodecError(
                .unsupported, codec: "lzma", "the stream at offset \(offset) has options that liblzma does not know")
        default:
            throw CodecError(
                .corrupt, codec: "lzma", "the stream at offset \(offset) is damaged (result \(result.rawValue))")
        }
    }

    private mutating func decodeAnotherByte() -> (lzma_ret, written: Int) {
        var surplus: UInt8 = 0
        return withUnsafeMutablePointer(to: &surplus) { spare in
            stream.next_out = spare
            stream.avail_out = 1
            var result = LZMA_OK
            while result == LZMA_OK, stream.avail_out > 0 { result = lzma_code(&stream, LZMA_FINISH) }
            return (result, 1 - stream.avail_out)
        }
    }
}
