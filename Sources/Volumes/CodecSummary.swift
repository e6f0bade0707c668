/// How the chunks of an array are encoded: enough to read them, and to write others the same way.
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
