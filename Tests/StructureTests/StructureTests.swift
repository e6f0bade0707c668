import Foundation
import Testing

/// What the compiler does not check about the structure of the code.
@Suite struct StructureTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private let sources: SourceTree

    init() throws { sources = try SourceTree(reading: Self.root.appending(path: "Sources")) }

    @Test func foldersOfATargetFormNoCircle() {
        #expect(sources.targets.count > 10)
        let circles = sources.targets.flatMap { FolderUses(of: $0, in: sources).circles }
        #expect(circles.isEmpty, "\(circles.joined(separator: "\n"))")
    }

    @Test func noTargetIsTooLarge() { #expect(sources.targets(above: 5000) == []) }

    @Test func noFileIsTooLarge() { #expect(sources.files(above: 400) == []) }

    @Test func eachModuleOfCIsImportedByOneTarget() { #expect(sources.sharedModules == []) }

    @Test func linesAreNotRepeated() {
        let runs = RepeatedLines(of: 6, in: sources).runs
        #expect(runs.isEmpty, "\(runs.joined(separator: "\n"))")
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
