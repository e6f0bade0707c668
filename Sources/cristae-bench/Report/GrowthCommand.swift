import ArgumentParser
import Foundation

/// What each stage costs for 1, 2, 4, 8 and 16 times the work.
struct GrowthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "growth", abstract: "Measure how time and memory of each stage grow, and draw it.")

    @Option(help: "How often each is run; the median counts.") var runs = 3
    @Option(help: "Where data and results are put.") var folder = ".build/bench"
    @Option(help: "A folder in memory for what is not to go to the disk.") var memory = "/dev/shm/cristae-bench"
    @Option(help: "The plot.") var svg = ".assets/growth.svg"

    private static let amounts = [1, 2, 4, 8, 16]

    func run() async throws {
        let workshop = try Peers(folder: URL(fileURLWithPath: folder), memory: memory).workshop(runs: runs)
        let points = try discover(workshop) + items(workshop)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(points).write(to: workshop.folder.appending(path: "growth.json"))
        try Data(GrowthPlot(points: points).svg.utf8).write(to: URL(fileURLWithPath: svg))
        for point in points {
            print(
                "\(point.stage) \(point.work)×: \(Table.number(point.seconds)) s, \(point.peakBytes >> 20) MiB")
        }
    }

    /// 3 to 48 datasets with 5 crops each, 30 ms away.
    private func discover(_ workshop: Workshop) throws -> [GrowthPlot.Point] {
        let data = try workshop.data("datasets", "datasets", ["--datasets", "60", "--crops", "300"])
        let names = try FileManager.default.contentsOfDirectory(atPath: data.appending(path: "bench").path).sorted()
        let server = try ServerRun(workshop, folder: data, latencyMilliseconds: 30)
        let place = workshop.memoryFolder.appending(path: "growth")
        return try Self.amounts.map { work in
            let samples = try (0..<workshop.runs).map { _ in
                let manifest = try workshop.job(
                    ["source": "s3://bench", "datasets": Array(names.prefix(3 * work)), "classes": ["mito"]], at: place)
                return try workshop.cristae(["run", manifest, "--stage", "discover", "--endpoint", server.endpoint])
            }
            return GrowthPlot.Point(
                stage: "discover", work: work, seconds: samples.seconds, peakBytes: samples.peakBytes)
        }
    }

    /// 1 to 16 crops of 400³, from a server beside it.
    private func items(_ workshop: Workshop) throws -> [GrowthPlot.Point] {
        let data = try workshop.data("crops", "crops", ["--crops", "20", "--edge", "400"])
        let server = try ServerRun(workshop, folder: data)
        let place = workshop.folder.appending(path: "growth")
        defer { try? FileManager.default.removeItem(at: place) }
        var samples: [String: [Int: [Sample]]] = [:]
        let stages = ["download", "convert", "stat", "resize"]
        for work in Self.amounts {
            for _ in 0..<workshop.runs {
                let manifest = try workshop.job(
                    [
                        "source": "s3://bench", "datasets": ["*"], "classes": ["mito"], "target_nm": 8,
                        "limits": ["memory": "512MiB"],
                    ], at: place)
                _ = try workshop.cristae(["run", manifest, "--stage", "discover", "--endpoint", server.endpoint])
                let only = (1...work).flatMap { ["--only", "crop_\($0)"] }
                for stage in stages {
                    let sample = try workshop.cristae(
                        ["run", manifest, "--stage", stage, "--endpoint", server.endpoint] + only)
                    samples[stage, default: [:]][work, default: []].append(sample)
                }
            }
        }
        return stages.flatMap { stage in
            Self.amounts.map { work in
                let taken = samples[stage]?[work] ?? []
                return GrowthPlot.Point(
                    stage: stage, work: work, seconds: taken.seconds, peakBytes: taken.peakBytes)
            }
        }
    }
}
