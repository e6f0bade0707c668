internal import Elements
internal import Geometry
internal import Synchronization

/// The decoded chunks of a file that one stage of an item has just written, for the stages after it: what they find here they need not read
/// and inflate again.
///
/// Chunks are kept as long as there is room for them; the others come from the file. All items of a job share the room.
final class KeptChunks: Sendable {
    private struct State {
        var chunks: [String: [ZYX<Int>: ByteBuffer]] = [:]
    }

    private let room: KeptRoom
    private let state = Mutex(State())

    init(in room: KeptRoom) { self.room = room }

    deinit { drop() }

    /// Keeps a chunk of the dataset at `path`, in full; the bytes must not change any more.
    func keep(_ chunk: ByteBuffer, _ path: String, _ index: ZYX<Int>) {
        guard room.take(chunk.capacity) else { return }
        state.withLock { $0.chunks[path, default: [:]][index] = chunk }
    }

    /// Those of one dataset.
    func dataset(_ path: String) -> Dataset { Dataset(all: self, path: path) }

    struct Dataset: Sendable {
        fileprivate let all: KeptChunks
        fileprivate let path: String

        func chunk(_ index: ZYX<Int>) -> ByteBuffer? { all.state.withLock { $0.chunks[path]?[index] } }
    }

    /// Lets go of the chunks of a dataset; of all where `path` is nil.
    func drop(_ path: String? = nil) {
        let dropped = state.withLock { state in
            guard let path else {
                defer { state.chunks = [:] }
                return Array(state.chunks.values)
            }
            return state.chunks.removeValue(forKey: path).map { [$0] } ?? []
        }
        let bytes = dropped.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.capacity } }
        // First the room, then the buffers: the pool takes back as much as there is room for.
        withExtendedLifetime(dropped) { room.give(bytes) }
    }
}

/// Bytes that kept chunks may take in all. What is not taken is lent to the pool of buffers, which otherwise would give memory back to the
/// kernel at the end of one item that it asks for at the start of the next.
final class KeptRoom: Sendable {
    private let limit: Int
    /// Bytes of idle buffers beside that.
    private let idle: Int
    private let taken = Mutex(0)

    init(limit: Int, idle: Int) {
        (self.limit, self.idle) = (limit, idle)
        BufferPool.setLimit(bytes: idle + limit)
    }

    /// False where there is not as much room.
    func take(_ bytes: Int) -> Bool {
        taken.withLock { taken in
            guard taken + bytes <= limit else { return false }
            taken += bytes
            BufferPool.setLimit(bytes: idle + limit - taken)
            return true
        }
    }

    func give(_ bytes: Int) {
        taken.withLock { taken in
            taken -= bytes
            BufferPool.setLimit(bytes: idle + limit - taken)
        }
    }
}
