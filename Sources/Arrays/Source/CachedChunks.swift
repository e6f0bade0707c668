public import Elements
public import Geometry
internal import Threads

/// A chunk source that caches the chunks used last, up to a number of bytes. Two readers of one chunk share one decoding.
public actor CachedChunks: ChunkSource {
    private final class Entry {
        let task: Task<ByteBuffer?, any Error>
        var lastUse = 0
        /// Bytes that it counts for; nil while it is being decoded, 0 for a chunk that is not stored.
        var bytes: Int?

        init(_ task: Task<ByteBuffer?, any Error>) { self.task = task }
    }

    private let source: any ChunkSource
    private let limit: Int
    private var entries: [ZYX<Int>: Entry] = [:]
    private var bytes = 0
    /// Cached answers that a chunk is not stored.
    private var unstored = 0
    /// More of those are not cached: to ask again is cheap, and sparse volumes have millions.
    private static let maximumUnstored = 1024
    private var clock = 0

    /// - Parameter limit: bytes of decoded chunks to remember. One chunk is always kept, however large.
    public init(_ source: any ChunkSource, limit: Int) {
        self.source = source
        self.limit = limit
    }

    public nonisolated var shape: ZYX<Int> { source.shape }
    public nonisolated var chunkShape: ZYX<Int> { source.chunkShape }
    public nonisolated var elementType: ElementType { source.elementType }
    public nonisolated var fillValue: [UInt8] { source.fillValue }

    public func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
        clock += 1
        if let entry = entries[index] {
            entry.lastUse = clock
            return try await entry.task.value
        }
        let source = source
        let entry = Entry(Task(executorPreference: ThreadPool.compute) { try await source.chunk(index) })
        entry.lastUse = clock
        entries[index] = entry
        do {
            let chunk = try await entry.task.value
            // With the cost of an entry.
            let cost = chunk.map { $0.count + 1024 } ?? 0
            entry.bytes = cost
            bytes += cost
            if chunk == nil { unstored += 1 }
            evict()
            return chunk
        } catch {
            entries[index] = nil
            throw error
        }
    }

    /// Decoded entries whose bytes are meant, the least recently used first.
    private func oldest(where isMeant: (Int) -> Bool) -> [(key: ZYX<Int>, value: Entry)] {
        entries.filter { $0.value.bytes.map(isMeant) ?? false }.sorted { $0.value.lastUse < $1.value.lastUse }
    }

    private func evict() {
        // Down to 7/8, so that not every chunk needs a search.
        if unstored > Self.maximumUnstored {
            for (index, entry) in oldest(where: { $0 == 0 }) {
                guard unstored > Self.maximumUnstored * 7 / 8, entry.lastUse < clock else { break }
                unstored -= 1
                entries[index] = nil
            }
        }
        guard bytes > limit else { return }
        for (index, entry) in oldest(where: { $0 > 0 }) {
            guard bytes > limit - limit / 8, entry.lastUse < clock else { return }
            bytes -= entry.bytes ?? 0
            entries[index] = nil
        }
    }
}
