import Foundation

/// All stages, against the script that people write.
struct JobRow: BenchRow {
    static let name = "job"

    func results(in workshop: Workshop) throws -> [RowResult] {
        let data = try workshop.data("crops", "crops", ["--crops", "20", "--edge", "400"])
        let server = try ServerRun(workshop, folder: data)
        let place = workshop.folder.appending(path: "job")
        func ours() throws -> Sample {
            let manifest = try workshop.job(
                [
                    "source": "s3://bench", "datasets": ["*"], "classes": ["mito"], "target_nm": 8,
                    "limits": ["memory": "512MiB"],
                ], at: place)
            return try workshop.cristae(["run", manifest, "--endpoint", server.endpoint])
        }
        func script() throws -> Sample {
            try? FileManager.default.removeItem(at: place)
            return try workshop.peer(
                "whole-job",
                ["--endpoint", server.endpoint, "--bucket", "bench", "--dest", place.path, "--target", "8"])
        }
        var row = RowResult(
            row: "whole job", work: "20 crops of 400³ labels with their raw, local S3", bytes: 20 * 400 * 400 * 400 * 2,
            contestants: workshop.contest([("cristae", ours), ("zarr-python + h5py + scikit-image", script)]))
        try? FileManager.default.removeItem(at: place)
        row.compare("speed", \.seconds, with: "zarr-python + h5py + scikit-image", atLeast: 15)
        let ours = row.samples("cristae")
        let busy = ours.cpuSeconds / max(ours.seconds, 1e-9) / Double(ProcessInfo.processInfo.activeProcessorCount)
        row.limit = "processor: \(Int(busy * 100)) % of it is busy"
        return [row]
    }
}
