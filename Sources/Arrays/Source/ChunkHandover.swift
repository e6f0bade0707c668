public import Elements
public import Geometry
internal import Synchronization

/// The decoded chunks of a file that one stage of an item has just written, for the stages after it: what they find here they need not read
/// and inflate again.
///
/// Chunks are kept as long as there is room for them; the others come from the file.
public final class ChunkHandover: Sendable {
    private struct State {
        public var chunks: [String: [ZYX<Int>: ByteBuffer]] = [:]
        /// Bytes of all chunks.
        public var byteCount = 0
        /// Bytes that they may take; 0 once they have been dropped.
        public var limit: Int
    }

    private let room: HandoverRoom
    private let state: Mutex<State>

    /// Waits for room for `bytes`, or for as much as there is at all.
    public init(_ bytes: Int, in room: HandoverRoom) async {
        self.room = room
        state = Mutex(State(limit: await room.budget.take(bytes)))
    }

    /// Takes the room that is free just now, at most `bytes`.
    public init(atMost bytes: Int, in room: HandoverRoom) {
        self.room = room
        state = Mutex(State(limit: room.budget.takeAtOnce(atMost: bytes)))
    }

    deinit { drop() }

    /// Keeps no more: room that is not used is the next item's.
    public func close() {
        let unused = state.withLock { state in
            defer { state.limit = state.byteCount }
            return state.limit - state.byteCount
        }
        room.budget.give(unused)
    }

    /// Bytes of all chunks.
    public var byteCount: Int { state.withLock { $0.byteCount } }

    /// Keeps a chunk of the dataset at `path`, as far as it lies in the dataset; the bytes must not change any more.
    public func keep(_ chunk: ByteBuffer, _ path: String, _ index: ZYX<Int>) {
        let isKept = state.withLock { state in
            guard state.byteCount + chunk.capacity <= state.limit else { return false }
            state.byteCount += chunk.capacity
            state.chunks[path, default: [:]][index] = chunk
            return true
        }
        if isKept { room.use(chunk.capacity) }
    }

    /// Those of one dataset.
    public func dataset(_ path: String) -> Dataset { Dataset(all: self, path: path) }

    public struct Dataset: Sendable {
        fileprivate let all: ChunkHandover
        fileprivate let path: String

        public func chunk(_ index: ZYX<Int>) -> ByteBuffer? { all.state.withLock { $0.chunks[path]?[index] } }
    }

    /// Lets go of all chunks, and keeps no more; the room is the next item's.
    public func drop() {
        let dropped = state.withLock { state in
            defer { state = State(limit: 0) }
            return state
        }
        // First the room, then the buffers: the pool takes back as much as there is room for.
        withExtendedLifetime(dropped) { room.use(-dropped.byteCount) }
        room.budget.give(dropped.limit)
    }
}

/// Bytes that kept chunks may take in all, for all items of a job. What is not taken is lent to the pool of buffers, which otherwise would give
/// memory back to the kernel at the end of one item that it asks for at the start of the next.
public final class HandoverRoom: Sendable {
    fileprivate let budget: ByteBudget
    private let limit: Int
    /// Bytes of idle buffers beside that.
    private let idle: Int
    private let used = Mutex(0)

    public init(limit: Int, idle: Int) {
        budget = ByteBudget(limit: limit)
        (self.limit, self.idle) = (limit, idle)
        BufferPool.setLimit(bytes: idle + limit)
    }

    fileprivate func use(_ bytes: Int) {
        used.withLock { used in
            used += bytes
            BufferPool.setLimit(bytes: idle + limit - used)
        }
    }
}
