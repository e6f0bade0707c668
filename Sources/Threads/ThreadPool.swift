internal import DequeModule
internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Threads of our own for work that blocks or computes for long (files, codecs, kernels), so that Swift's cooperative
/// pool never waits for a disk.
///
/// Tasks can be told to prefer the pool (`withTaskExecutorPreference`): then their own steps run on its threads too, and what they ask it to
/// ``run(_:)`` is done at once, without waking another thread for each chunk.
///
/// `@unchecked Sendable`: the queue of jobs is only touched with `condition` locked.
public final class ThreadPool: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: Deque<@Sendable () -> Void> = []
    /// Threads in the pool.
    public let width: Int
    /// Marks its threads.
    private let mark: pthread_key_t

    /// Starts `width` threads, which live as long as the process.
    public init(name: String, width: Int) {
        self.width = max(1, width)
        var key = pthread_key_t()
        guard pthread_key_create(&key, nil) == 0 else { fatalError("no key for the threads of the pool \(name)") }
        mark = key
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

    /// Whether the caller is on one of the pool's threads.
    private var isCurrent: Bool { pthread_getspecific(mark) != nil }

    /// Runs `work` on a thread of the pool and returns what it returns: at once where the caller is on one, else in the order of the calls.
    public func run<R: Sendable, E: Error>(_ work: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
        if isCurrent { return try work() }
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
        // Anything but nil.
        pthread_setspecific(mark, Unmanaged.passUnretained(self).toOpaque())
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

extension ThreadPool: TaskExecutor {
    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        start { [self] in unowned.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
