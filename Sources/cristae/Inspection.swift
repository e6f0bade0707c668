import ArgumentParser
import Foundation
import JSONText
import Logging
import Pipeline
import Stores

/// `cristae plan config.json`: what would be done; no transfer.
struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what a run would do, as JSON: items, requests, bytes, files, memory. Transfers no data.")

    @OptionGroup var options: ManifestOptions

    func run() async throws {
        try await Ending.of {
            let context = try options.context()
            let plan = try await Survey(context).plan()
            print(plan.prettyText)
            for failure in plan["failures"]?.array ?? [] { StandardError.line("cristae: \(failure.string ?? "")") }
            return (plan["failures"]?.array ?? []).isEmpty ? 0 : 1
        }
    }
}

/// `cristae status config.json`: per stage: done, running, failed, waiting.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print how far a job is, from its state directory; asks the store nothing.")

    @OptionGroup var options: ManifestOptions

    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        try await Ending.of {
            let status = try await Survey(try options.context()).status()
            print(json ? status.prettyText : table(status))
            return 0
        }
    }

    private func table(_ status: JSONValue) -> String {
        let columns = ["done", "running", "failed", "waiting"]
        var lines = ["stage    " + columns.map { Self.padded($0) }.joined()]
        for stage in ["download", "convert", "stat", "resize"] {
            let counts = columns.map { Self.padded("\(status["stages"]?[stage]?[$0]?.integer ?? 0)") }
            lines.append(stage.padding(toLength: 9, withPad: " ", startingAt: 0) + counts.joined())
        }
        lines.append("\(status["items"]?.integer ?? 0) items")
        lines += (status["failures"]?.array ?? []).compactMap(\.string)
        return lines.joined(separator: "\n")
    }

    private static func padded(_ text: String) -> String {
        String(repeating: " ", count: max(0, 9 - text.count)) + text
    }
}

/// `cristae verify config.json`: re-reads outputs against records.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read all outputs again and compare them with their records; prints a line for each file.")

    @OptionGroup var options: ManifestOptions

    func run() async throws {
        try await Ending.of {
            let findings = try await Survey(try options.context()).verify()
            for finding in findings {
                print(
                    "\(finding.problem == nil ? "ok" : "BAD") \(finding.path)\(finding.problem.map { ": \($0)" } ?? "")"
                )
            }
            let bad = findings.filter { $0.problem != nil }
            for finding in bad { StandardError.line("cristae: \(finding.path): \(finding.problem ?? "")") }
            return bad.isEmpty ? 0 : 1
        }
    }
}

extension ManifestOptions {
    /// A job's context for verbs that only look.
    func context() throws -> JobContext {
        let manifest = try load()
        let stop = StopSignal()
        SignalWatcher.start(stop)
        return try JobContext(manifest: manifest, stop: stop, logger: Reporter(format: logFormat).logger)
    }
}

/// `cristae schema`: the manifest's JSON Schema.
struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the JSON Schema of the manifest.")

    func run() throws { print(Manifest.schema.prettyText) }
}
