import ArgumentParser
import Foundation
import Logging
import Pipeline
import Stores

/// `cristae run config.json`: all stages.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run all stages of a manifest; goes on where an earlier run stopped.")

    @OptionGroup var options: ManifestOptions

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
        let context = try JobContext(manifest: manifest, stop: stop, logger: reporter.logger)
        let reporting = reporter.start(context)
        let outcome: Runner.Outcome
        do {
            outcome = try await Runner(context).run()
        } catch {
            await reporting.end()
            throw error
        }
        await reporting.end()
        report(outcome, context)
        return outcome.exitCode
    }

    private func report(_ outcome: Runner.Outcome, _ context: JobContext) {
        let transfer = context.counter.snapshot
        let failed = outcome.failures.count
        var parts = [
            "\(outcome.items) items in \(outcome.datasets) datasets: \(outcome.items - min(failed, outcome.items)) done"
        ]
        if outcome.alreadyDone > 0 { parts.append("\(outcome.alreadyDone) of them before") }
        if failed > 0 {
            parts.append("\(failed) failed: cristae run \(context.manifest.state)/failed.json runs them again")
        }
        if outcome.cropsWithoutClass > 0 { parts.append("\(outcome.cropsWithoutClass) crops without the classes") }
        parts.append("\(transfer.requests) requests, \(ProgressDisplay.bytes(transfer.bytes))")
        if transfer.retries > 0 { parts.append("\(transfer.retries) retries") }
        context.logger.log(
            level: failed > 0 ? .warning : .info, "\(parts.joined(separator: "; "))",
            metadata: [
                "event": "end", "items": "\(outcome.items)", "already_done": "\(outcome.alreadyDone)",
                "failed": "\(failed)", "requests": "\(transfer.requests)", "retries": "\(transfer.retries)",
                "bytes": "\(transfer.bytes)", "exit_code": "\(outcome.exitCode)",
            ])
    }
}
