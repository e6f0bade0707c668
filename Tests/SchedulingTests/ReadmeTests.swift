import Foundation
import JSONText
import JobTestSupport
import Scheduling
import Testing

@testable import Manifest

/// What the READMEs say about files and commands.
@Suite struct ReadmeTests {
    private func text(_ name: String) throws -> String {
        var top = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { top.deleteLastPathComponent() }
        return try String(contentsOf: top.appending(path: name), encoding: .utf8)
    }

    /// Each name below `state/` and `out/` is there after a run in which something failed.
    @Test(arguments: ["README.md", "slurm/README.md"]) func theFilesAreThere(name: String) async throws {
        let job = SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for crop in [124, 125] {
            try job.image(
                "\(recon)/labels/groundtruth/crop\(crop)/mito",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: [0, 1, 1, 0, 0, 2, 2, 2])
                ])
        }
        #expect(try await job.run(["mode": "volumes"]).exitCode == 0)
        let chunk = "\(job.folder)/bucket/\(recon)/labels/groundtruth/crop125/mito/s0/0/0/0"
        try FileManager.default.removeItem(atPath: chunk)
        try FileManager.default.createSymbolicLink(atPath: chunk, withDestinationPath: chunk)
        #expect(try await job.run().exitCode == 1)
        // Gone when what is under way has ended.
        let passing = ["state/work", "state/volumes", "out/.work"]
        let paths = try text(name).matches(of: /(?:state|out)\/[A-Za-z0-9_.\/<>-]*[A-Za-z0-9_>\/]/).map {
            String($0.output).replacing("<dataset>", with: "ds")
        }
        #expect(!paths.isEmpty)
        for path in Set(paths).subtracting(passing) { #expect(job.exists(path), "\(path)") }
    }

    /// A job that runs again and again takes in what is new.
    @Test func theLineForCronRefreshes() throws {
        let lines = try text("README.md").split(separator: "\n").filter { $0.contains("* * * *") }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.contains("cristae run config.json --refresh ") })
    }

    /// The table of keys is made from their declarations: a change of these needs a new table, which the failure prints.
    @Test func theTableOfKeysIsThatOfTheManifest() throws {
        var lines = ["| key | default | meaning |", "| --- | --- | --- |"]
        func add(_ object: JSONValue, _ names: [String], below prefix: String) throws {
            for name in names {
                let key = try #require(object["properties"]?[name])
                let words = (key["enum"]?.array ?? []).compactMap(\.string).map { "`\($0)`" }.joined(separator: ", ")
                let meaning = try #require(key["description"]?.string).replacing("<", with: "\\<")
                let shown = key["default"].map { "`\($0.string ?? $0.canonicalText)`" } ?? ""
                let isRequired = object["required"]?.array?.contains(.string(name)) ?? false
                let isSection = key["properties"] != nil
                lines.append(
                    "| `\(prefix)\(name)` | \(isRequired ? "required" : isSection ? "" : shown) | "
                        + (words.contains(",") ? "One of \(words). " : "") + "\(meaning) |")
                let inner = [(key, "."), (key["items"], "[]."), (key["additionalProperties"], ".*.")]
                for case let (inner?, mark) in inner {
                    let names = (inner["properties"]?.object ?? [:]).keys.sorted()
                    try add(inner, names, below: prefix + name + mark)
                }
            }
        }
        try add(Manifest.schema, Manifest.keys.keys.map(\.name), below: "")
        let table = lines.joined(separator: "\n") + "\n"
        let readme = try text("README.md")
        #expect(readme.contains("\n\n\(table)\n"), "the README needs this table:\n\(table)")
    }
}
