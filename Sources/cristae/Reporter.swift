import Foundation
import Job
import Logging
import Synchronization

/// Connects the logger with the display that is drawn while a job runs.
final class Reporter: Sendable {
    private let format: LogFormat
    private let display = Mutex<ProgressDisplay?>(nil)

    init(format: LogFormat) { self.format = format }

    var logger: Logger {
        Logger(label: "cristae") { _ in
            RoutedLogHandler(inner: LineLogHandler(isJSON: self.format.isJSON, display: nil), reporter: self)
        }
    }

    /// The live display, where there is one.
    var current: ProgressDisplay? { display.withLock { $0 } }

    /// A display that is under way.
    struct Session: Sendable {
        let task: Task<Void, Never>
        let reporter: Reporter

        /// Stops drawing and leaves a clean line.
        func end() async {
            task.cancel()
            await task.value
            reporter.display.withLock { $0 = nil }
        }
    }

    func start(_ context: JobContext) -> Session {
        let display = ProgressDisplay(context)
        let isLive = !format.isJSON && isatty(STDERR_FILENO) != 0
        if isLive { self.display.withLock { $0 = display } }
        return Session(
            task: Task {
                if isLive { await display.drawLive() } else { await display.logRegularly() }
            },
            reporter: self)
    }
}

/// Sends each line to the display that is live at the moment.
private struct RoutedLogHandler: LogHandler {
    var inner: LineLogHandler
    let reporter: Reporter

    var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        var handler = LineLogHandler(isJSON: inner.isJSON, display: reporter.current)
        handler.logLevel = inner.logLevel
        handler.metadata = inner.metadata
        handler.log(event: event)
    }
}
