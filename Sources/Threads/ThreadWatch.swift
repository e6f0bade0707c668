internal import Foundation
internal import Synchronization

/// Ends the process if the system gives it no more threads.
///
/// Swift's task pool retries silently for ever when the system refuses a thread, so the process would hang. So a thread of our own tries to
/// start another one now and then. If that fails for a while, it prints a line and the process exits with status 74.
public enum ThreadWatch {
    /// Threads that are tried at the start: one for tasks, and some of our own.
    private static let leastThreads = 4
    private static let pauseSeconds = 1.0
    /// The most failed attempts in a row. Other processes of the same user may end meanwhile.
    private static let mostFailures = 10

    /// Call it before the first task. It ends the process at once if the first threads cannot start.
    public static func start() {
        OwnThread.required { () throws(ThreadError) in
            // All at the same time, because starting one after the other proves nothing.
            let gate = Gate()
            defer { gate.open() }
            for _ in 0..<leastThreads { try OwnThread.start("trial") { gate.wait() } }
            try OwnThread.start("threads") { watch() }
        }
    }

    private static func watch() {
        var failures = 0
        while true {
            Thread.sleep(forTimeInterval: pauseSeconds)
            do throws(ThreadError) {
                try OwnThread.start("trial") {}
                failures = 0
            } catch {
                failures += 1
                if failures == mostFailures { OwnThread.end(error) }
            }
        }
    }

    /// Threads wait until it is opened.
    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)

        func wait() {
            semaphore.wait()
            semaphore.signal()
        }

        func open() { semaphore.signal() }
    }
}
