import ArgumentParser
import Foundation
import Logging
import Pipeline
import Stores
import Threads

/// `cristae run config.json`: all stages.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run all stages of a manifest; goes on where an earlier run stopped.")

    @OptionGroup var options: ManifestOptions
    @OptionGroup var tasks: TaskOptions

    func run() async throws {
        try await Ending.of {
            let manifest = try options.load()
            let stop = StopSignal()
            SignalWatcher.start(stop)
            return try await run(manifest, stop)
        }
    }

    private func run(_ manifest: Manifest, _ stop: StopSignal) async throws -> Int32 {
        let reporter = Reporter(format: options.logFormat)
        let context = try JobContext(manifest: manifest, stop: stop, logger: reporter.logger, scratch: tasks.scratch)
        keep(tasks.budget, stop, reporter)
        let reporting = reporter.start(context)
        let outcome: Runner.Outcome
        do {
            outcome = try await Runner(context, options: tasks.options).run { _exit(75) }
        } catch {
            await reporting.end()
            throw error
        }
        await reporting.end()
        report(outcome, context)
        return outcome.exitCode
    }

    /// Asks the job to stop when its time is over.
    private func keep(_ budget: TimeBudget?, _ stop: StopSignal, _ reporter: Reporter) {
        guard let budget else { return }
        OwnThread.startRequired("time budget") {
            Thread.sleep(forTimeInterval: budget.seconds)
            guard !stop.isStopped else { return }
            reporter.logger.notice(
                "the time budget of \(Int(budget.seconds)) s is over: finishing what is under way",
                metadata: ["event": "time_over"])
            stop.stop()
        }
    }

    private func report(_ outcome: Runner.Outcome, _ context: JobContext) {
        let transfer = context.counter.snapshot
        let failed = outcome.failures.count
        let waiting = outcome.waiting.values.reduce(0, +)
        var parts = ["\(outcome.items) items in \(outcome.datasets) datasets: "]
        if let share = tasks.share {
            parts[0] += "\(outcome.done) done by \(share)"
            if outcome.alreadyDone > 0 { parts.append("\(outcome.alreadyDone) were done before") }
        } else {
            parts[0] += "\(outcome.done + outcome.alreadyDone) done"
            if outcome.alreadyDone > 0 { parts.append("\(outcome.alreadyDone) of them before") }
        }
        for (stage, count) in outcome.waiting.sorted(by: { $0.key < $1.key }) {
            parts.append("\(count) wait for \(stage.rawValue), which was not asked for")
        }
        if failed > 0 {
            parts.append("\(failed) failed: cristae run \(context.manifest.state)/failed.json runs them again")
        }
        if outcome.cropsWithoutClass > 0 { parts.append("\(outcome.cropsWithoutClass) crops without the classes") }
        parts.append("\(transfer.requests) requests, \(ProgressDisplay.bytes(transfer.bytes))")
        if transfer.retries > 0 { parts.append("\(transfer.retries) retries") }
        context.logger.log(
            level: failed + waiting > 0 ? .warning : .info, "\(parts.joined(separator: "; "))",
            metadata: [
                "event": "end", "items": "\(outcome.items)", "done": "\(outcome.done)",
                "already_done": "\(outcome.alreadyDone)",
                "failed": "\(failed)", "requests": "\(transfer.requests)", "retries": "\(transfer.retries)",
                "bytes": "\(transfer.bytes)", "exit_code": "\(outcome.exitCode)",
            ])
    }
}
