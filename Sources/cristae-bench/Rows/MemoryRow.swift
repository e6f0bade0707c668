import Foundation

/// Whether memory grows with the volume.
struct MemoryRow: BenchRow {
    static let name = "memory"

    func results(in workshop: Workshop) throws -> [RowResult] {
        var contestants: [RowResult.Contestant] = []
        for (name, shape) in [("1 ×", "1024x1024x1024"), ("16 ×", "2048x2048x4096")] {
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
            row: "memory", work: "volumes of 1 and 16 Gvoxel, all stages", contestants: contestants)
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
