/// Which of several tasks of a job a process is: `--task i/n`, or what Slurm and Kubernetes say.
public struct TaskShare: Sendable, Hashable, CustomStringConvertible {
    /// 0 up to `count - 1`.
    public let index: Int
    /// At least 1.
    public let count: Int

    private static let maximumCount = 1_000_000
    /// Of a batch system.
    private static let ids = 0...Int(Int32.max)

    public init(index: Int, count: Int) {
        self.count = max(1, count)
        self.index = ((index % self.count) + self.count) % self.count
    }

    /// Reads `i/n`. Counting from 0 or from 1 are both fine: `n/n` is the same as `0/n`, and each task is there once either way.
    public init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]),
            (1...Self.maximumCount).contains(count),
            (0...count).contains(index)
        else { return nil }
        self.init(index: index, count: count)
    }

    /// What a batch system says: Slurm's array ids, which may start anywhere and go in strides, then Kubernetes' completion index with
    /// its count in `JOB_COMPLETIONS`. nil outside of both.
    ///
    /// Ids without a rule (`--array=3,7,20`) may give two tasks the same share: they work on it together.
    public init?(environment: [String: String]) {
        // What is beyond the ids that there can be is none.
        func number(_ names: String...) -> Int? {
            names.lazy.compactMap { environment[$0] }.first.flatMap { Int($0) }.flatMap {
                Self.ids.contains($0) ? $0 : nil
            }
        }
        if let id = number("SLURM_ARRAY_TASK_ID") {
            let least = number("SLURM_ARRAY_TASK_MIN") ?? 0
            let step = max(1, number("SLURM_ARRAY_TASK_STEP") ?? 1)
            let last = number("SLURM_ARRAY_TASK_MAX") ?? id
            self.init(
                index: (id - least) / step,
                count: min(number("SLURM_ARRAY_TASK_COUNT") ?? max(1, (last - least) / step + 1), Self.maximumCount))
            return
        }
        guard let index = number("JOB_COMPLETION_INDEX"),
            let count = number("JOB_COMPLETIONS", "JOB_COMPLETION_COUNT"), count >= 1
        else { return nil }
        self.init(index: index, count: min(count, Self.maximumCount))
    }

    public var description: String { "task \(index)/\(count)" }
}
