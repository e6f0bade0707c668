internal import Elements
internal import Ledger
internal import Manifest
public import Planning
internal import Stores
internal import Threads

/// What belongs to a job as its manifest stands now, by the plans in its state directory.
public struct PresentJob: Sendable {
    /// The plans of datasets of the job that were made from this manifest, in the order of their names.
    public private(set) var plans: [PlanFile] = []
    /// The plans of datasets of the job that were made from another manifest: the next run makes them anew, and most of what was made by
    /// them may stay right.
    public private(set) var outdated: [PlanFile] = []
    /// The datasets that are planned, and not in the job.
    public private(set) var others: [PlanFile] = []
    /// Plan files that cannot be read.
    public private(set) var damaged: [String] = []

    /// Datasets of the job that were read, and have no plan: it may have been lost.
    public private(set) var unplanned: [String] = []

    public var items: [ItemEntry] { plans.flatMap(\.items) }

    /// - Parameter known: plans that are known to be today's already.
    public init(_ context: JobContext, known: [PlanFile] = []) async throws {
        let state = context.state
        let current = Dictionary(known.map { (PlanFile.path(of: $0.plan.dataset), $0) }) { first, _ in first }
        let kept = try await ThreadPool.files.run { () throws(LedgerError) in
            var kept: [(path: String, plan: PlanFile?)] = []
            for name in try state.list("plans") where name.hasSuffix(".plan") && current["plans/\(name)"] == nil {
                kept.append(("plans/\(name)", try PlanFile(of: String(name.dropLast(5)), in: state)))
            }
            return kept
        }
        let discover = Discover(context)
        let globs = context.manifest.datasetGlobs
        var today = known
        for (path, plan) in kept {
            guard let plan else {
                damaged.append(path)
                continue
            }
            let dataset = plan.plan.dataset
            guard plan.source == context.store.url.description, globs.matches(dataset) else {
                others.append(plan)
                continue
            }
            if plan.fingerprint == discover.fingerprint(dataset, try await discover.listedKeys(dataset)) {
                today.append(plan)
            } else {
                outdated.append(plan)
            }
        }
        let planned = Set((today + outdated).map { ByteName($0.plan.dataset) })
        let answered = try await ThreadPool.files.run { () throws(LedgerError) in try state.list("metadata") }
        unplanned = answered.filter { $0.hasByteSuffix(".jsonl") }.map { String($0.dropLast(6)) }
            .filter { $0 != MetadataCache.root && globs.matches($0) && !planned.contains(ByteName($0)) }
        plans = Discover.withUniqueNames(today.sorted { $0.plan.dataset < $1.plan.dataset })
    }
}
