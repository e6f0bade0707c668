public import Elements
public import Geometry
public import HDF5
public import Manifest
public import Volumes

/// How a dataset's chunks are shaped and compressed, after `convert.compression`.
public struct Encoding: Sendable {
    /// Voxels per axis: with one byte a voxel four of them, with four bytes one, fit into h5py's default cache of 1 MiB.
    static let chunkEdge = 64
    /// Of the general search, for chunks that need one (``VolumeZlibCodec``): with smooth data, too, higher levels give little for their time.
    private static let rawDeflateLevel = 1
    /// Labels in which repetitions lie elsewhere than in a volume's neighbourhood are small, whatever they cost.
    private static let labelDeflateLevel = 6

    public let filter: ChunkFilter
    public let chunkShape: ZYX<Int>

    /// - Parameter source: the codec and chunk shape of the stored array, which `source` keeps (``SourceEncoding``).
    public init(
        _ compression: Manifest.Convert.Compression, elementType: ElementType, shape: ZYX<Int>, isLabel: Bool,
        source: (codec: CodecSummary?, chunkShape: ZYX<Int>)?
    ) {
        let byteCount = elementType.byteCount
        let deflateLevel = isLabel ? Self.labelDeflateLevel : Self.rawDeflateLevel
        var chunks = ZYX(repeating: Self.chunkEdge)
        switch compression {
        case .gzip: filter = .deflate(level: deflateLevel)
        case .zstd: filter = .zstd(level: 3)
        case .blosc: filter = .blosc(typeSize: byteCount, level: 5, shuffle: 1, compressor: "zstd")
        case .none: filter = .none
        case .source:
            filter = SourceEncoding.filter(for: source?.codec, elementType)
            chunks = source?.chunkShape ?? chunks
        }
        // A chunk is never larger than the dataset, nor empty.
        chunkShape = chunks.zip(shape) { max(1, min($0, $1)) }
    }

    /// For a dataset made from one in an HDF5 file: `source` keeps that one's filter and chunk shape; deflate stands for filters
    /// that are not written.
    public init(
        _ compression: Manifest.Convert.Compression, elementType: ElementType, shape: ZYX<Int>, isLabel: Bool,
        from info: DatasetInfo
    ) {
        let chunks = info.chunkShape.flatMap { ZYX($0) } ?? ZYX(repeating: Self.chunkEdge)
        guard compression == .source, let kept = Self.filter(like: info, byteCount: elementType.byteCount) else {
            self.init(
                compression == .source ? .gzip : compression, elementType: elementType, shape: shape, isLabel: isLabel,
                source: nil)
            return
        }
        self.init(filter: kept, chunkShape: chunks.zip(shape) { max(1, min($0, $1)) })
    }

    private init(filter: ChunkFilter, chunkShape: ZYX<Int>) {
        self.filter = filter
        self.chunkShape = chunkShape
    }

    private static func filter(like info: DatasetInfo, byteCount: Int) -> ChunkFilter? {
        guard let first = info.filters.first else { return ChunkFilter.none }
        guard info.filters.count == 1 else { return nil }
        switch first.id {
        case 1: return .deflate(level: first.clientData.first.map { min(Int($0), 9) } ?? labelDeflateLevel)
        case 32015: return .zstd(level: first.clientData.first.map { min(max(Int(Int32(bitPattern: $0)), 1), 22) } ?? 3)
        case 32001: return .blosc(typeSize: byteCount, level: 5, shuffle: 1, compressor: "zstd")
        default: return nil
        }
    }
}
