import Foundation

/// Two processes, each with a processor of its own, against one.
struct TasksRow: BenchRow {
    static let name = "tasks"

    func results(in workshop: Workshop) throws -> [RowResult] {
        let data = try workshop.data("crops", "crops", ["--crops", "20", "--edge", "400"])
        // Items are to be bound by the processor. One process would have its disk served by the core that it leaves idle.
        let place = workshop.memoryFolder.appending(path: "tasks")
        func run(_ count: Int) throws -> Sample {
            let manifest = try workshop.job(
                [
                    "source": "file://\(data.path)/bench", "datasets": ["*"], "classes": ["mito"], "target_nm": 8,
                    "limits": ["memory": "512MiB"],
                ], at: place)
            _ = try workshop.cristae(["run", manifest, "--stage", "download"])
            let start = ContinuousClock.now
            // A shell waits for all of them, so that they count as one.
            let script =
                (0..<count).map {
                    "taskset -c \($0) \(workshop.program) run \(manifest) --task \($0)/\(count) & p\($0)=$!"
                } + (0..<count).map { "wait $p\($0) || exit 1" }
            let run = try ChildRun(["sh", "-c", script.joined(separator: "\n")], log: workshop.log)
            guard run.exitCode == 0 else { throw BenchError("a task ended with \(run.exitCode), see \(workshop.log)") }
            return Sample(
                seconds: (ContinuousClock.now - start) / .seconds(1), cpuSeconds: run.cpuSeconds,
                peakBytes: run.peakBytes)
        }
        var row = RowResult(
            row: "tasks", work: "1 → 2 processes with a core each, convert to resize of 20 crops, tmpfs",
            contestants: workshop.contest([("2 processes", { try run(2) }), ("1 process", { try run(1) })]))
        try? FileManager.default.removeItem(at: place)
        row.compare("speed", \.seconds, ours: "2 processes", with: "1 process", atLeast: 1.85)
        row.limit = "processor, memory bandwidth"
        return [row]
    }
}
