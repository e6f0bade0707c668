internal import CBZip2

/// bzip2 streams, as in numcodecs' `bz2` and N5's `bzip2`. It only decodes.
///
/// Reads any number of streams one after another and ignores other bytes after them, like Python's `bz2.decompress`. A stream needs at most
/// 4 MB of memory, whatever it states.
public struct Bzip2Codec: ChunkDecoder, Equatable {
    public let name = "bz2"

    public init() {}

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try encoded.decode(into: &output) { source, target throws(CodecError) in
            var read = 0
            var written = 0
            repeat {
                let result = try Self.decodeStream(
                    UnsafeRawBufferPointer(rebasing: source[read...]),
                    into: UnsafeMutableRawBufferPointer(rebasing: target[written...]))
                guard case .stream(let taken, let given) = result else {
                    guard read == 0 else { break }
                    throw CodecError(.corrupt, codec: name, "the \(source.count) bytes are no bzip2 stream")
                }
                read += taken
                written += given
            } while read < source.count
            return written
        }
    }

    private enum Result {
        case stream(read: Int, written: Int)
        case noStream
    }

    private static func decodeStream(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Result {
        guard !source.isEmpty else {
            throw CodecError(.tooShort, codec: "bz2", expected: 14, found: 0, "0 bytes, but a stream has at least 14")
        }
        var stream = bz_stream()
        guard BZ2_bzDecompressInit(&stream, 0, 0) == BZ_OK else {
            throw CodecError(.unsupported, codec: "bz2", "no memory for a decompressor")
        }
        defer { BZ2_bzDecompressEnd(&stream) }
        var read = 0
        var written = 0
        // When the output is full, the library gets room for one more byte: writing it means that the output is too small.
        var surplus: CChar = 0
        while true {
            let input = UInt32(clamping: source.count - read)
            stream.next_in = source.baseAddress.map {
                UnsafeMutablePointer(mutating: ($0 + read).assumingMemoryBound(to: CChar.self))
            }
            stream.avail_in = input
            let isFull = written == target.count
            let room = isFull ? 1 : UInt32(clamping: target.count - written)
            let state = withUnsafeMutablePointer(to: &surplus) { spare in
                stream.next_out =
                    isFull ? spare : target.baseAddress.map { ($0 + written).assumingMemoryBound(to: CChar.self) }
                stream.avail_out = room
                return BZ2_bzDecompress(&stream)
            }
            let taken = Int(input - stream.avail_in)
            let given = Int(room - stream.avail_out)
            guard !isFull || given == 0 else { throw .tooLarge(codec: "bz2", capacity: target.count, found: nil) }
            read += taken
            written += given
            switch state {
            case BZ_STREAM_END:
                return .stream(read: read, written: written)
            case BZ_OK where taken > 0 || given > 0:
                continue
            case BZ_OK:
                throw CodecError(
                    .tooShort, codec: "bz2", found: source.count, "the \(source.count) encoded bytes are cut off")
            case BZ_DATA_ERROR_MAGIC:
                return .noStream
            default:
                throw CodecError(
                    .corrupt, codec: "bz2", "the \(source.count) encoded bytes are damaged (result \(state))")
            }
        }
    }
}
