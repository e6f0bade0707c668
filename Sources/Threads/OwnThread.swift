internal import Foundation
internal import Glibc
public import Synchronization

/// The system does not let this process have another thread.
public struct ThreadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the thread was to do.
    public let name: String
    public let errorNumber: Int32

    public var description: String {
        let reason = String(cString: strerror(errorNumber))
        return "the thread \(name.debugDescription) cannot be started: \(reason) (errno \(errorNumber)); "
            + "raise the limit of processes (ulimit -u), or that of the container (pids)"
    }
}

/// The one way to start a thread: a refusal is an error, and never a thread that is waited for in vain.
public enum OwnThread {
    /// What a new thread takes over.
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread that runs `body` and ends with it. Nobody waits for it.
    public static func start(
        _ name: String, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        defer { attributes.deallocate() }
        pthread_attr_init(attributes)
        defer { pthread_attr_destroy(attributes) }
        pthread_attr_setstacksize(attributes, stackBytes)
        pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread: pthread_t = 0
        let code = pthread_create(&thread, attributes, { OwnThread.run($0) }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw ThreadError(name: name, errorNumber: code)
        }
    }

    private static func run(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        Thread.current.name = start.name
        start.body()
        return nil
    }

    /// Starts a thread that the process cannot do without. Where the system refuses it, one line says so and the process ends with 74.
    public static func startRequired(_ name: String, _ body: @escaping @Sendable () -> Void) {
        required { () throws(ThreadError) in try start(name, body) }
    }

    /// For threads that the process cannot do without, where nobody could take an error: says so and ends with 74.
    static func required<R>(_ start: () throws(ThreadError) -> R) -> R {
        do throws(ThreadError) { return try start() } catch { end(error) }
    }

    /// Tells the end in another way than ``end(_:)`` does, and ends the process with 74; for a log that is read by machines.
    public static let lastWords = Mutex<(@Sendable (ThreadError) -> Void)?>(nil)

    /// One line on stderr, and the end of the process. It may be killed at any instant, so nothing has to be put in order.
    public static func end(_ error: ThreadError) -> Never {
        lastWords.withLock { $0 }?(error)
        let line = Array("cristae: \(error)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
        _exit(74)
    }
}
