import ArgumentParser
import Elements
import Foundation
import Job
import Logging
import Manifest
import Report

/// `cristae prune config.json`: what no longer belongs to the job.
struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the files that an earlier manifest of the job has left, a path a line.",
        discussion: """
            Only files that the records of the job name are listed. What a run has still to settle is not: run the job first.
            """)

    @OptionGroup var options: ManifestOptions

    @Flag(help: "Remove them, with their records; exit code 75 while a run is alive.")
    var delete = false

    func run() async throws {
        try await Ending.of {
            guard let context = try options.look() else { return 0 }
            let pruning = Pruning(context)
            let found = try await delete ? pruning.delete() : pruning.find()
            for path in found.paths { try StandardOutput.line(ShownText.line(path)) }
            guard !found.isUnplanned else {
                StandardError.line("cristae: \(context.manifest.job): \(Pruning.unplanned)")
                return 75
            }
            if found.isOpen {
                StandardError.line(
                    "cristae: \(context.manifest.job): some datasets are to be planned anew with this manifest; run it first to see all"
                )
            }
            return 0
        }
    }
}
