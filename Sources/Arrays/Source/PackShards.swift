public import Elements
public import Ledger
internal import Synchronization
public import Volumes

/// Inner chunks of shards that a pack holds whole.
public final class PackShards: Sendable {
    private struct Shards: Sendable {
        public var ranges: [String: ShardRanges] = [:]
        public var order: [String] = []
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
        // Held meanwhile, so that an entry is not checked by several threads at a time.
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
        let count = grid.indexByteCount
        guard size >= count,
            let index = try pack.read(key, range: grid.isIndexAtStart ? 0..<count : size - count..<size)
        else {
            throw VolumeError(
                .corruptChunk, path: key, "the shard has \(size) bytes, but its index alone has \(count)")
        }
        return try index.withSpan { bytes throws(VolumeError) in
            try grid.decodeIndex(bytes, objectByteCount: size, key: key)
        }
    }
}
