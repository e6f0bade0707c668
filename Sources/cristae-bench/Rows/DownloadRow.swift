import Foundation

/// Fetching objects: many large ones, very many small ones, and from far away.
struct DownloadRow: BenchRow {
    static let name = "download"

    private struct Work {
        let name: String
        let work: String
        let chunk: String
        let grid: String
        let objects: Double
        let objectBytes: Double
        var latency = 0
        var isOnDisk = false
    }

    private static let works = [
        Work(
            name: "download, large, tmpfs", work: "2,000 objects of 1 MB, loopback", chunk: "100x100x100",
            grid: "5x5x4",
            objects: 2000, objectBytes: 1e6),
        Work(
            name: "download, large, disk", work: "2,000 objects of 1 MB, loopback", chunk: "100x100x100", grid: "5x5x4",
            objects: 2000, objectBytes: 1e6, isOnDisk: true),
        Work(
            name: "download, small", work: "20,000 objects of 16 KB, loopback", chunk: "16x32x32", grid: "10x10x10",
            objects: 20000, objectBytes: 16384),
        Work(
            name: "download, far", work: "2,000 objects of 256 KB, 30 ms latency, 64 connections", chunk: "64x64x64",
            grid: "5x5x4", objects: 2000, objectBytes: 262_144, latency: 30),
    ]

    func results(in workshop: Workshop) throws -> [RowResult] { try Self.works.map { try result($0, workshop) } }

    private func result(_ work: Work, _ workshop: Workshop) throws -> RowResult {
        // The bytes that are served lie in memory: the disk is only there for what is written.
        let kept = try workshop.data(
            "objects-\(work.chunk)", "objects", ["--crops", "20", "--grid", work.grid, "--chunk", work.chunk])
        let server = try ServerRun(workshop, folder: kept, latencyMilliseconds: work.latency)
        let place = (work.isOnDisk ? workshop.folder : workshop.memoryFolder).appending(path: "download")
        let keys = kept.appending(path: "keys.txt").path
        func others(_ verb: String, _ count: String) throws -> Sample {
            let destination = place.appending(path: verb)
            defer { try? FileManager.default.removeItem(at: destination) }
            return try workshop.peer(
                verb,
                [
                    "--endpoint", server.endpoint, "--bucket", "bench", "--keys", keys, "--dest", destination.path,
                    count,
                    "64",
                ])
        }
        func ours() throws -> Sample {
            let manifest = try workshop.job(
                [
                    "source": "s3://bench", "datasets": ["*"], "classes": ["mito"], "limits": ["memory": "512MiB"],
                ], at: place.appending(path: "cristae"))
            _ = try workshop.cristae(["run", manifest, "--stage", "discover", "--endpoint", server.endpoint])
            defer { try? FileManager.default.removeItem(at: place.appending(path: "cristae")) }
            return try workshop.cristae(["run", manifest, "--stage", "download", "--endpoint", server.endpoint])
        }
        var row = RowResult(
            row: work.name, work: work.work, bytes: work.objects * work.objectBytes,
            contestants: workshop.contest([
                ("cristae", ours), ("s5cmd", { try others("s5cmd", "--workers") }),
                ("obstore", { try others("obstore", "--concurrency") }),
            ]))
        if work.latency > 0 {
            let least = (work.objects / 64).rounded(.up) * Double(work.latency) / 1000
            row.checks.append(
                RowResult.Check(
                    what: "speed ÷ what latency allows", value: least / row.samples("cristae").seconds, target: 0.9,
                    isAtLeast: true))
            row.limit = "latency"
        } else {
            let isSmall = work.objectBytes < 1e5
            for peer in ["s5cmd", "obstore"] {
                row.compare("speed", \.seconds, with: peer, atLeast: isSmall ? 2 : 1)
                if isSmall || peer == "s5cmd" {
                    row.compare("CPU", \.cpuSeconds, with: peer, isRate: false, atMost: isSmall ? 0.5 : 1)
                }
            }
            row.limit = "processor: the server takes its part of it"
        }
        return row
    }
}
