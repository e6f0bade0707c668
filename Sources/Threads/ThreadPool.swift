internal import DequeModule
internal import Foundation

/// Threads of our own for work that blocks or computes for long (files, codecs, kernels), so that Swift's cooperative
/// pool never waits for a disk.
///
/// `@unchecked Sendable`: the queue of jobs is only touched with `condition` locked.
public final class ThreadPool: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: Deque<@Sendable () -> Void> = []
    /// Threads in the pool.
    public let width: Int

    /// Starts `width` threads, which live as long as the process.
    public init(name: String, width: Int) {
        self.width = max(1, width)
        for index in 0..<self.width {
            let thread = Thread { [self] in run() }
            thread.stackSize = 4 << 20
            thread.start()
            // Before the start there is no thread to name.
            thread.name = "\(name)-\(index)"
        }
    }

    /// One thread a core, for decoding, encoding and resampling.
    public static let compute = ThreadPool(name: "compute", width: ProcessInfo.processInfo.activeProcessorCount)
    /// A few threads that wait for disks.
    public static let files = ThreadPool(name: "files", width: 4)

    /// Runs `work` on a thread of the pool, in the order of the calls, and returns what it returns.
    public func run<R: Sendable, E: Error>(_ work: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
        let result: Result<R, E> = await withCheckedContinuation { continuation in
            start {
                do throws(E) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Runs `job` on a thread of the pool, in the order of the calls; nobody waits for it.
    public func start(_ job: @escaping @Sendable () -> Void) {
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    private func run() {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            // Taken out at once: a job holds the chunks it works on.
            let job = jobs.removeFirst()
            condition.unlock()
            job()
        }
    }
}
