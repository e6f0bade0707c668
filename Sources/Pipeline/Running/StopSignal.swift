internal import Synchronization

/// Whether the job has been asked to stop: no new work, what is in flight is finished.
public final class StopSignal: Sendable {
    private let flag = Atomic(false)

    public init() {}

    public func stop() { flag.store(true, ordering: .sequentiallyConsistent) }

    public var isStopped: Bool { flag.load(ordering: .relaxed) }

    /// - Throws: ``JobError/stopped``.
    public func check() throws {
        if isStopped || Task.isCancelled { throw JobError.stopped }
    }
}
