import Foundation
import Testing

/// What the compiler does not check about the structure of the code.
@Suite struct StructureTests {
    /// Targets that are still being taken apart.
    private static let unfinished: Set<String> = ["Pipeline", "Stores"]
    /// How many runs of six equal lines there are still; the number only goes down.
    private static let knownRepetitions = 9

    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private let sources: SourceTree

    init() throws { sources = try SourceTree(reading: Self.root.appending(path: "Sources")) }

    @Test func foldersOfATargetFormNoCircle() {
        #expect(sources.targets.count > 10)
        let finished = sources.targets.filter { !Self.unfinished.contains($0) }
        let circles = finished.flatMap { FolderUses(of: $0, in: sources).circles }
        #expect(circles.isEmpty, "\(circles.joined(separator: "\n"))")
    }

    @Test func noTargetIsTooLarge() {
        let large = sources.targets(above: 5000).filter { line in
            !Self.unfinished.contains { line.hasPrefix("\($0) ") }
        }
        #expect(large == [])
    }

    @Test func noFileIsTooLarge() { #expect(sources.files(above: 400) == []) }

    @Test func eachModuleOfCIsImportedByOneTarget() { #expect(sources.sharedModules == []) }

    @Test func linesAreNotRepeated() {
        let runs = RepeatedLines(of: 6, in: sources).runs
        #expect(runs.count <= Self.knownRepetitions, "\(runs.joined(separator: "\n"))")
    }

    @Test func theTopLevelHoldsWhatIsPlanned() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.root.path)
        let ignored = try String(contentsOf: Self.root.appending(path: ".gitignore"), encoding: .utf8)
        #expect(Self.strangers(among: names, ignored: ignored) == [])
    }

    /// What is missing at the top level, and what should not be there.
    static func strangers(among names: [String], ignored: String) -> [String] {
        let planned: Set = ["Package.swift", "Sources", "Tests", "Containerfile", "slurm", "config.json", "README.md"]
        let built = Set(ignored.split(separator: "\n").map { $0.trimmingCharacters(in: ["/"]) })
        return planned.symmetricDifference(names.filter { $0.first != "." && !built.contains($0) }).sorted()
    }
}
