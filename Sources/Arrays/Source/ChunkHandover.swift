public import Elements
public import Geometry
internal import Synchronization

/// Hands the decoded chunks of a file from the stage that writes it to the stages that read it, so that they need not be read and inflated
/// again.
///
/// Chunks for which there is no room are read from the file.
public final class ChunkHandover: Sendable {
    private struct State {
        var chunks: [String: [ZYX<Int>: ByteBuffer]] = [:]
        /// Bytes of all chunks.
        var byteCount = 0
        /// Bytes that they may take; 0 once they have been dropped.
        var limit: Int
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

    /// Keeps no more chunks, and gives unused room to the next item.
    public func close() {
        let unused = state.withLock { state in
            defer { state.limit = state.byteCount }
            return state.limit - state.byteCount
        }
        room.budget.give(unused)
    }

    /// Bytes of all chunks.
    public var byteCount: Int { state.withLock { $0.byteCount } }

    /// Keeps a chunk of the dataset at `path`: its voxels that lie in the dataset. The bytes must not change any more.
    public func keep(_ chunk: ByteBuffer, _ path: String, _ index: ZYX<Int>) {
        let isKept = state.withLock { state in
            guard state.byteCount + chunk.capacity <= state.limit else { return false }
            state.byteCount += chunk.capacity
            state.chunks[path, default: [:]][index] = chunk
            return true
        }
        if isKept { room.use(chunk.capacity) }
    }

    /// The chunks of one dataset.
    public func dataset(_ path: String) -> Dataset { Dataset(all: self, path: path) }

    public struct Dataset: Sendable {
        fileprivate let all: ChunkHandover
        fileprivate let path: String

        public func chunk(_ index: ZYX<Int>) -> ByteBuffer? { all.state.withLock { $0.chunks[path]?[index] } }
    }

    /// Releases all chunks, keeps no more, and gives the room to the next item.
    public func drop() {
        let dropped = state.withLock { state in
            defer { state = State(limit: 0) }
            return state
        }
        // Release the room before the buffers, so that the pool may keep the buffers.
        withExtendedLifetime(dropped) { room.use(-dropped.byteCount) }
        room.budget.give(dropped.limit)
    }
}

/// Bytes that the kept chunks of all items may take together. Unused room is lent to the pool of buffers. Otherwise the pool would give memory back to
/// the kernel at the end of one item, and ask for it again at the start of the next.
public final class HandoverRoom: Sendable {
    fileprivate let budget: ByteBudget
    private let limit: Int
    /// Bytes that idle buffers may take in any case.
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
