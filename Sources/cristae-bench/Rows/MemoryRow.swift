import Foundation

/// Whether memory grows with the volume.
struct MemoryRow: BenchRow {
    static let name = "memory"

    func results(in workshop: Workshop) throws -> [RowResult] {
        // Memory hardly differs from run to run.
        var workshop = workshop
        workshop.runs = min(workshop.runs, 2)
        var contestants: [RowResult.Contestant] = []
        for (name, shape) in [("1 ×", "1024x2048x2048"), ("16 ×", "4096x4096x4096")] {
            let data = try workshop.data("sparse-\(shape)", "sparse", ["--shape", shape])
            let server = try ServerRun(workshop, folder: data)
            let place = workshop.folder.appending(path: "memory")
            contestants += workshop.contest([
                (
                    "cristae, \(name)",
                    {
                        let manifest = try workshop.job(
                            [
                                "source": "s3://bench", "datasets": ["*"], "classes": ["mito"], "mode": "volumes",
                                "select": "all", "limits": ["memory": "512MiB"],
                            ], at: place)
                        return try workshop.cristae(["run", manifest, "--endpoint", server.endpoint])
                    }
                )
            ])
            try? FileManager.default.removeItem(at: place)
        }
        var row = RowResult(
            row: "memory", work: "volumes of 4 and 64 Gvoxel, raw data and labels, one chunk in 64 stored, all stages",
            contestants: contestants)
        let peaks = contestants.map { Double($0.samples.peakBytes) }
        if let small = peaks.first, let large = peaks.last, small > 0, large > 0 {
            row.checks = [
                RowResult.Check(what: "16 × ÷ 1 ×", value: large / small, target: 1.1, isAtLeast: false),
                RowResult.Check(what: "peak, MiB", value: large / 1048576, target: 512, isAtLeast: false),
            ]
        }
        return [row]
    }
}
