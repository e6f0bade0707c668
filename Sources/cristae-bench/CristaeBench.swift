import ArgumentParser
import Foundation

/// `swift run -c release cristae-bench`: Cristae and its peers on the same bytes, in turn.
@main
struct CristaeBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cristae-bench",
        abstract: "Measure Cristae against other programs on this machine.",
        subcommands: [Measure.self, GrowthCommand.self, ServeCommand.self, ResampleCommand.self],
        defaultSubcommand: Measure.self)
}

/// The rows of the table.
struct Measure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run rows of the table; prints it, and writes it as JSON, too.",
        discussion:
            "Rows: \(allRows.map { $0.name }.joined(separator: ", ")). Needs Python 3 with venv for the peers, and about 20 GB of disk."
    )

    @Argument(help: "Rows; all of them where none is named.") var rows: [String] = []
    @Option(help: "How often each contestant runs.") var runs = 5
    @Option(help: "Where data and results are put.") var folder = ".build/bench"
    @Option(help: "A folder in memory for what is not to go to the disk.") var memory = "/dev/shm/cristae-bench"
    @Option(help: "The results as JSON.") var json: String?
    @Flag(help: "Exit with 1 where a row falls short.") var strict = false

    func run() async throws {
        let workshop = try Peers(folder: URL(fileURLWithPath: folder), memory: memory).workshop(runs: runs)
        let chosen = allRows.filter { rows.isEmpty || rows.contains($0.name) }
        guard chosen.count == (rows.isEmpty ? allRows.count : Set(rows).count) else {
            throw ValidationError("rows are \(allRows.map { $0.name }.joined(separator: ", "))")
        }
        var results: [RowResult] = []
        for row in chosen {
            let new = try row.init().results(in: workshop)
            // At once, also into a file: the whole takes long.
            FileHandle.standardOutput.write(Data((Table(rows: new).markdown + "\n").utf8))
            results += new
        }
        let path = json ?? workshop.folder.appending(path: "results.json").path
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(results).write(to: URL(fileURLWithPath: path))
        if strict, !Table(rows: results).holds { throw ExitCode.failure }
    }
}
