import Elements
import Foundation
import Job
import Logging
import Stores
import Synchronization

/// Tells how far a job is: one line that is redrawn on a terminal, or a JSON line now and then.
final class ProgressDisplay: Sendable {
    private struct State: Sendable {
        var lastLine = ""
        var lastBytes = 0
        var rate = 0.0
        var lastTime = ContinuousClock.now
    }

    private let context: JobContext
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(_ context: JobContext) { self.context = context }

    /// Redraws the line until the task is cancelled.
    func drawLive() async {
        while !Task.isCancelled {
            draw()
            try? await Task.sleep(for: .milliseconds(250))
        }
        clear()
    }

    /// Logs a line of numbers every few seconds until the task is cancelled.
    func logRegularly() async {
        while true {
            do { try await Task.sleep(for: .seconds(10)) } catch { return }
            logOnce()
        }
    }

    func logOnce() {
        let (progress, transfer) = (context.progress.snapshot, context.counter.snapshot)
        let rate = state.withLock { Self.measure(&$0, transfer.bytes) }
        let trouble: Logger.Metadata = context.counter.trouble.map { ["trouble": "\($0)"] } ?? [:]
        context.logger.info(
            "\(progress.finished) of \(progress.items) items, \(Self.bytes(transfer.bytes)), \(Self.bytes(Int(saturating: rate)))/s",
            metadata: trouble.merging([
                "event": "progress", "items": .stringConvertible(progress.items),
                "finished": .stringConvertible(progress.finished), "failed": .stringConvertible(progress.failed),
                "chunks": .stringConvertible(progress.chunks), "chunks_done": .stringConvertible(progress.chunksDone),
                "requests": .stringConvertible(transfer.requests), "retries": .stringConvertible(transfer.retries),
                "bytes": .stringConvertible(transfer.bytes),
                "bytes_per_second": .stringConvertible(Int(saturating: rate)),
            ]) { $1 })
    }

    /// Prints a line above the live one.
    func interrupt(with line: String) {
        clear()
        StandardError.line(line)
    }

    private func clear() {
        state.withLock { state in
            guard !state.lastLine.isEmpty else { return }
            StandardError.write("\r\u{1B}[K")
            state.lastLine = ""
        }
    }

    private func draw() {
        let (progress, transfer) = (context.progress.snapshot, context.counter.snapshot)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        state.withLock { state in
            let rate = Self.measure(&state, transfer.bytes)
            var line = "\(progress.finished)/\(progress.items) items"
            if progress.failed > 0 { line += " (\(progress.failed) failed)" }
            line += ", \(progress.chunksDone)/\(progress.chunks) chunks, \(Self.bytes(transfer.bytes))"
            line += ", \(Self.bytes(Int(saturating: rate)))/s"
            if transfer.retries > 0 { line += ", \(transfer.retries) retries" }
            if progress.finished > 0, progress.finished < progress.items {
                let left = elapsed / Double(progress.finished) * Double(progress.items - progress.finished)
                line += ", \(Self.duration(left)) left"
            }
            if let trouble = context.counter.trouble {
                line += " · \(trouble)"
            } else if let first = progress.working.first {
                line += " · \(first)\(progress.working.count > 1 ? " +\(progress.working.count - 1)" : "")"
            }
            line = String(ShownText.line(line).prefix(Self.columns() - 1))
            StandardError.write("\r\u{1B}[K\(line)")
            state.lastLine = line
        }
    }

    /// Bytes per second, smoothed over some seconds.
    private static func measure(_ state: inout State, _ bytes: Int) -> Double {
        let now = ContinuousClock.now
        let seconds = (now - state.lastTime) / .seconds(1)
        guard seconds > 0.1 else { return state.rate }
        let current = Double(bytes - state.lastBytes) / seconds
        let weight = min(1, seconds / 3)
        state.rate += (current - state.rate) * weight
        (state.lastBytes, state.lastTime) = (bytes, now)
        return state.rate
    }

    private static func columns() -> Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 100 }
        return Int(size.ws_col)
    }

    static func bytes(_ count: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(max(count, 0))
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\((value * 10).rounded() / 10) \(units[unit])"
    }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(saturating: min(seconds, 1e7))
        if whole < 90 { return "\(whole) s" }
        return whole < 5400 ? "\(whole / 60) min" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
