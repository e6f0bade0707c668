internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether the system lets this process start threads. Where it does not (`ulimit -u`, a limit of the container), neither our pools nor
/// Swift's own can do anything, and a program that waits for them waits for ever.
public enum ThreadProbe {
    /// Threads that a job has at the same time: a compute pool and Swift's pool of one a core each, and some that wait for disks, the network,
    /// signals and clocks.
    public static var needed: Int { 2 * ProcessInfo.processInfo.activeProcessorCount + 12 }

    /// Starts `count` threads, all there at once, and lets them end.
    ///
    /// - Returns: nil where all of them started; else how many did, and the system's error number.
    public static func failure(of count: Int = needed) -> (started: Int, errorNumber: Int32)? {
        let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        pthread_mutex_init(gate, nil)
        defer {
            pthread_mutex_destroy(gate)
            gate.deallocate()
        }
        var threads: [pthread_t] = []
        var code: Int32 = 0
        pthread_mutex_lock(gate)
        while threads.count < count, code == 0 {
            var thread = pthread_t()
            code = pthread_create(
                &thread, nil,
                { gate in
                    guard let gate = gate?.assumingMemoryBound(to: pthread_mutex_t.self) else { return nil }
                    pthread_mutex_lock(gate)
                    pthread_mutex_unlock(gate)
                    return nil
                }, gate)
            if code == 0 { threads.append(thread) }
        }
        pthread_mutex_unlock(gate)
        for thread in threads { pthread_join(thread, nil) }
        return code == 0 ? nil : (threads.count, code)
    }
}
