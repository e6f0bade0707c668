internal import Elements
internal import Geometry
public import JSONText
internal import Ledger
internal import Stores
internal import Threads
internal import Volumes

/// What a job has done and has left to do, without doing any of it: for `cristae plan`, `status` and `verify`.
public struct Survey: Sendable {
    private let context: JobContext

    public init(_ context: JobContext) { self.context = context }

    // MARK: plan

    /// What a run would do: items, requests, bytes, files, memory. Asks the store for metadata, never for chunks.
    public func plan() async throws -> JSONValue {
        let (plans, failures) = try await Discover(context).run()
        let items = plans.flatMap(\.items)
        let downloading = ByteBudget(limit: 1)
        let context = context
        let done = try await ThreadPool.files.run { () throws in
            try items.map {
                try ItemRunner(context: context, plan: $0, downloading: downloading, computing: downloading).done()
            }
        }
        var requests = 0
        var bytes = 0
        var open: [JSONValue] = []
        for (item, done) in zip(items, done) where !done.isComplete {
            var chunks = 0
            var decoded = 0
            if done.download == nil {
                for plan in item.arrays {
                    let array = try PlannedArray(plan, store: context.store.url)
                    chunks += array.chunkCount
                    decoded += array.chunkCount * array.chunkByteCount
                }
            }
            requests += chunks
            bytes += decoded
            open.append([
                "item": .string(item.name), "dataset": .string(item.dataset), "chunks": .integer(chunks),
                "decoded_bytes": .integer(decoded),
                "raw": .string("\(item.raw.key) \(item.raw.written)"),
                "labels": .array(item.labels.map { .string("\($0.name)/\($0.level)") }),
                "levels_matched": .bool(item.isMatched),
            ])
        }
        return [
            "datasets": .integer(plans.count { $0.isSelected }), "datasets_seen": .integer(plans.count),
            "items": .integer(items.count), "items_done": .integer(items.count - open.count),
            "crops_without_class": .integer(plans.reduce(0) { $0 + $1.cropsWithoutClass }),
            "requests": .integer(requests), "decoded_bytes_at_most": .integer(bytes),
            "files": .integer(2 * open.count), "memory_bytes": .integer(context.manifest.limits.memory),
            "to_do": .array(open),
            "failures": .array((failures + plans.flatMap(\.failures)).map { .string($0.description) }),
        ]
    }

    // MARK: status

    /// Per stage: done, running, failed, waiting. Reads the state directory only.
    public func status() async throws -> JSONValue {
        let context = context
        return try await ThreadPool.files.run { () throws in try Self.status(context) }
    }

    private static func status(_ context: JobContext) throws -> JSONValue {
        let items = try Discover.keptPlans(in: context.state, source: context.store.url)
            .filter { context.manifest.datasetGlobs.matches($0.dataset) }.flatMap(\.items)
        let failures = try FailureReport.read(in: context.state)
        let failed = Dictionary(grouping: failures, by: \.stage).mapValues(\.count)
        let isRunning = try Claim.isHeld(
            Runner.claimName, in: context.state, claimSeconds: Double(context.manifest.limits.claimSeconds))
        var counts = ["download": 0, "convert": 0, "stat": 0, "resize": 0]
        let gate = ByteBudget(limit: 1)
        for item in items {
            let done = try ItemRunner(context: context, plan: item, downloading: gate, computing: gate).done()
            if done.download != nil { counts["download", default: 0] += 1 }
            if done.convert != nil { counts["convert", default: 0] += 1 }
            if done.stat != nil { counts["stat", default: 0] += 1 }
            if done.resize != nil { counts["resize", default: 0] += 1 }
        }
        // While a process works here, an item that is through with one stage and not with the next is in that next stage.
        var stages: [String: JSONValue] = [:]
        var reached = items.count
        for stage in ["download", "convert", "stat", "resize"] {
            let done = counts[stage] ?? 0
            let broken = failed[stage] ?? 0
            let open = max(0, reached - done - broken)
            stages[stage] = [
                "done": .integer(done), "failed": .integer(broken), "running": .integer(isRunning ? open : 0),
                "waiting": .integer(items.count - done - broken - (isRunning ? open : 0)),
            ]
            reached = done
        }
        return [
            "job": .string(context.manifest.job), "items": .integer(items.count), "running": .bool(isRunning),
            "stages": .object(stages), "failures": .array(failures.map { .string($0.description) }),
        ]
    }

    // MARK: verify

    /// What `verify` found about one output.
    public struct Finding: Sendable {
        public let path: String
        /// nil where the file is what its record says.
        public let problem: String?
    }

    /// Re-reads all outputs and compares them with their records.
    public func verify() async throws -> [Finding] {
        let context = context
        let outputs = try await ThreadPool.files.run { () throws in
            try context.records.items().flatMap { item in
                try ["convert", "resize"].compactMap { try context.records.record(item: item, stage: $0) }.flatMap(
                    \.outputs)
            }
        }
        return try await concurrentMap(outputs) { output in
            try await ThreadPool.files.run { () throws(LedgerError) in
                guard let found = try context.output.digest(output.path) else {
                    return Finding(path: output.path, problem: "the file is missing")
                }
                guard found.size == output.digest.size else {
                    return Finding(
                        path: output.path, problem: "\(found.size) bytes, the record says \(output.digest.size)")
                }
                guard found == output.digest else {
                    return Finding(
                        path: output.path,
                        problem: "SHA-256 \(found.sha256), the record says \(output.digest.sha256)")
                }
                return Finding(path: output.path, problem: nil)
            }
        }
    }
}

extension Manifest {
    /// The manifest's dataset names and globs as one question.
    var datasetGlobs: DatasetGlobs { DatasetGlobs(globs: datasets.compactMap { try? Glob($0) }) }

    struct DatasetGlobs {
        let globs: [Glob]

        func matches(_ name: String) -> Bool { globs.contains { $0.matches(name) } }
    }
}
