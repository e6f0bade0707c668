internal import Elements
internal import Stores
internal import Volumes

/// The indexes of the shards that were read last, each fetched once, and the sizes of shards.
actor ShardIndexes {
    private let store: any ObjectStore
    private var order: [String] = []
    private var indexes: [String: Task<ShardRanges?, any Error>] = [:]
    /// The folder listed last, with the sizes of the objects in it.
    private var listed: (folder: String, sizes: Task<[String: Int?]?, any Error>)?

    private let capacity: Int
    private static let probeBytes = 4096

    /// - Parameter capacity: indexes that are kept: as many as shards are read at a time.
    init(store: any ObjectStore, capacity: Int) {
        self.store = store
        self.capacity = max(1, capacity)
    }

    /// The index of a shard; nil where the store has no such object.
    func ranges(of key: String, _ reader: ShardReader) async throws -> ShardRanges? {
        if let task = indexes[key] { return try await task.value }
        let task = Task { try await reader.ranges() }
        indexes[key] = task
        order.append(key)
        if order.count > capacity { indexes[order.removeFirst()] = nil }
        return try await task.value
    }

    /// A part of a shard; nil where there is no such object.
    func fetch(_ part: ShardReader.Part, of key: String) async throws -> ShardReader.Answer? {
        switch part {
        case .range(let range):
            guard let object = try await store.get(key, range: range, maximumBytes: range.count) else { return nil }
            return ShardReader.Answer(bytes: object.bytes, objectByteCount: nil)
        case .suffix(let count):
            guard let size = try await size(of: key) else { return nil }
            let range = max(0, size - count)..<size
            guard !range.isEmpty else { return ShardReader.Answer(bytes: ByteBuffer(count: 0), objectByteCount: size) }
            guard let object = try await store.get(key, range: range, maximumBytes: range.count) else { return nil }
            return ShardReader.Answer(bytes: object.bytes, objectByteCount: size)
        }
    }

    /// Bytes of an object, which the store's listing tells; where it does not, its end is looked for.
    private func size(of key: String) async throws -> Int? {
        let slash = key.lastIndex(of: "/")
        let folder = slash.map { String(key[..<$0]) } ?? ""
        let name = slash.map { String(key[key.index(after: $0)...]) } ?? key
        if listed?.folder != folder {
            let store = store
            let task = Task { () async throws -> [String: Int?]? in
                do throws(StoreError) {
                    let objects = try await store.list(folder).objects
                    return Dictionary(objects.map { ($0.name, $0.size) }) { first, _ in first }
                } catch {
                    guard [.malformedListing, .forbidden, .badRequest, .unsupported].contains(error.code) else {
                        throw error
                    }
                    return nil
                }
            }
            listed = (folder, task)
        }
        if let sizes = try await listed?.sizes.value, let entry = sizes[name], let size = entry { return size }
        return try await searchedSize(of: key)
    }

    /// A listing that does not name the object is no proof that it is not there: only the store's answer is.
    private func searchedSize(of key: String) async throws -> Int? {
        let store = store
        return try await ObjectEnd(probeByteCount: Self.probeBytes, name: store.url.url(of: key)) { offset in
            do throws(StoreError) {
                let range = offset..<(offset + Self.probeBytes)
                return try await store.get(key, range: range, maximumBytes: Self.probeBytes)?.bytes.count
            } catch {
                // What a store says to a range beyond the end.
                guard offset > 0, error.httpStatus == 416 || error.code == .badRequest else { throw error }
                return 0
            }
        }.search()
    }
}
