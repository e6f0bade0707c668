import ArgumentParser
import Foundation
import Summaries
import Threads

/// The command: one file a verb, thin.
@main
enum Launch {
    /// On the main thread: the others begin with the first task.
    @MainActor static func main() async {
        ThreadWatch.start()
        await Cristae.main()
    }
}

struct Cristae: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cristae",
        abstract: "Turns public electron-microscopy volumes into training-ready HDF5 crops.",
        discussion: """
            Reads a JSON manifest and runs discover, download, convert, stat and resize. It may be killed at any instant and run again: it goes on \
            where it stopped, and the result is the same bytes.

            Exit codes: 0 all done; 1 some items failed (state/failed.json is a manifest of those); 64 usage; 74 the output or state directory \
            cannot be written; 75 stopped or locked out, run me again; 78 bad manifest.
            """,
        version: Build.version,
        subcommands: [
            Run.self, Plan.self, Status.self, Verify.self, Prune.self, Diff.self, ConvertCommand.self, StatCommand.self,
            ResizeCommand.self,
            Sample.self, Schema.self,
        ],
        defaultSubcommand: Run.self)

    /// Parses the command line and runs the verb. Help and version are documents like others: a full stdout is an error.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            let text = fullMessage(for: error)
            guard exitCode(for: error).isSuccess, !text.isEmpty else { exit(withError: error) }
            do {
                try StandardOutput.line(text)
            } catch {
                StandardError.line("cristae: \(error)")
                exit(withError: ExitCode(74))
            }
        }
    }
}
