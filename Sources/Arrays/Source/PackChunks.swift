public import Elements
public import Geometry
public import Ledger
internal import Stores
internal import Synchronization
internal import Threads
public import Volumes

/// The chunks of a planned array in an item's pack.
public struct PackChunks: ChunkSource {
    private let array: PlannedArray
    private let pack: Pack
    private let shards: PackShards?

    public init(_ array: PlannedArray, pack: Pack) {
        self.array = array
        self.pack = pack
        shards = array.shards.map { PackShards($0, pack: pack) }
    }

    public var shape: ZYX<Int> { array.plan.grid.shape }
    public var chunkShape: ZYX<Int> { array.chunkShape }
    public var elementType: ElementType { array.metadata.elementType }
    public var fillValue: [UInt8] { array.metadata.fillValue }

    /// - Throws: ``LedgerError`` `.corrupt` where the pack neither holds the chunk nor knows that the store does not.
    public func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? { try await storedChunk(index)?.decoded }

    /// A chunk as it came from the store, and what it decodes to; nil where the store does not hold it.
    func storedChunk(_ index: ZYX<Int>) async throws -> (stored: ByteBuffer, decoded: ByteBuffer)? {
        try await ThreadPool.compute.run { () throws -> (ByteBuffer, ByteBuffer)? in
            guard let stored = try stored(index) else { return nil }
            let key = array.key(index)
            let decoded = try stored.withSpan { bytes throws(VolumeError) in try array.decode(bytes, key: key) }
            return (stored, decoded)
        }
    }

    /// The encoded bytes of a chunk. Blocks.
    private func stored(_ index: ZYX<Int>) throws -> ByteBuffer? {
        let key = array.key(index)
        if let bytes = try pack.read(key) { return bytes }
        if array.isAbsent(index, in: pack) { return nil }
        if let shards, let place = array.place(index), pack.knows(place.key) {
            return try shards.read(place.position, of: place.key)
        }
        throw LedgerError(.corrupt, path: pack.path, "the chunk \(key) has not been downloaded")
    }
}

/// Inner chunks of shards that a pack holds whole.
public final class PackShards: Sendable {
    private struct Shards: Sendable {
        var ranges: [String: ShardRanges] = [:]
        var order: [String] = []
    }

    /// Shards whose indexes are remembered.
    private static let capacity = 32

    private let grid: ShardGrid
    private let pack: Pack
    private let shards = Mutex(Shards())

    public init(_ grid: ShardGrid, pack: Pack) {
        self.grid = grid
        self.pack = pack
    }

    /// The encoded bytes of an inner chunk; nil where the shard's index says that it is not stored. Blocks.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where the entry is not what was written, ``VolumeError`` where the shard is damaged.
    public func read(_ position: [Int], of key: String) throws -> ByteBuffer? {
        guard let range = try ranges(of: key).range(of: position) else { return nil }
        guard let bytes = try pack.read(key, range: range) else {
            throw LedgerError(.corrupt, path: pack.path, "the shard \(key) is not there any more")
        }
        return bytes
    }

    /// The index of a shard. Its entry is checked against its CRC when it is read for the first time.
    private func ranges(of key: String) throws -> ShardRanges {
        // Held during the read, so that several threads do not check one entry at a time.
        let result = shards.withLock { shards -> Result<ShardRanges, any Error> in
            if let known = shards.ranges[key] { return .success(known) }
            return Result {
                let ranges = try readRanges(of: key)
                shards.ranges[key] = ranges
                shards.order.append(key)
                if shards.order.count > Self.capacity { shards.ranges[shards.order.removeFirst()] = nil }
                return ranges
            }
        }
        return try result.get()
    }

    private func readRanges(of key: String) throws -> ShardRanges {
        try pack.check(key)
        let size = pack.summary(key)?.size ?? 0
        guard let index = try pack.read(key, range: grid.indexRange(inShardOf: size, key: key)) else {
            throw LedgerError(.corrupt, path: pack.path, "the shard \(key) is not there any more")
        }
        return try index.withSpan { bytes throws(VolumeError) in
            try grid.decodeIndex(bytes, objectByteCount: size, key: key)
        }
    }
}
