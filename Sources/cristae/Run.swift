import ArgumentParser
import Arrays
import Foundation
import Job
import Logging
import Manifest
import Scheduling
import Stores
import Synchronization
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
            let reporter = Reporter(format: options.logFormat)
            let report = RunReport(manifest, share: tasks.share, reporter.logger)
            report.start()
            OwnThread.lastWords.withLock { words in words = { report.endAtOnce("\($0)", code: 74) } }
            let (code, reason): (Int32, String?)
            do {
                let outcome = try await run(manifest, reporter, report)
                (code, reason) = (outcome.exitCode, outcome.reason)
            } catch {
                (code, reason) = (Ending.exitCode(of: error), "\(error)")
            }
            return await report.end(code, reason)
        }
    }

    private func run(_ manifest: Manifest, _ reporter: Reporter, _ report: RunReport) async throws -> Runner.Outcome {
        let stop = StopSignal()
        SignalWatcher.start(stop) { number in
            report.stopped("signal \(number)")
            reporter.logger.notice(
                "\(SignalWatcher.message(number))",
                metadata: ["event": "signal", "signal": .stringConvertible(Int(number))])
        } second: { number in
            report.endAtOnce("stopped at once by signal \(number); the same command goes on where it was")
        }
        let context = try JobContext(manifest: manifest, stop: stop, logger: reporter.logger, scratch: tasks.scratch)
        let runner = Runner(context, options: tasks.options)
        report.follow(runner, context)
        keep(tasks.budget, stop, reporter, report)
        let reporting = reporter.start(context)
        do {
            let outcome = try await runner.run {
                report.endAtOnce(
                    "stopped; what was under way did not end in time and was let go of; the same command goes on where it was"
                )
            }
            await reporting.end()
            return outcome
        } catch {
            await reporting.end()
            throw error
        }
    }

    /// Asks the job to stop when its time is over.
    private func keep(_ budget: TimeBudget?, _ stop: StopSignal, _ reporter: Reporter, _ report: RunReport) {
        guard let budget else { return }
        OwnThread.startRequired("time budget") {
            Thread.sleep(forTimeInterval: budget.seconds)
            guard !stop.isStopped else { return }
            report.stopped("the time budget of \(Int(budget.seconds)) s is over")
            reporter.logger.notice(
                "the time budget of \(Int(budget.seconds)) s is over: finishing what is under way",
                metadata: ["event": "time_over"])
            stop.stop()
        }
    }
}
