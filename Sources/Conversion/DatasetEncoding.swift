internal import Arrays
internal import Codecs
internal import Elements
internal import HDF5
internal import Volumes

/// How the chunks of a converted array are shaped and compressed.
///
/// A chunk of the source (an inner one, where there are shards) becomes one chunk of the dataset, clamped to the array; one that is too
/// large for HDF5, or for the memory, becomes several equal ones.
struct DatasetEncoding: Sendable {
    let filter: ChunkFilter
    /// Elements per axis, one axis at least: a single value is an array of one.
    let chunkShape: [Int]
    /// Whether the dataset's chunks are the source's, in full: with clamped ones padding is cut off, large ones are split.
    let keepsChunks: Bool
    /// The codec of the source, in words.
    let sourceCodec: String
    /// How chunks can be taken over as they are; nil where none can.
    let passage: ChunkPassthrough?

    /// Of ``VolumeZlibCodec``: for raw data of one or two bytes h5py's own, and for labels, which are small, more.
    private static func deflateLevel(_ type: ElementType) -> Int {
        type == .bool || (type.isInteger && type.byteCount > 2) ? 6 : 4
    }

    /// How chunks of a type are compressed; nil for the source's codec.
    ///
    /// - Parameter level: that was asked for, within ``StoreConversion/Compression/levels``.
    static func filter(_ compression: StoreConversion.Compression, level: Int?, _ type: ElementType) -> ChunkFilter? {
        switch compression {
        case .gzip: .deflate(level: level ?? deflateLevel(type))
        case .zstd: .zstd(level: level ?? 3)
        case .blosc: .blosc(typeSize: type.byteCount, level: level ?? 5, shuffle: 1, compressor: "zstd")
        case .none: ChunkFilter.none
        case .source: nil
        }
    }

    /// - Parameter maximumChunkBytes: larger chunks are split.
    init(
        _ compression: StoreConversion.Compression, level: Int?, _ metadata: ArrayMetadata, maximumChunkBytes: Int
    ) {
        let type = metadata.elementType
        let summary = metadata.innerCodecSummary
        filter =
            Self.filter(compression, level: level, type)
            ?? SourceEncoding.filter(for: SourceEncoding.codec(of: metadata), type)
        sourceCodec = summary?.description ?? Self.description(metadata)

        var limit = min(Int(UInt32.max), maximumChunkBytes)
        if case .blosc = filter { limit = min(limit, BloscCodec.maximumByteCount) }
        let stored = metadata.innerChunkShape
        let storedBytes = stored.reduce(type.byteCount, *)
        if compression == .source, summary != nil, storedBytes <= limit {
            // In full, also where the array is smaller, so that stored chunks can be taken over.
            chunkShape = stored.isEmpty ? [1] : stored
            keepsChunks = true
            passage = summary.map { ChunkPassthrough(codec: $0.name, elementType: type, chunkByteCount: storedBytes) }
        } else {
            let clamped = zip(stored, metadata.shape).map { max(1, min($0, $1)) }
            let chunk = Self.split(clamped, elementByteCount: type.byteCount, limit: limit)
            chunkShape = chunk.isEmpty ? [1] : chunk
            keepsChunks = chunk == stored
            passage = nil
        }
    }

    /// Divides axes, the slowest first, by whole numbers until a chunk has at most `limit` bytes.
    private static func split(_ shape: [Int], elementByteCount: Int, limit: Int) -> [Int] {
        var shape = shape
        for axis in shape.indices {
            let others = shape.enumerated().reduce(elementByteCount) { $1.offset == axis ? $0 : $0 * $1.element }
            guard others * shape[axis] > limit else { break }
            let extent = shape[axis]
            var pieces = extent
            // The fewest equal pieces that are small enough; single elements where the extent has no such divisor.
            var divisor = 1
            while divisor <= extent / divisor {
                if extent % divisor == 0 {
                    for candidate in [divisor, extent / divisor]
                    where candidate < pieces && others * (extent / candidate) <= limit { pieces = candidate }
                }
                divisor += 1
            }
            shape[axis] = extent / pieces
        }
        return shape
    }

    private static func description(_ metadata: ArrayMetadata) -> String {
        var chain = metadata.shardGrid?.innerCodecs ?? metadata.codecs
        var names: [String] = []
        for stage in chain.arrayToArray {
            switch stage {
            case .transpose: names.append("transpose")
            case .elements: names.append("filter")
            }
        }
        switch chain.arrayToBytes {
        case .bytes(let isBigEndian): names.append(isBigEndian ? "big-endian" : "little-endian")
        case .packBits: names.append("packbits")
        case .sharding: names.append("shards")
        case .n5Block(let layout):
            names.append("n5 block")
            chain = CodecChain(bytesToBytes: layout.payloadCodecs)
        }
        return (names + chain.bytesToBytes.map(\.name)).joined(separator: ", ")
    }
}
