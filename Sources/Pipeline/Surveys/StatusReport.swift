internal import Elements
internal import Foundation
public import JSONText
internal import Ledger
internal import Stores
internal import Threads

/// How far a job is, from its state directory, on any node, while it runs and after it died: for `cristae status`. Asks the
/// store nothing and writes nothing.
public struct StatusReport: Sendable {
    /// One stage: how many items, or datasets, are in which state.
    public struct Counts: Sendable {
        public var done = 0
        public var running = 0
        public var failed = 0
        public var waiting = 0
    }

    /// A process that works on the job, or did until it died.
    public struct Worker: Sendable {
        public let host: String
        public let process: Int
        /// `job`, or the task, e.g. `task 3/16`.
        public let role: String
        /// Seconds since its last sign of life.
        public let age: Double
        /// `alive`; `late`: its last sign of life is older than it should be; `gone`.
        public let state: String
        /// What it is at: item and stage.
        public let working: [String]
        /// Bytes it has got from the store.
        public let bytes: Int
        public let bytesPerSecond: Double
        /// The claims that it holds.
        public var claims: [String]
        /// Decoded bytes a second of the items it has finished.
        let itemBytesPerSecond: Double
    }

    public let job: String
    public let items: Int
    /// In the order of the stages.
    public let stages: [(stage: Stage, counts: Counts)]
    public let workers: [Worker]
    /// Lines of what has failed.
    public let failures: [String]
    /// Seconds until the job is done, at the pace of those that are alive; nil where that cannot be said.
    public let secondsLeft: Double?

    public var isRunning: Bool { workers.contains { $0.state == "alive" } }
    /// Bytes that those who are at work have got from the store.
    public var bytes: Int { workers.reduce(0) { $0.saturatingAdd($1.bytes) } }
    public var bytesPerSecond: Double { workers.filter { $0.state == "alive" }.reduce(0) { $0 + $1.bytesPerSecond } }

    public init(_ context: JobContext) async throws {
        let (plans, failed, workers) = try await ThreadPool.files.run { () throws in
            (
                try Discover.keptPlans(in: context.state, source: context.store.url)
                    .filter { context.manifest.datasetGlobs.matches($0.plan.dataset) },
                try FailureLog(state: context.state).all(), try Self.workers(context)
            )
        }
        let only = try context.manifest.only.map { try Glob($0) }
        let items = plans.flatMap(\.items).filter { item in
            only.isEmpty || only.contains { $0.matches(item.name) || $0.matches("\(item.dataset)/\(item.name)") }
        }
        let survey = try await ItemSurvey.of(items, context)
        job = context.manifest.job
        self.items = items.count
        self.workers = workers
        // A failure of an item that has been done since, or is not in the job any more, is none.
        let names = Set(items.map(\.name))
        let current = failed.values.map(\.failure).filter { failure in
            failure.item.map { names.contains($0) && !survey.complete.contains($0) } ?? true
        }
        let all = Set(current + plans.flatMap(\.plan.failures)).sorted { $0.order < $1.order }
        failures = all.map(\.description)
        let working = workers.filter { $0.state == "alive" }.flatMap(\.working)
        var stages: [(Stage, Counts)] = []
        for stage in Stage.allCases {
            var counts = Counts()
            counts.failed = all.count { $0.stage == stage.rawValue }
            let running = working.count { $0.hasSuffix(" \(stage.rawValue)") }
            if stage == .discover {
                counts.done = plans.count
                counts.running = running
                let named = context.manifest.datasets.count {
                    !plans.map(\.plan.dataset).contains($0) && !$0.contains("*")
                }
                counts.waiting = max(0, named - counts.failed - running)
            } else {
                counts.done = survey.count(stage)
                counts.running = min(running, max(0, items.count - counts.done))
                counts.waiting = max(0, items.count - counts.done - counts.running - counts.failed)
            }
            stages.append((stage, counts))
        }
        self.stages = stages
        let left = items.reduce(0.0) { $0 + (survey.complete.contains($1.name) ? 0 : Double($1.bytes)) }
        let pace = workers.filter { $0.state == "alive" }.reduce(0) { $0 + $1.itemBytesPerSecond }
        secondsLeft = pace > 0 && left > 0 ? left / pace : nil
    }

    private static func workers(_ context: JobContext) throws -> [Worker] {
        let state = context.state
        var claims: [String: [String]] = [:]
        for name in try Claims.all(in: state) {
            if let holder = try Claims.holder(of: name, in: state) { claims[holder.id, default: []].append(name) }
        }
        let now = Date().timeIntervalSince1970
        let limit = Double(context.manifest.limits.claimSeconds)
        return try OwnerWatch.owners(in: state).map { owner in
            let age = max(0, now - owner.modified)
            let isGone = try OwnerWatch.isProvenDead(owner.identity.id, in: state)
            let seconds = owner.progress["seconds"]?.double ?? 0
            let finished = Double(owner.progress["bytes_finished"]?.integer ?? 0)
            return Worker(
                host: owner.identity.host, process: Int(owner.identity.process), role: owner.identity.role, age: age,
                state: isGone ? "gone" : (age > limit ? "late" : "alive"),
                working: (owner.progress["working"]?.array ?? []).compactMap(\.string),
                bytes: owner.progress["bytes"]?.integer ?? 0,
                bytesPerSecond: owner.progress["bytes_per_second"]?.double ?? 0,
                claims: claims[owner.identity.id] ?? [],
                itemBytesPerSecond: seconds > 0 ? finished / seconds : 0)
        }.sorted { ($0.role, $0.host, $0.process) < ($1.role, $1.host, $1.process) }
    }

    // MARK: As JSON

    public var json: JSONValue {
        var stages: [String: JSONValue] = [:]
        for (stage, counts) in self.stages {
            stages[stage.rawValue] = [
                "done": .integer(counts.done), "running": .integer(counts.running),
                "failed": .integer(counts.failed), "waiting": .integer(counts.waiting),
            ]
        }
        return [
            "job": .string(job), "items": .integer(items), "running": .bool(isRunning), "stages": .object(stages),
            "failures": .array(failures.map { .string($0) }), "bytes": .integer(bytes),
            "bytes_per_second": .integer(Int(saturating: bytesPerSecond)),
            "seconds_left": secondsLeft.map { .integer(Int(min($0, 1e9))) } ?? .null,
            "workers": .array(
                workers.map { worker in
                    [
                        "host": .string(worker.host), "process": .integer(worker.process), "role": .string(worker.role),
                        "age_seconds": .number((worker.age * 10).rounded() / 10), "state": .string(worker.state),
                        "bytes": .integer(worker.bytes),
                        "bytes_per_second": .integer(Int(saturating: worker.bytesPerSecond)),
                        "working": .array(worker.working.map { .string($0) }),
                        "claims": .array(worker.claims.map { .string($0) }),
                    ]
                }),
        ]
    }
}
