internal import Foundation
internal import Synchronization

/// A serial executor on one thread of its own, for a C library that only one thread may enter, and for calls that block. An actor that
/// returns it as its `unownedExecutor` runs only there.
///
/// `@unchecked Sendable`: the queue of jobs is only touched with `condition` locked.
public final class PinnedThread: SerialExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    /// Starts the thread, which lives as long as the process. If the system refuses, the process exits with status 74.
    public init(name: String) {
        OwnThread.required { () throws(ThreadError) in
            try OwnThread.start(name, stackBytes: 8 << 20) { [self] in run() }
        }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        condition.lock()
        jobs.append(unowned)
        condition.signal()
        condition.unlock()
    }

    private func run() {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            let batch = jobs
            jobs.removeAll(keepingCapacity: true)
            condition.unlock()
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }
}
