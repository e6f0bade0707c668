internal import Manifest

/// How long a process may run: `--time-budget`, or the end that Slurm has set less a margin.
public struct TimeBudget: Sendable, Hashable {
    /// From now on, in seconds.
    public let seconds: Double

    public init(seconds: Double) { self.seconds = max(0, seconds) }

    /// Reads what ``DurationText`` reads, but for no time at all.
    public init?(parsing text: String) {
        guard let seconds = DurationText.seconds(text), seconds > 0 else { return nil }
        self.init(seconds: seconds)
    }

    /// What Slurm leaves a job, less a margin of a fifth, a minute at most: enough to flush, and never so much that nothing gets done.
    ///
    /// The times are the controller's. Where this node's clock does not fit them, the length of the job counts from now.
    ///
    /// - Parameter now: seconds since 1970 by this node's clock.
    public init?(environment: [String: String], now: Double) {
        guard let end = environment["SLURM_JOB_END_TIME"].flatMap({ Double($0) }), end.isFinite else { return nil }
        let start = environment["SLURM_JOB_START_TIME"].flatMap { Double($0) }
        var left = end - now
        if let start, end > start, left > end - start || left <= 0 { left = end - start }
        // Slurm writes a time far away where there is no limit.
        guard left > 0, left < 1e8 else { return nil }
        self.init(seconds: left - min(60, left / 5))
    }
}
