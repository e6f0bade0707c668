public import Codecs

/// A stage of a codec chain that turns bytes into bytes.
public enum BytesStage: Sendable, Equatable {
    case gzip(GzipCodec)
    case zlib(ZlibCodec)
    case zstd(ZstdCodec)
    case blosc(BloscCodec)
    case bz2(Bzip2Codec)
    case lzma(LZMACodec)
    case lz4(LZ4Codec)
    case lz4Frame(LZ4FrameCodec)
    case lz4BlockStream(LZ4BlockStreamCodec)
    case n5LZ4(N5LZ4Codec)
    case shuffle(ShuffleFilter)
    case packBits(PackBitsFilter)
    case base64(Base64Codec)
    /// Checked when decoding, and removed without a copy.
    case checksum(ChecksumFilter)
    /// An element-wise filter over bytes that are interpreted as elements, like numcodecs' filters in Zarr v2.
    case elements(ElementFilter)

    /// The name of the codec in metadata.
    public var name: String {
        switch self {
        case .checksum(let filter): filter.kind.rawValue
        default: decoder?.name ?? "none"
        }
    }

    /// The decoder; nil for a checksum, which has nothing to decode.
    var decoder: (any ChunkDecoder)? {
        switch self {
        case .gzip(let codec): codec
        case .zlib(let codec): codec
        case .zstd(let codec): codec
        case .blosc(let codec): codec
        case .bz2(let codec): codec
        case .lzma(let codec): codec
        case .lz4(let codec): codec
        case .lz4Frame(let codec): codec
        case .lz4BlockStream(let codec): codec
        case .n5LZ4(let codec): codec
        case .shuffle(let filter): filter
        case .packBits(let filter): filter
        case .base64(let codec): codec
        case .elements(let filter): filter
        case .checksum: nil
        }
    }

    /// An upper bound for the encoded bytes of `byteCount` bytes.
    public func encodedByteBound(of byteCount: Int) -> Int {
        switch self {
        case .checksum: byteCount + ChecksumFilter.byteCount
        case .shuffle: byteCount
        case .packBits: PackBitsFilter.encodedByteCount(of: byteCount)
        case .base64: Base64Codec.encodedByteCount(of: byteCount)
        case .elements(let filter): filter.encodedByteCount(of: byteCount)
        // A header of 21 bytes for each block, which has at least 64.
        case .lz4BlockStream, .n5LZ4: byteCount + byteCount / 2 + 65_536
        // Deflate's stored blocks of 16 KiB and blosc's offsets cost less than 1/1000. 1/16 leaves room for bad encoders.
        default: byteCount + byteCount / 16 + 65_536
        }
    }

    /// The part of `encoded` that is already decoded; nil where there is something to decode.
    func payload(of encoded: RawSpan) throws(CodecError) -> Range<Int>? {
        switch self {
        case .checksum(let filter): try filter.payload(of: encoded)
        case .elements(let filter) where filter.isIdentity: 0..<encoded.byteCount
        default: nil
        }
    }
}
