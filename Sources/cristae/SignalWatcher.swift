import Arrays
import Foundation
import Threads

/// Where the signal handler writes to. Set once, before the handler is installed; a plain number, so that the handler may read it.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// Turns SIGTERM, SIGINT, SIGUSR1 and the end of a terminal (SIGHUP, unless `nohup` has it ignored) into a stop in good order. A second one ends the process at once: everything is safe to be killed.
enum SignalWatcher {
    /// Installs the handlers. They hand the signal's number to a thread of its own through a pipe, which is all that a handler may do.
    ///
    /// - Parameters:
    ///   - first: tells of a signal that stops the job.
    ///   - second: tells of one that ends the process at once.
    static func start(
        _ stop: StopSignal, first: @escaping @Sendable (UInt8) -> Void = { announce($0) },
        second: @escaping @Sendable (UInt8) -> Void = { _ in _exit(75) }
    ) {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalPipe = ends[1]
        let readEnd = ends[0]
        OwnThread.startRequired("signals") {
            var number: UInt8 = 0
            while true {
                let count = read(readEnd, &number, 1)
                if count < 0 && errno == EINTR { continue }
                guard count == 1 else { return }
                if stop.isStopped {
                    second(number)
                    continue
                }
                stop.stop()
                first(number)
            }
        }
        var current = sigaction()
        // Functions cannot be compared; their addresses can.
        let ignoresEnd =
            sigaction(SIGHUP, nil, &current) == 0
            && unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
        for number in [SIGTERM, SIGINT, SIGUSR1] + (ignoresEnd ? [] : [SIGHUP]) {
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(signalPipe, &byte, 1)
            }
        }
    }

    static func announce(_ number: UInt8) { StandardError.line("cristae: \(message(number))") }

    static func message(_ number: UInt8) -> String {
        "signal \(number): finishing what is under way; once more to stop at once"
    }
}
