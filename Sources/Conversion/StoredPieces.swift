internal import Arrays
internal import Elements
internal import Stores
internal import Volumes

/// One stored chunk, or an inner one of a shard, as it came from the store.
struct StoredPiece: Sendable {
    /// Its place in the grid of chunks (inner ones, where there are shards) of the array.
    let index: [Int]
    /// What was fetched with one request.
    let buffer: ByteBuffer
    /// The bytes of the chunk in it.
    let range: Range<Int>
    /// What messages call it.
    let name: String
}

/// Fetches the chunks of an array in batches, in an order that is always the same: chunks in scan order, or shard after shard with the
/// inner chunks of each in scan order, so that no more than a few shards' indexes are in memory.
struct StoredPieces: Sendable {
    let store: any ObjectStore
    /// Where the array lies in the store.
    let folder: String
    let metadata: ArrayMetadata
    /// Chunks, or shards.
    private let objects: IndexSpace
    /// Inner chunks of a shard that can lie in the array; one where there are no shards.
    private let inner: IndexSpace
    private let grid: ShardGrid?
    /// Inner chunks of a batch.
    private let batchSize: Int
    private let batchesPerObject: Int
    private let shards: ShardIndexes?

    /// Batches that may be read at a time.
    static let maximumConcurrency = 48

    /// - Parameter batchBytes: decoded bytes that one batch may have, unless one chunk alone has more.
    init(store: any ObjectStore, folder: String, metadata: ArrayMetadata, batchBytes: Int) {
        self.store = store
        self.folder = folder
        self.metadata = metadata
        objects = IndexSpace(metadata.chunkGridShape)
        grid = metadata.shardGrid
        if let grid {
            let needed = zip(metadata.shape, grid.innerChunkShape).map { ($0 + $1 - 1) / $1 }
            inner = IndexSpace(zip(grid.gridShape, needed).map { max(1, min($0, $1)) })
            batchSize = min(max(1, batchBytes / max(1, grid.innerForm.byteCount)), inner.count)
        } else {
            inner = IndexSpace([])
            batchSize = 1
        }
        batchesPerObject = (inner.count + batchSize - 1) / batchSize
        shards =
            grid == nil
            ? nil : ShardIndexes(store: store, capacity: Self.maximumConcurrency / batchesPerObject + 2)
    }

    /// Elements of what is decoded at once.
    var pieceShape: [Int] { metadata.innerChunkShape }
    var pieceByteCount: Int { pieceShape.reduce(metadata.elementType.byteCount, *) }
    /// Decoded bytes of a batch at most.
    var batchByteCount: Int { batchSize * pieceByteCount }
    var batchCount: Int {
        let (count, overflow) = objects.count.multipliedReportingOverflow(by: batchesPerObject)
        return overflow ? Int.max : count
    }

    /// The stored chunks of a batch, in scan order; unstored ones are not among them.
    func batch(_ number: Int) async throws -> [StoredPiece] {
        let object = objects.index(at: number / batchesPerObject)
        let key = HierarchyReader.folder(folder, [metadata.chunkKey(object)])
        let name = store.url.url(of: key)
        guard let grid, let shards else {
            let limit = metadata.maximumEncodedByteCount
            guard let stored = try await store.get(key, range: nil, maximumBytes: limit) else { return [] }
            let bytes = stored.bytes(isGzip: metadata.isGzip)
            return [StoredPiece(index: object, buffer: bytes, range: 0..<bytes.count, name: name)]
        }
        let first = number % batchesPerObject * batchSize
        var positions: [[Int]] = []
        for offset in first..<min(first + batchSize, inner.count) {
            let position = inner.index(at: offset)
            let isInside = position.indices.allSatisfy { axis in
                let index = object[axis] * grid.gridShape[axis] + position[axis]
                return index * grid.innerChunkShape[axis] < metadata.shape[axis]
            }
            if isInside { positions.append(position) }
        }
        guard !positions.isEmpty else { return [] }
        let (shard, shardIndex) = await shards.shard(key, grid)
        guard let ranges = try await shardIndex.value else { return [] }
        let reader = ShardReader(grid, key: name) { try await shard.fetch($0) }
        let runs = ranges.runs(of: positions)
        var pieces: [StoredPiece] = []
        for run in runs {
            let bytes = try await reader.bytes(run.range)
            for member in run.members {
                let lower = member.range.lowerBound - run.range.lowerBound
                pieces.append(
                    StoredPiece(
                        index: zip(zip(object, grid.gridShape).map(*), member.position).map(+), buffer: bytes,
                        range: lower..<(lower + member.range.count),
                        name: "\(name)#\(member.position.map(String.init).joined(separator: "/"))"))
            }
        }
        return pieces.sorted { $0.index.lexicographicallyPrecedes($1.index) }
    }
}
