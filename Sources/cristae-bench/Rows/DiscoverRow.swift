import Foundation

/// Finding out what a bucket holds, against walking it.
struct DiscoverRow: BenchRow {
    static let name = "discover"
    private static let latency = 0.03
    private static let connections = 64

    func results(in workshop: Workshop) throws -> [RowResult] {
        let data = try workshop.data("datasets", "datasets", ["--datasets", "60", "--crops", "300"])
        let server = try ServerRun(workshop, folder: data, latencyMilliseconds: Int(Self.latency * 1000))
        let place = workshop.memoryFolder.appending(path: "discover")
        func ours() throws -> Sample {
            let manifest = try workshop.job(
                [
                    "source": "s3://bench", "datasets": ["*"], "classes": ["mito"],
                    "limits": ["connections": Self.connections],
                ], at: place)
            _ = try server.takeRequests()
            var sample = try workshop.cristae(["run", manifest, "--stage", "discover", "--endpoint", server.endpoint])
            sample.counts["requests"] = Double(try server.takeRequests())
            return sample
        }
        var row = RowResult(
            row: "discover", work: "60 datasets, 300 crops, 30 ms latency",
            contestants: workshop.contest([
                ("cristae", ours),
                (
                    "walk",
                    {
                        // The questions that quilt3 asks, by one client that is kept: quilt3 itself makes a new one for each.
                        try workshop.peer(
                            "walk", ["--endpoint", server.endpoint, "--bucket", "bench", "--client", "boto3"])
                    }
                ),
            ]))
        row.compare("speed", \.seconds, with: "walk", atLeast: 20)
        // Listing the datasets, then what each holds, down to the metadata of the levels: six questions that depend on each other; the
        // others go side by side, as many as there are connections.
        let requests = row.samples("cristae").median { $0.counts["requests"] ?? 0 }
        let necessary = (requests / Double(Self.connections)).rounded(.up) + 5
        row.checks.append(
            RowResult.Check(
                what: "round trips ÷ necessary (\(Int(necessary)))",
                value: row.samples("cristae").seconds / Self.latency / necessary, target: 1.2, isAtLeast: false))
        row.limit = "\(Int(requests)) requests; latency"
        return [row]
    }
}
