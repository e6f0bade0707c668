internal import Elements
internal import Geometry
internal import HDF5
internal import Volumes

/// How a dataset's chunks are shaped and compressed, after `convert.compression`.
struct Encoding: Sendable {
    /// Voxels per axis: with one byte a voxel four of them, with four bytes one, fit into h5py's default cache of 1 MiB.
    static let chunkEdge = 64
    /// Of libdeflate, whose level 4 is smaller than zlib's 4 at more than twice the speed.
    static let deflateLevel = 4

    let filter: ChunkFilter
    let chunkShape: ZYX<Int>

    /// - Parameter source: the codec and chunk shape of the stored array, which `source` keeps; where one codec alone
    ///   would not do, the chunk shape and deflate.
    init(
        _ compression: Manifest.Convert.Compression, elementType: ElementType, shape: ZYX<Int>,
        source: (codec: CodecSummary?, chunkShape: ZYX<Int>)?
    ) {
        let byteCount = elementType.byteCount
        var chunks = ZYX(repeating: Self.chunkEdge)
        switch compression {
        case .gzip: filter = .deflate(level: Self.deflateLevel)
        case .zstd: filter = .zstd(level: 3)
        case .blosc: filter = .blosc(typeSize: byteCount, level: 5, shuffle: 1, compressor: "zstd")
        case .none: filter = .none
        case .source:
            filter =
                source?.codec.map { Self.filter(for: $0, byteCount: byteCount) } ?? .deflate(level: Self.deflateLevel)
            chunks = source?.chunkShape ?? chunks
        }
        // A chunk is never larger than the dataset, nor empty.
        chunkShape = chunks.zip(shape) { max(1, min($0, $1)) }
    }

    /// The HDF5 filter that stands for a codec of the source. gzip and zlib are the same deflate in another wrapping.
    private static func filter(for codec: CodecSummary, byteCount: Int) -> ChunkFilter {
        switch codec.name {
        case "zstd": .zstd(level: codec.level ?? 3)
        case "gzip", "zlib": .deflate(level: min(max(codec.level ?? deflateLevel, 0), 9))
        case "blosc":
            .blosc(
                typeSize: byteCount, level: codec.level ?? 5, shuffle: shuffle(codec.blosc?.shuffle, byteCount),
                compressor: codec.blosc?.compressor ?? "lz4")
        default: .none
        }
    }

    /// -1 is "bits for elements of one byte and bytes for others".
    private static func shuffle(_ declared: Int?, _ byteCount: Int) -> Int {
        guard let declared, declared >= 0 else { return byteCount == 1 ? 2 : 1 }
        return declared
    }
}
