import ArgumentParser
import Foundation
import Job
import Logging
import Report

/// `cristae plan config.json`: what would be done; no transfer.
struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what a run would do, as JSON: items, requests, bytes, files, memory. Transfers no data.")

    @OptionGroup var options: ManifestOptions

    func run() async throws {
        try await Ending.of {
            let (manifest, stop, logger) = try options.begin()
            let plan = try await JobContext.planning(manifest, stop: stop, logger: logger) { context in
                try await PlanReport(context)
            }
            try StandardOutput.line(plan.text)
            for failure in plan.failures { StandardError.line("cristae: \(failure)") }
            return plan.failures.isEmpty ? 0 : 1
        }
    }
}
