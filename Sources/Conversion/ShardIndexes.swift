internal import Arrays
internal import Elements
internal import Stores
internal import Volumes

/// The indexes of the shards that were read last, each fetched once.
actor ShardIndexes {
    /// A shard and its index; nil where the store has no such object.
    typealias Shard = (object: ShardObject, index: Task<ShardRanges?, any Error>)

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
        let object = ShardObject(store: store, key: key)
        let reader = ShardReader(grid, key: object.url) { try await object.fetch($0) }
        let shard = (object, Task { try await reader.ranges() })
        shards[key] = shard
        order.append(key)
        if order.count > capacity { shards[order.removeFirst()] = nil }
        return shard
    }
}
