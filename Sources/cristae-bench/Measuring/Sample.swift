/// One measured piece of work.
struct Sample: Codable, Sendable {
    /// Wall time, in seconds.
    var seconds: Double
    /// Processor time, user and system, in seconds.
    var cpuSeconds: Double
    /// Most resident memory, in bytes.
    var peakBytes: Int
    /// Counts that belong to the work: bytes, objects, requests, voxels.
    var counts: [String: Double] = [:]
}

extension Sample {
    init(_ run: ChildRun) {
        self.init(seconds: run.seconds, cpuSeconds: run.cpuSeconds, peakBytes: run.peakBytes)
    }
}

extension [Sample] {
    /// The middle value; of an even number of them the lower one. 0 where there are none.
    func median(_ figure: (Sample) -> Double) -> Double {
        let sorted = map(figure).sorted()
        return sorted.isEmpty ? 0 : sorted[(sorted.count - 1) / 2]
    }

    var seconds: Double { median(\.seconds) }
    var cpuSeconds: Double { median(\.cpuSeconds) }
    var peakBytes: Int { map(\.peakBytes).max() ?? 0 }
}
