internal import Elements
internal import Geometry

/// A chunk source that remembers the chunks used last, within a number of bytes, and never decodes one twice at a time.
actor CachedChunks: ChunkSource {
    private final class Entry {
        let task: Task<ByteBuffer?, any Error>
        var lastUse = 0
        /// Bytes it counts for once it is there.
        var bytes = 0

        init(_ task: Task<ByteBuffer?, any Error>) { self.task = task }
    }

    private let source: any ChunkSource
    private let limit: Int
    private var entries: [ZYX<Int>: Entry] = [:]
    private var bytes = 0
    private var clock = 0

    /// - Parameter limit: bytes of decoded chunks to remember. One chunk is always kept, however large.
    init(_ source: any ChunkSource, limit: Int) {
        self.source = source
        self.limit = limit
    }

    nonisolated var shape: ZYX<Int> { source.shape }
    nonisolated var chunkShape: ZYX<Int> { source.chunkShape }
    nonisolated var elementType: ElementType { source.elementType }
    nonisolated var fillValue: [UInt8] { source.fillValue }

    func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
        clock += 1
        if let entry = entries[index] {
            entry.lastUse = clock
            return try await entry.task.value
        }
        let source = source
        let entry = Entry(Task { try await source.chunk(index) })
        entry.lastUse = clock
        entries[index] = entry
        do {
            let chunk = try await entry.task.value
            // What remembering costs, of a chunk that is not stored too.
            entry.bytes = (chunk?.count ?? 0) + 1024
            bytes += entry.bytes
            evict()
            return chunk
        } catch {
            entries[index] = nil
            throw error
        }
    }

    private func evict() {
        guard bytes > limit else { return }
        // Down to 7/8, so that the search is not made for every chunk.
        for (index, entry) in entries.filter({ $0.value.bytes > 0 }).sorted(by: { $0.value.lastUse < $1.value.lastUse })
        {
            guard bytes > limit - limit / 8, entry.lastUse < clock else { return }
            bytes -= entry.bytes
            entries[index] = nil
        }
    }
}
