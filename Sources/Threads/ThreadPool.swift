internal import DequeModule
internal import Foundation
internal import Glibc

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
    public private(set) var width = 0
    /// Marks its threads.
    private let mark: pthread_key_t

    /// Starts `width` threads, which live as long as the process. Where the system refuses some, the pool makes do with the others.
    ///
    /// - Throws: ``ThreadError`` where it has not even one.
    public init(name: String, width: Int) throws(ThreadError) {
        var key = pthread_key_t()
        guard pthread_key_create(&key, nil) == 0 else { fatalError("no key for the threads of the pool \(name)") }
        mark = key
        for index in 0..<max(1, width) {
            do throws(ThreadError) {
                try OwnThread.start("\(name)-\(index)", stackBytes: 4 << 20) { [self] in run() }
                self.width += 1
            } catch {
                if self.width == 0 { throw error }
                break
            }
        }
    }

    /// A pool that the process cannot do without.
    private static func required(name: String, width: Int) -> ThreadPool {
        OwnThread.required { () throws(ThreadError) in try ThreadPool(name: name, width: width) }
    }

    /// One thread a core, for decoding, encoding and resampling.
    public static let compute = required(name: "compute", width: ProcessInfo.processInfo.activeProcessorCount)
    /// A few threads that wait for disks.
    public static let files = required(name: "files", width: 4)

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
