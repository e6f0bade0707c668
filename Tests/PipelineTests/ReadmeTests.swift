import Foundation
import JSONText
import Scheduling
import Testing

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
}
