internal import Foundation
internal import Synchronization

/// Ends the process where it can have no threads any more.
///
/// The pool below Swift's tasks tries again and again, without a word, when the system refuses a thread, and the process would hang. So a
/// thread of our own tries to start another one now and then. Where that has failed for a while, it says so and ends the process with 74.
public enum ThreadWatch {
    /// Threads that are tried at the start: one for tasks, and some for our own.
    private static let leastThreads = 4
    private static let pauseSeconds = 1.0
    /// Attempts in a row that may fail. Other processes of the same user may end meanwhile.
    private static let mostFailures = 10

    /// Call it before the first task. Where the process cannot even begin, it ends at once.
    public static func start() {
        OwnThread.required { () throws(ThreadError) in
            // All at once: that they can be had one after the other says nothing.
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
