import ArgumentParser
import Foundation
import Job
import Logging
import Manifest
import Scheduling
import Stores
import Summaries
import Synchronization
import Threads

/// What `run` tells machines and people of its beginning and its end: one `start` event and one `end` event, however it ends.
final class RunReport: Sendable {
    private struct State: Sendable {
        var runner: Runner?
        var context: JobContext?
        /// Why the job was asked to stop.
        var cause: String?
        var isEnded = false
    }

    /// Seconds that the last line may take where nobody reads stderr.
    private static let lastLineSeconds = 2.0

    private let manifest: Manifest
    private let share: TaskShare?
    private let logger: Logger
    private let state = Mutex(State())

    init(_ manifest: Manifest, share: TaskShare?, _ logger: Logger) {
        self.manifest = manifest
        self.share = share
        self.logger = logger
    }

    func start() {
        var metadata: Logger.Metadata = [
            "event": "start", "job": "\(manifest.job)", "source": "\(manifest.source)", "output": "\(manifest.output)",
            "state": "\(manifest.state)", "version": "\(Cristae.configuration.version)",
        ]
        if let share { metadata["task"] = "\(share)" }
        logger.info("\(manifest.job): \(manifest.source) to \(manifest.output)", metadata: metadata)
    }

    /// From now on the numbers come from this run.
    func follow(_ runner: Runner, _ context: JobContext) {
        state.withLock { ($0.runner, $0.context) = (runner, context) }
    }

    /// Notes why the job was asked to stop, for the reason that the end tells.
    func stopped(_ cause: String) { state.withLock { $0.cause = $0.cause ?? cause } }

    /// Tells the end.
    ///
    /// - Returns: the exit code. Where another thread ends the process, it does not return before that.
    func end(_ code: Int32, _ reason: String?) async -> Int32 {
        if tell(code, reason) { return code }
        try? await Task.sleep(for: .seconds(2 * Self.lastLineSeconds))
        return 75
    }

    /// Tells the end and ends the process, unless it is just ending by itself. From any thread.
    func endAtOnce(_ reason: String, code: Int32 = 75) {
        // Nobody may read stderr: then the line is lost, and the process ends all the same. Without another thread, the line is worth a wait.
        try? OwnThread.start("last line") {
            Thread.sleep(forTimeInterval: Self.lastLineSeconds)
            _exit(code)
        }
        if tell(code, reason) { _exit(code) }
        Thread.sleep(forTimeInterval: 2 * Self.lastLineSeconds)
    }

    /// - Returns: false where the end has been told already.
    private func tell(_ code: Int32, _ reason: String?) -> Bool {
        let found = state.withLock { state -> State? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            return state
        }
        guard let found else { return false }
        let outcome = found.runner?.outcome ?? Runner.Outcome()
        let transfer = found.context?.counter.snapshot
        var reason = code == 0 ? nil : reason ?? "unknown"
        if code == 75, let cause = found.cause, let text = reason { reason = "\(cause): \(text)" }
        var metadata: Logger.Metadata = [
            "event": "end", "exit_code": .stringConvertible(Int(code)), "items": .stringConvertible(outcome.items),
            "done": .stringConvertible(outcome.done), "already_done": .stringConvertible(outcome.alreadyDone),
            "failed": .stringConvertible(outcome.failed), "waiting": .stringConvertible(outcome.waitingItems),
            "left_out": .stringConvertible(outcome.leftOut),
            "failed_datasets": .stringConvertible(outcome.failedDatasets),
            "requests": .stringConvertible(transfer?.requests ?? 0),
            "retries": .stringConvertible(transfer?.retries ?? 0), "bytes": .stringConvertible(transfer?.bytes ?? 0),
        ]
        if share != nil { metadata["elsewhere"] = .stringConvertible(outcome.elsewhere) }
        if !outcome.unaccounted.isEmpty { metadata["open"] = .stringConvertible(outcome.unaccounted.count) }
        let nothing = code == 0 ? outcome.nothingMade : nil
        if let reason { metadata["reason"] = "\(reason)" }
        let level: Logger.Level = code == 0 ? .info : (code == 1 ? .warning : .error)
        let numbers = outcome.items + outcome.datasets > 0 ? summary(outcome, transfer) : nil
        let ending = reason.map { "exit \(code): \($0)" }
        let parts = [numbers, ending ?? nothing].compactMap { $0 }
        logger.log(level: level, "\(parts.joined(separator: "; "))", metadata: metadata)
        return true
    }

    private func summary(_ outcome: Runner.Outcome, _ transfer: TransferCounter.Snapshot?) -> String {
        var parts = ["\(outcome.items) items in \(outcome.datasets) datasets: "]
        if let share {
            parts[0] += "\(outcome.done) done by \(share)"
            if outcome.alreadyDone > 0 { parts.append("\(outcome.alreadyDone) were done before") }
            if outcome.elsewhere > 0 { parts.append("\(outcome.elsewhere) are other tasks'") }
        } else {
            parts[0] += "\(outcome.done + outcome.alreadyDone) done"
            if outcome.alreadyDone > 0 { parts.append("\(outcome.alreadyDone) of them before") }
        }
        for (stage, count) in outcome.waiting.sorted(by: { $0.key < $1.key }) {
            parts.append("\(count) wait for \(stage.rawValue), which was not asked for")
        }
        if let leftOut = outcome.leftOutText { parts.append(leftOut) }
        if !outcome.failures.isEmpty {
            let datasets = outcome.failedDatasets
            let what = "\(outcome.failed) failed" + (datasets > 0 ? ", and \(datasets) datasets as a whole" : "")
            parts.append("\(what): cristae run \(manifest.state)/failed.json runs them again")
        }
        if let split = outcome.split { parts.append(split.text) }
        if let transfer {
            parts.append("\(transfer.requests) requests, \(ProgressDisplay.bytes(transfer.bytes))")
            if transfer.retries > 0 { parts.append("\(transfer.retries) retries") }
        }
        return parts.joined(separator: "; ")
    }
}
