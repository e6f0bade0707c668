import ArgumentParser
import Elements
import Foundation
import Job
import Logging
import Manifest
import Report
import Scheduling

/// `cristae verify config.json`: re-reads outputs against records.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read all outputs again and compare them with their records; prints a line for each file.",
        discussion: """
            ok: the file is what the job has made. BAD: it is not, or it is missing; exit code 1. note: it does not belong to the job any more, \
            or waits for the next run.
            """)

    @OptionGroup var options: ManifestOptions

    @Flag(help: "Make anew what is bad, and nothing else; exit code 0 if all is mended.")
    var `repair` = false

    func run() async throws {
        try await Ending.of {
            guard let context = try options.look() else { return 0 }
            let findings = try await Verification(context).verify()
            for finding in findings { try StandardOutput.line(ShownText.line(Self.line(finding))) }
            var bad = findings.filter { $0.problem != nil }
            for finding in bad { StandardError.line("cristae: \(finding.path): \(finding.problem ?? "")") }
            if `repair`, !bad.isEmpty { bad = try await mend(findings, context) }
            return bad.isEmpty ? 0 : 1
        }
    }

    /// Makes anew what is bad. Returns what is bad still.
    private func mend(
        _ findings: [Verification.Finding], _ looking: JobContext
    ) async throws -> [Verification.Finding] {
        // The source that was looked at, which may be another than the manifest says by itself.
        let context = try JobContext(manifest: looking.manifest, stop: looking.stop, logger: looking.logger)
        let (outcome, bad) = try await Verification.repair(findings, context)
        let mended = Set(findings.filter { $0.problem != nil }.map(\.path)).subtracting(bad.map(\.path))
        for path in mended.sorted() { try StandardOutput.line(ShownText.line("mended \(path)")) }
        for failure in outcome.failures { StandardError.line("cristae: \(failure)") }
        for finding in bad { StandardError.line("cristae: not mended: \(finding.path): \(finding.problem ?? "")") }
        return bad
    }

    private static func line(_ finding: Verification.Finding) -> String {
        if let problem = finding.problem { return "BAD \(finding.path): \(problem)" }
        return finding.note.map { "note \(finding.path): \($0)" } ?? "ok \(finding.path)"
    }
}
