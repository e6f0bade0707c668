internal import Codecs
public import Elements
public import Geometry
public import HDF5
public import Manifest
public import Volumes

/// How the chunks of a dataset are shaped and compressed: one policy for jobs, `resize` and `convert`.
public struct Encoding: Sendable {
    public let filter: ChunkFilter
    /// Elements per axis. `convert` gives a single value one axis.
    public let chunkShape: [Int]
    /// Takes over stored chunks as they are; nil where all chunks are encoded anew.
    public let passthrough: ChunkPassthrough?

    /// Voxels per axis. h5py's default cache of 1 MiB holds four such chunks of one byte a voxel, or one of four bytes.
    static let chunkEdge = 64

    /// What is known of the values of a dataset.
    private enum Content {
        case raw, labels, unknown
    }

    private init(filter: ChunkFilter, chunkShape: [Int], passthrough: ChunkPassthrough? = nil) {
        (self.filter, self.chunkShape, self.passthrough) = (filter, chunkShape, passthrough)
    }

    /// For a dataset of a job.
    ///
    /// - Parameter source: the stored array, whose codec and chunk shape `source` keeps.
    public init(
        _ compression: Manifest.Convert.Compression, elementType: ElementType, shape: ZYX<Int>, isLabel: Bool,
        source: PlannedArray?
    ) {
        let kept = compression == .source ? source?.chunkShape : nil
        filter = Self.filter(
            compression, elementType, isLabel ? .labels : .raw,
            source: Self.filter(keeping: source?.metadata.lastCodec, elementType))
        chunkShape = Self.clamp(kept?.array ?? shape.map { _ in Self.chunkEdge }.array, to: shape.array)
        passthrough = nil
    }

    /// For a dataset that `resize` makes from one in an HDF5 file: `source` keeps that one's filter and chunk shape. Deflate stands for
    /// filters that cannot be written.
    public init(
        _ compression: Manifest.Convert.Compression, elementType: ElementType, shape: ZYX<Int>, isLabel: Bool,
        from info: DatasetInfo
    ) {
        guard compression == .source, let kept = Self.filter(keeping: info, elementType) else {
            self.init(
                compression == .source ? .gzip : compression, elementType: elementType, shape: shape, isLabel: isLabel,
                source: nil)
            return
        }
        let chunks = info.chunkShape.flatMap { ZYX($0) } ?? ZYX(repeating: Self.chunkEdge)
        self.init(filter: kept, chunkShape: Self.clamp(chunks.array, to: shape.array))
    }

    /// For a copy of an array of a store. A chunk of the source (an inner one, where there are shards) becomes one chunk, clamped to the
    /// array. One that is too large for HDF5, or for the memory, becomes several equal ones.
    ///
    /// - Parameters:
    ///   - level: one of the compression's levels; nil for a default.
    ///   - maximumChunkBytes: larger chunks are split.
    public init(
        _ compression: Manifest.Convert.Compression, level: Int?, copying metadata: ArrayMetadata,
        maximumChunkBytes: Int
    ) {
        let type = metadata.elementType
        let filter = Self.filter(
            compression, level: level, type, .unknown, source: Self.filter(keeping: metadata.lastCodec, type))
        var limit = min(Int(UInt32.max), maximumChunkBytes)
        if case .blosc = filter { limit = min(limit, BloscCodec.maximumByteCount) }
        let stored = metadata.innerChunkShape
        let storedBytes = stored.reduce(type.byteCount, *)
        if compression == .source, let summary = metadata.innerCodecSummary, storedBytes <= limit {
            // In full, also where the array is smaller, so that stored chunks can be taken over.
            self.init(
                filter: filter, chunkShape: stored.isEmpty ? [1] : stored,
                passthrough: ChunkPassthrough(codec: summary.name, elementType: type, chunkByteCount: storedBytes))
        } else {
            let clamped = Self.clamp(stored, to: metadata.shape)
            let chunk = Self.split(clamped, elementByteCount: type.byteCount, limit: limit)
            self.init(filter: filter, chunkShape: chunk.isEmpty ? [1] : chunk)
        }
    }

    /// For a copy of a dataset of an HDF5 file: chunked as it is there, clamped to the dataset.
    ///
    /// - Parameter level: one of the compression's levels; nil for a default.
    public init(_ compression: Manifest.Convert.Compression, level: Int?, copying info: DatasetInfo) {
        let edge = [1: 65_536, 2: 512, 3: Self.chunkEdge][info.shape.count] ?? 16
        self.init(
            filter: Self.filter(
                compression, level: level, info.elementType, .unknown,
                source: Self.filter(keeping: nil as CodecSummary?, info.elementType)),
            chunkShape: Self.clamp(info.chunkShape ?? info.shape.map { _ in edge }, to: info.shape))
    }

    /// What a dataset of this encoding is made from.
    public func layout(
        _ path: String, _ elementType: ElementType, shape: [Int], fillValue: [UInt8]
    ) -> DatasetLayout {
        DatasetLayout(
            path: path, elementType: elementType, shape: shape, chunkShape: chunkShape, filter: filter,
            fillValue: fillValue)
    }

    // MARK: Filters

    /// Levels that are good where nobody asks for one; ``defaultDeflateLevel(_:_:)`` has those of deflate.
    private static let defaultZstdLevel = 3
    private static let defaultBloscLevel = 5
    /// What zlib itself takes.
    private static let zlibLevel = 6

    /// - Parameter source: what `source` keeps.
    private static func filter(
        _ compression: Manifest.Convert.Compression, level: Int? = nil, _ type: ElementType, _ content: Content,
        source: @autoclosure () -> ChunkFilter
    ) -> ChunkFilter {
        switch compression {
        case .gzip: .deflate(level: level ?? defaultDeflateLevel(content, type))
        case .zstd: .zstd(level: level ?? defaultZstdLevel)
        case .blosc:
            .blosc(typeSize: type.byteCount, level: level ?? defaultBloscLevel, shuffle: 1, compressor: "zstd")
        case .none: .none
        case .source: source()
        }
    }

    private static func defaultDeflateLevel(_ content: Content, _ type: ElementType) -> Int {
        switch content {
        // Only chunks that need a general search (``VolumeZlibCodec``) have a level. On smooth data, too, higher ones give little for
        // their time.
        case .raw: 1
        // Labels whose repetitions are not neighbours in the volume are small, at any price.
        case .labels: 6
        // Wide integers are mostly labels. h5py takes 4.
        case .unknown: type == .bool || (type.isInteger && type.byteCount > 2) ? 6 : 4
        }
    }

    /// The filter that stands for a codec of a store, whatever stands around it (the header of an N5 block, filters, shards). Deflate stands for
    /// codecs that cannot be written. gzip and zlib are the same deflate in another wrapping. A level of -1, or none, is zlib's own.
    private static func filter(keeping codec: CodecSummary?, _ type: ElementType) -> ChunkFilter {
        guard let codec else { return .deflate(level: zlibLevel) }
        switch codec.name {
        case "zstd": return .zstd(level: codec.level ?? defaultZstdLevel)
        case "gzip", "zlib":
            let level = codec.level ?? -1
            return .deflate(level: level < 0 ? zlibLevel : min(level, 9))
        case "blosc":
            let declared = codec.blosc?.shuffle ?? 1
            return .blosc(
                typeSize: type.byteCount, level: min(max(codec.level ?? defaultBloscLevel, 0), 9),
                // -1 is bits for elements of one byte and bytes for others.
                shuffle: declared >= 0 ? declared : (type.byteCount == 1 ? 2 : 1),
                compressor: codec.blosc?.compressor ?? "lz4")
        default: return .none
        }
    }

    /// The filter of a dataset; nil where it cannot be written.
    private static func filter(keeping info: DatasetInfo, _ type: ElementType) -> ChunkFilter? {
        guard let first = info.filters.first else { return ChunkFilter.none }
        guard info.filters.count == 1 else { return nil }
        let level = first.clientData.first
        switch first.id {
        case 1: return .deflate(level: level.map { min(Int($0), 9) } ?? zlibLevel)
        case 32015:
            return .zstd(level: level.map { min(max(Int(Int32(bitPattern: $0)), 1), 22) } ?? defaultZstdLevel)
        case 32001:
            return .blosc(typeSize: type.byteCount, level: defaultBloscLevel, shuffle: 1, compressor: "zstd")
        default: return nil
        }
    }

    // MARK: Chunk shapes

    /// A chunk is never larger than the dataset, nor empty.
    private static func clamp(_ chunks: [Int], to shape: [Int]) -> [Int] {
        zip(chunks, shape).map { max(1, min($0, $1)) }
    }

    /// Divides axes, the slowest first, by whole numbers until a chunk has at most `limit` bytes.
    private static func split(_ shape: [Int], elementByteCount: Int, limit: Int) -> [Int] {
        var shape = shape
        for axis in shape.indices {
            let others = shape.enumerated().reduce(elementByteCount) { $1.offset == axis ? $0 : $0 * $1.element }
            guard others * shape[axis] > limit else { break }
            let extent = shape[axis]
            var parts = extent
            // The fewest equal parts that are small enough; single elements where the extent has no such divisor.
            var divisor = 1
            while divisor <= extent / divisor {
                if extent % divisor == 0 {
                    for candidate in [divisor, extent / divisor]
                    where candidate < parts && others * (extent / candidate) <= limit { parts = candidate }
                }
                divisor += 1
            }
            shape[axis] = extent / parts
        }
        return shape
    }
}

extension Manifest.Convert.Compression {
    /// How hard `convert` may be asked to try, from fast to small; nil where there is nothing to choose.
    public var levels: ClosedRange<Int>? {
        switch self {
        case .gzip, .blosc: 1...9
        case .zstd: 1...22
        case .none, .source: nil
        }
    }
}
