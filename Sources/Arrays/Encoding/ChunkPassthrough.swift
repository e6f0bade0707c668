internal import Codecs
public import Elements

/// Decides which stored chunks an HDF5 file can hold as they are, under the filter that stands for their codec.
///
/// Only bytes that have been decoded without complaint come here; what is checked is what the readers' filters need beyond that.
public struct ChunkPassthrough: Sendable, Equatable {
    /// `none`, `gzip`, `zlib`, `zstd` or `blosc`.
    public let codec: String
    public let elementType: ElementType
    /// Decoded bytes of a chunk.
    public let chunkByteCount: Int

    public init(codec: String, elementType: ElementType, chunkByteCount: Int) {
        (self.codec, self.elementType, self.chunkByteCount) = (codec, elementType, chunkByteCount)
    }

    /// The bytes for the HDF5 file; nil where the chunk must be encoded anew.
    ///
    /// - Parameters:
    ///   - stored: as they came from the store, in `range` of the buffer; where that is all of it, the result may be the buffer itself.
    ///   - decoded: what they decode to.
    public func passed(_ stored: ByteBuffer, _ range: Range<Int>, decoded: ByteBuffer) -> ByteBuffer? {
        let found = stored.withSpan { (bytes: RawSpan) -> Passage in passage(bytes.extracting(range), decoded) }
        return switch found {
        case .asStored: range == 0..<stored.count ? stored : stored.withSpan { Self.copy($0, range) }
        case .rewrapped(let bytes): bytes
        case .refused: nil
        }
    }

    private enum Passage {
        case asStored
        case rewrapped(ByteBuffer)
        case refused
    }

    private func passage(_ stored: RawSpan, _ decoded: ByteBuffer) -> Passage {
        guard decoded.count == chunkByteCount, (1...Int(UInt32.max)).contains(stored.byteCount) else { return .refused }
        switch codec {
        case "none": return stored.byteCount == chunkByteCount ? .rewrapped(decoded) : .refused
        case "zlib": return .asStored
        case "gzip": return rewrapped(stored, decoded).map(Passage.rewrapped) ?? .refused
        case "zstd": return isWholeZstdFrame(stored) ? .asStored : .refused
        case "blosc": return isBloscBuffer(stored) ? .asStored : .refused
        default: return .refused
        }
    }

    private static func copy(_ bytes: RawSpan, _ range: Range<Int>) -> ByteBuffer {
        let buffer = ByteBuffer(count: range.count)
        bytes.extracting(range).withUnsafeBytes { source in
            buffer.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
        return buffer
    }

    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    private static func uint32(_ bytes: RawSpan, _ offset: Int) -> Int {
        Int(UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    // MARK: gzip

    /// The deflate stream of a gzip member (RFC 1952) as a zlib stream (RFC 1950): another header, and the Adler-32 of the content
    /// in place of its CRC. nil where there are several members, or anything behind the first.
    private func rewrapped(_ stored: RawSpan, _ decoded: ByteBuffer) -> ByteBuffer? {
        guard let start = Self.gzipHeaderByteCount(stored), start + 8 < stored.byteCount else { return nil }
        let stream = start..<(stored.byteCount - 8)
        let buffer = ByteBuffer(count: 2 + stream.count + 4)
        let adler = decoded.withSpan { Checksum.adler32($0) }
        buffer.withUnsafeMutableBytes { target in
            // A window of 32 KiB, the default level, and the check bits.
            target[0] = 0x78
            target[1] = 0x9C
            stored.extracting(stream).withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: target[2..<(2 + stream.count)]).copyMemory(from: source)
            }
            target.storeBytes(of: adler.bigEndian, toByteOffset: 2 + stream.count, as: UInt32.self)
        }
        // Inflated once more: only then is it sure that the stream ended where the trailer was taken to begin.
        let again = ByteBuffer(count: chunkByteCount)
        let count = try? buffer.withSpan { bytes throws(CodecError) in
            try again.withMutableSpan { output throws(CodecError) in try ZlibCodec().decode(bytes, into: &output) }
        }
        return count == chunkByteCount ? buffer : nil
    }

    /// Bytes before the deflate stream; nil where that cannot be said.
    static func gzipHeaderByteCount(_ bytes: RawSpan) -> Int? {
        guard bytes.byteCount >= 18, byte(bytes, 0) == 0x1F, byte(bytes, 1) == 0x8B, byte(bytes, 2) == 8 else {
            return nil
        }
        let flags = byte(bytes, 3)
        guard flags & 0xE0 == 0 else { return nil }
        var end = 10
        if flags & 0x04 != 0 {
            guard end + 2 <= bytes.byteCount else { return nil }
            end += 2 + Int(byte(bytes, end)) + Int(byte(bytes, end + 1)) << 8
        }
        // Name and comment end with a zero byte each.
        for flag in [UInt8(0x08), 0x10] where flags & flag != 0 {
            while end < bytes.byteCount, byte(bytes, end) != 0 { end += 1 }
            end += 1
        }
        if flags & 0x02 != 0 { end += 2 }
        return end < bytes.byteCount ? end : nil
    }

    // MARK: zstd

    /// Whether the first frame says that it holds the whole chunk: the HDF5 filter takes memory for as much as that says.
    private func isWholeZstdFrame(_ stored: RawSpan) -> Bool {
        Self.zstdContentByteCount(stored) == chunkByteCount
    }

    /// Bytes that the first frame holds (RFC 8878, 3.1.1.1); nil where it does not say, or is no ordinary frame.
    static func zstdContentByteCount(_ bytes: RawSpan) -> Int? {
        guard bytes.byteCount >= 6, uint32(bytes, 0) == 0xFD2F_B528 else { return nil }
        let descriptor = byte(bytes, 4)
        let isSingleSegment = descriptor & 0x20 != 0
        let dictionaryByteCount = [0, 1, 2, 4][Int(descriptor & 3)]
        let offset = 5 + (isSingleSegment ? 0 : 1) + dictionaryByteCount
        let width = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
        guard width > 0, offset + width <= bytes.byteCount else { return nil }
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(byte(bytes, offset + index)) << UInt64(8 * index) }
        return Int(exactly: width == 2 ? value + 256 : value)
    }

    // MARK: blosc

    /// Whether the header is that of one Blosc 1 buffer with the whole chunk, elements of the dataset's size, and nothing behind it.
    private func isBloscBuffer(_ stored: RawSpan) -> Bool {
        guard stored.byteCount >= BloscCodec.headerByteCount else { return false }
        return (1...2).contains(Self.byte(stored, 0)) && Int(Self.byte(stored, 3)) == elementType.byteCount
            && Self.uint32(stored, 4) == chunkByteCount && Self.uint32(stored, 12) == stored.byteCount
    }
}
