public import Arrays
internal import Elements
internal import Foundation
public import JSONText
public import Job
internal import Ledger
internal import Manifest
internal import Planning
internal import Scheduling
internal import Stores
internal import Threads

/// How far a job is, from its state directory, on any node, while it runs and after it died: for `cristae status`. Asks the
/// store nothing and writes nothing.
public struct StatusReport: Sendable {
    /// How many items, or datasets, are in which state. Each is in one: together they are all of them.
    public struct Counts: Sendable, Equatable {
        public init() {}

        public var done = 0
        public var running = 0
        public var failed = 0
        public var waiting = 0
        /// Of which nothing is made, by the rules of the manifest.
        public var leftOut = 0

        public var all: Int { done + running + failed + waiting + leftOut }
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
    /// All items, those that could not be planned and those that are left out among them.
    public let items: Int
    /// The datasets that are known of so far.
    public let datasets: Counts
    /// Of items, in the order of the stages.
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
        let (plans, failed, workers) = try await context.state.run {
            (
                try Discover.keptPlans(in: context.state.folder, source: context.store.url)
                    .filter { context.manifest.datasetGlobs.matches($0.plan.dataset) },
                try context.state.failures.all(), try Self.workers(context)
            )
        }
        let only = try ItemFilter(context.manifest.only)
        let items = plans.flatMap(\.items).filter { only.takes($0) }
        let unplanned = Set(plans.flatMap(\.plan.failures).filter { only.takes($0) })
        let leftOut = plans.reduce(0) { sum, file in
            sum + (file.plan.leftOut ?? []).count { only.takes($0.name, of: file.plan.dataset) }
        }
        let survey = try await ItemSurvey.of(items, context)
        job = context.manifest.job
        self.items = items.count + unplanned.count + leftOut
        self.workers = workers
        // A failure of an item that has been done since, or is not in the job any more, is none; nor is that of a dataset that has a plan.
        let names = Set(items.map(\.name))
        let planned = Set(plans.map(\.plan.dataset))
        let globs = context.manifest.datasetGlobs
        let current = failed.values.map(\.failure).filter { failure in
            failure.item.map { names.contains($0) && !survey.isSettled($0) }
                ?? (globs.matches(failure.dataset) && !planned.contains(failure.dataset))
        }
        let all = Set(current).union(unplanned).sorted { $0.order < $1.order }
        failures = all.map(\.description)
        let working = Set(workers.filter { $0.state == "alive" }.flatMap(\.working).compactMap(Activity.init))
        datasets = Self.datasets(context.manifest, planned, all, working)
        let stageOfFailure = Dictionary(
            current.compactMap { failure in failure.item.map { ($0, failure.stage) } }, uniquingKeysWith: { $1 })
        stages = Stage.allCases.map { stage in
            var counts = Counts()
            counts.leftOut = leftOut
            if stage == .discover {
                counts.done = items.count
                counts.failed = unplanned.count
                return (stage, counts)
            }
            counts.waiting = unplanned.count
            for item in items {
                // A sign of life is older than the records: what is done is not running any more.
                if survey.leftOut[item.name] != nil {
                    counts.leftOut += 1
                } else if survey.has(stage, item) {
                    counts.done += 1
                } else if working.contains(Activity(name: item.name, stage: stage.rawValue)) {
                    counts.running += 1
                } else if stageOfFailure[item.name] == stage {
                    counts.failed += 1
                } else {
                    counts.waiting += 1
                }
            }
            return (stage, counts)
        }
        let left = items.reduce(0.0) { $0 + (survey.isSettled($1.name) ? 0 : Double($1.bytes)) }
        let pace = workers.filter { $0.state == "alive" }.reduce(0) { $0 + $1.itemBytesPerSecond }
        secondsLeft = pace > 0 && left > 0 ? left / pace : nil
    }

    /// What a worker says that it is at: an item, or a dataset, and a stage.
    private struct Activity: Hashable {
        let name: String
        let stage: String

        init(name: String, stage: String) { (self.name, self.stage) = (name, stage) }

        /// nil where the text is not a name, a space and a stage.
        init?(_ text: String) {
            guard let space = text.lastIndex(of: " ") else { return nil }
            self.init(name: String(text[..<space]), stage: String(text[text.index(after: space)...]))
        }
    }

    /// The datasets that are planned, named or at work; one of which a crop could not be planned counts as failed.
    private static func datasets(
        _ manifest: Manifest, _ planned: Set<String>, _ failures: [Failure], _ working: Set<Activity>
    ) -> Counts {
        let running = Set(working.filter { $0.stage == Stage.discover.rawValue }.map(\.name))
        let failed = Set(failures.filter { $0.stage == .discover }.map(\.dataset))
        let named = manifest.datasets.filter { (try? Glob($0))?.hasWildcards == false }
        var counts = Counts()
        for dataset in planned.union(running).union(failed).union(named) {
            if running.contains(dataset) {
                counts.running += 1
            } else if failed.contains(dataset) {
                counts.failed += 1
            } else if planned.contains(dataset) {
                counts.done += 1
            } else {
                counts.waiting += 1
            }
        }
        return counts
    }

    private static func workers(_ context: JobContext) throws -> [Worker] {
        var claims: [String: [String]] = [:]
        for name in try Claims.all(in: context.state.folder) {
            if let holder = try Claims.holder(of: name, in: context.state.folder) {
                claims[holder.id, default: []].append(name)
            }
        }
        let now = Date().timeIntervalSince1970
        let limit = Double(context.manifest.limits.claimSeconds)
        return try OwnerWatch.owners(in: context.state.folder).map { owner in
            let age = max(0, now - owner.modified)
            let isGone = try OwnerWatch.isProvenDead(owner.identity.id, in: context.state.folder)
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
        for (stage, counts) in self.stages { stages[stage.rawValue] = counts.json }
        return [
            "job": .string(job), "items": .integer(items), "datasets": datasets.json, "running": .bool(isRunning),
            "stages": .object(stages),
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

extension StatusReport.Counts {
    public var json: JSONValue {
        [
            "done": .integer(done), "running": .integer(running), "failed": .integer(failed),
            "waiting": .integer(waiting), "left_out": .integer(leftOut),
        ]
    }
}
