internal import Arrays
internal import Elements
internal import Stores
internal import Volumes

/// Fetches the chunks of an array in batches, always in the same order: chunks in scan order, or shard after shard, with the inner chunks of
/// each in scan order. So only a few indexes of shards are in memory.
struct ChunkBatches: Sendable {
    /// One stored chunk, or an inner one of a shard, as it came from the store.
    struct Chunk: Sendable {
        /// Its place in the grid of chunks (inner ones, where there are shards) of the array.
        let index: [Int]
        /// What was fetched with one request.
        let buffer: ByteBuffer
        /// The bytes of the chunk in it.
        let range: Range<Int>
        /// What messages call it.
        let name: String
    }

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
    private let shards: Shards

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
        shards = Shards(store: store, capacity: Self.maximumConcurrency / batchesPerObject + 2)
    }

    /// Elements of what is decoded at once.
    var chunkShape: [Int] { metadata.innerChunkShape }
    /// Decoded bytes of a batch at most.
    var batchByteCount: Int { batchSize * chunkShape.reduce(metadata.elementType.byteCount, *) }
    /// How many batches there are.
    var count: Int {
        let (count, overflow) = objects.count.multipliedReportingOverflow(by: batchesPerObject)
        return overflow ? Int.max : count
    }

    /// The stored chunks of a batch, in scan order; unstored ones are not among them.
    func batch(_ number: Int) async throws -> [Chunk] {
        let object = objects.index(at: number / batchesPerObject)
        let key = HierarchyReader.folder(folder, [metadata.chunkKey(object)])
        let name = store.url.url(of: key)
        guard let grid else {
            let limit = metadata.maximumEncodedByteCount
            guard let stored = try await store.get(key, range: nil, maximumBytes: limit) else { return [] }
            let bytes = stored.bytes(isGzip: metadata.isGzip)
            return [Chunk(index: object, buffer: bytes, range: 0..<bytes.count, name: name)]
        }
        let origin = zip(object, grid.gridShape).map(*)
        let first = number % batchesPerObject * batchSize
        let positions = (first..<min(first + batchSize, inner.count)).map(inner.index).filter { position in
            position.indices.allSatisfy { axis in
                (origin[axis] + position[axis]) * grid.innerChunkShape[axis] < metadata.shape[axis]
            }
        }
        guard !positions.isEmpty else { return [] }
        let (reader, shardIndex) = await shards.shard(key, grid)
        guard let ranges = try await shardIndex.value else { return [] }
        var chunks: [Chunk] = []
        for run in ranges.runs(of: positions) {
            let bytes = try await reader.bytes(run.range)
            chunks += run.members.map { member in
                let lower = member.range.lowerBound - run.range.lowerBound
                return Chunk(
                    index: zip(origin, member.position).map(+), buffer: bytes,
                    range: lower..<(lower + member.range.count), name: PlannedArray.key(name, member.position))
            }
        }
        return chunks.sorted { $0.index.lexicographicallyPrecedes($1.index) }
    }

    /// The shards that were read last, each with its index, which is fetched once.
    private actor Shards {
        /// What reads the shard, and its index; that is nil where the store has no such object.
        typealias Shard = (reader: ShardReader, index: Task<ShardRanges?, any Error>)

        private let store: any ObjectStore
        private var order: [String] = []
        private var shards: [String: Shard] = [:]
        private let capacity: Int

        /// - Parameter capacity: indexes that are kept: as many as shards are read at a time.
        init(store: any ObjectStore, capacity: Int) {
            self.store = store
            self.capacity = max(1, capacity)
        }

        /// A shard, whose parts are all of the version of the index.
        func shard(_ key: String, _ grid: ShardGrid) -> Shard {
            if let shard = shards[key] { return shard }
            let reader = ShardObject(store: store, key: key).reader(grid)
            let shard = (reader, Task { try await reader.ranges() })
            shards[key] = shard
            order.append(key)
            if order.count > capacity { shards[order.removeFirst()] = nil }
            return shard
        }
    }
}
