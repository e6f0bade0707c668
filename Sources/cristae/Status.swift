import ArgumentParser
import Arrays
import Elements
import Foundation
import JSONText
import Job
import Logging
import Manifest
import Report

/// `cristae status config.json`: per stage: done, running, failed, waiting.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Print how far a job is, from its state directory, on any node; asks the store nothing, writes nothing.")

    @OptionGroup var options: ManifestOptions

    @Flag(help: "As JSON.")
    var json = false

    @Flag(help: "Again every few seconds, until all is done or the job has no process any more.")
    var watch = false

    @Option(help: ArgumentHelp("Seconds from one look to the next, with --watch.", valueName: "seconds"))
    var interval = 5.0

    func validate() throws {
        guard interval >= 0.1, interval <= 86400 else { throw ValidationError("--interval is 0.1 to 86400 seconds") }
    }

    func run() async throws {
        try await Ending.of {
            let (manifest, stop, logger) = try options.begin()
            var looks = 0
            while !stop.isStopped {
                let context = try JobContext(
                    reading: manifest, given: options.overrides, stop: stop, logger: logger)
                let status: StatusReport?
                if let context { status = try await StatusReport(context) } else { status = nil }
                try show(status, manifest)
                looks += 1
                guard watch, status?.isRunning ?? (looks < 2) || looks < 2 else { return 0 }
                for _ in 0..<Int((interval * 10).rounded(.up)) where !stop.isStopped {
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            return 0
        }
    }

    private func show(_ status: StatusReport?, _ manifest: Manifest) throws {
        let text: String
        if json {
            text = (status?.json ?? StatusTable.empty(manifest)).prettyText
        } else {
            text =
                status.map { StatusTable($0).text } ?? "\(manifest.job): nothing has been done yet in \(manifest.state)"
        }
        // On a terminal each look takes the place of the one before.
        let clearing = watch && !json && isatty(STDOUT_FILENO) != 0 ? "\u{1B}[H\u{1B}[2J" : ""
        try StandardOutput.line(clearing + ShownText.lines(text))
    }
}
