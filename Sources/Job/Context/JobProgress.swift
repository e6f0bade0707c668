internal import Synchronization

/// What the job is doing, for the display: items per stage, and when it began.
public final class JobProgress: Sendable {
    /// The counts at one moment.
    public struct Snapshot: Sendable, Equatable {
        /// Items of the job.
        public var items = 0
        /// Items that are through, done or failed.
        public var finished = 0
        public var failed = 0
        /// Decoded bytes of the items that this process has finished.
        public var bytesFinished = 0
        /// Chunks of all items that have been looked at so far.
        public var chunks = 0
        /// Chunks that are in the packs, or proved unstored.
        public var chunksDone = 0
        /// What is worked on: item and stage, sorted.
        public var working: [String] = []
        /// Seconds since the process began with the job.
        public var seconds = 0.0
    }

    private let state = Mutex(Snapshot())
    private let start = ContinuousClock.now
    private let count = Atomic(0)

    /// Grows whenever an item begins or ends a stage.
    public var changes: Int { count.load(ordering: .relaxed) }

    public init() {}

    public var snapshot: Snapshot {
        var snapshot = state.withLock { $0 }
        snapshot.seconds = (ContinuousClock.now - start) / .seconds(1)
        return snapshot
    }

    public func add(items count: Int) { state.withLock { $0.items += count } }
    public func finish(failed: Bool, bytes: Int = 0) {
        state.withLock {
            $0.finished += 1
            if failed { $0.failed += 1 }
            $0.bytesFinished = $0.bytesFinished.addingReportingOverflow(bytes).partialValue
        }
    }

    /// Notes items that were complete, or that another process is at.
    public func finish(items count: Int) { state.withLock { $0.finished += count } }

    public func add(chunks: Int, done: Int) {
        state.withLock {
            $0.chunks += chunks
            $0.chunksDone += done
        }
    }

    /// Notes that `item` is in `stage` while `body` runs.
    public func working<R>(_ item: String, _ stage: String, _ body: () async throws -> R) async rethrows -> R {
        let name = "\(item) \(stage)"
        state.withLock { $0.working = ($0.working + [name]).sorted() }
        count.wrappingAdd(1, ordering: .relaxed)
        defer {
            state.withLock { state in state.working.removeAll { $0 == name } }
            count.wrappingAdd(1, ordering: .relaxed)
        }
        return try await body()
    }
}
