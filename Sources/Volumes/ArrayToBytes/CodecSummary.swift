public import Codecs
internal import Elements

/// The codec of an array whose chunks are plain elements with at most one codec. A writer needs no more to encode chunks the same way.
public struct CodecSummary: Sendable, Hashable, Codable, CustomStringConvertible {
    /// `none`, `gzip`, `zlib`, `zstd` or `blosc`: the names of ``Codecs/ChunkCodec/name``.
    public let name: String
    /// The compression level that the metadata state; nil for `none`.
    public let level: Int?
    /// Whether zstd frames are written with a checksum.
    public let checksum: Bool
    /// The parameters of blosc; nil for other codecs.
    public let blosc: Blosc?

    public struct Blosc: Sendable, Hashable, Codable {
        /// `blosclz`, `lz4`, `lz4hc`, `snappy`, `zlib` or `zstd`.
        public let compressor: String
        /// 0 none, 1 bytes, 2 bits, -1 bits for elements of one byte and bytes for others.
        public let shuffle: Int
        /// Bytes of a block, 0 where blosc chooses.
        public let blockSize: Int

        public init(compressor: String, shuffle: Int, blockSize: Int) {
            self.compressor = compressor
            self.shuffle = shuffle
            self.blockSize = blockSize
        }
    }

    public init(name: String, level: Int? = nil, checksum: Bool = false, blosc: Blosc? = nil) {
        self.name = name
        self.level = level
        self.checksum = checksum
        self.blosc = blosc
    }

    public static let none = CodecSummary(name: "none")

    /// `zstd 6`, `blosc zstd 5 shuffle 2`, `none`.
    public var description: String {
        let level = level.map { " \($0)" } ?? ""
        guard let blosc else { return name + level + (checksum ? " checksum" : "") }
        return "\(name) \(blosc.compressor)\(level) shuffle \(blosc.shuffle)"
    }
}

extension CodecSummary {
    /// Nil where the chain is not at most one writable codec over little-endian elements in C order.
    init?(_ chain: CodecChain, elementType: ElementType) {
        guard chain.arrayToArray.isEmpty, chain.bytesToBytes.count <= 1,
            case .bytes(let isBigEndian) = chain.arrayToBytes, !isBigEndian || elementType.byteCount == 1
        else { return nil }
        switch chain.bytesToBytes.first {
        case nil: self = .none
        case .gzip(let codec): self.init(name: codec.name, level: codec.level)
        case .zlib(let codec): self.init(name: codec.name, level: codec.level)
        case .zstd(let codec): self.init(name: codec.name, level: codec.level, checksum: codec.checksum)
        case .blosc(let codec):
            self.init(
                name: codec.name, level: codec.level,
                blosc: Blosc(compressor: codec.compressor, shuffle: codec.shuffle, blockSize: codec.blockSize))
        default: return nil
        }
    }

    /// The codec, for elements of `elementByteCount` bytes; nil where `name` is not one of the known names.
    public func makeCodec(elementByteCount: Int) -> (any ChunkCodec)? {
        switch name {
        case "none": NoCodec()
        case "gzip": GzipCodec(level: level ?? 5)
        case "zlib": ZlibCodec(level: level ?? 5)
        case "zstd": ZstdCodec(level: level ?? 0, checksum: checksum)
        case "blosc":
            BloscCodec(
                compressor: blosc?.compressor ?? "lz4", level: level ?? 5, shuffle: blosc?.shuffle ?? 1,
                typeSize: elementByteCount, blockSize: blosc?.blockSize ?? 0)
        default: nil
        }
    }
}
