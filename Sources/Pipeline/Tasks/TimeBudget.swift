/// How long a process may run: `--time-budget`, or the end that Slurm has set less a margin.
public struct TimeBudget: Sendable, Hashable {
    /// From now on, in seconds.
    public let seconds: Double

    public init(seconds: Double) { self.seconds = max(0, seconds) }

    /// Reads `3600`, `90s`, `90m`, `1h30m`, `2d`, or Slurm's `[[days-]hours:]minutes:seconds`.
    public init?(parsing text: String) {
        guard !text.isEmpty else { return nil }
        if text.contains(":") || text.contains("-") {
            self.init(slurm: text)
            return
        }
        var total = 0.0
        var digits = ""
        var last = Double.infinity
        for character in text {
            if character.isNumber || character == "." {
                digits.append(character)
                continue
            }
            guard let unit: Double = ["d": 86400, "h": 3600, "m": 60, "s": 1][character], unit < last,
                let value = Double(digits)
            else { return nil }
            total += value * unit
            last = unit
            digits = ""
        }
        if !digits.isEmpty {
            guard last.isInfinite, let value = Double(digits) else { return nil }
            total = value
        }
        guard total > 0, total < 1e9 else { return nil }
        self.init(seconds: total)
    }

    private init?(slurm text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        let days = parts.count == 2 ? Double(parts[0]) : 0
        let numbers = parts[parts.count - 1].split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard let days, days >= 0, (1...3).contains(numbers.count), numbers.allSatisfy({ $0.map { $0 >= 0 } ?? false })
        else { return nil }
        // With days the first number is hours; without, the last one is seconds.
        let values = numbers.compactMap { $0 }
        let units: [Double] = parts.count == 2 ? [3600, 60, 1] : Array([3600, 60, 1].suffix(values.count))
        let total = zip(values, units).reduce(days * 86400) { $0 + $1.0 * $1.1 }
        guard total > 0, total < 1e9 else { return nil }
        self.init(seconds: total)
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
