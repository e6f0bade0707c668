internal import Synchronization

/// Whether the job has been asked to stop. Then no new work begins, and running requests are finished.
public final class StopSignal: Sendable {
    private let flag = Atomic(false)
    private let actions = Mutex<[@Sendable () -> Void]>([])

    public init() {}

    public func stop() {
        guard !flag.exchange(true, ordering: .sequentiallyConsistent) else { return }
        for action in actions.withLock({ $0 }) { action() }
    }

    public var isStopped: Bool { flag.load(ordering: .relaxed) }

    /// Calls `action` once the job is asked to stop, on the thread that asks.
    public func whenStopped(_ action: @escaping @Sendable () -> Void) { actions.withLock { $0.append(action) } }

    /// - Throws: ``JobError/stopped``; `CancellationError` where nobody has asked the job to stop, but a sibling task has failed.
    public func check() throws {
        if isStopped { throw JobError.stopped }
        try Task.checkCancellation()
    }
}
