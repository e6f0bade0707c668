internal import Arrays
internal import JSONText
public import Job
internal import Ledger
internal import Planning
internal import Scheduling
internal import Threads

/// What lies in a job's directories and does not belong to the job any more, for `cristae prune`: what was made from an earlier manifest, and
/// of items that are not in the job.
///
/// Only files that a record, or a dataset's plan, names are ever listed. What the next run may still find right is not.
public struct Pruning: Sendable {
    private let context: JobContext

    public init(_ context: JobContext) { self.context = context }

    /// Why nothing can be said.
    public static let unplanned = "this job has not been planned with this manifest yet; run it first"

    /// What does not belong to the job.
    public struct Found: Sendable {
        /// Files of the output directory, then of the state directory, each by its whole path.
        public var paths: [String] { outputs.map(\.full) + states.map(\.full) }
        /// Whether something of the job waits for a run that plans it anew; of that, nothing is listed.
        public let isOpen: Bool
        /// Whether nothing of the job is planned.
        public let isUnplanned: Bool

        fileprivate var outputs: [(path: String, full: String)] = []
        fileprivate var states: [(path: String, full: String)] = []
        /// Items with all their records.
        fileprivate var items: [String] = []
        /// Records of items that are in the job.
        fileprivate var records: [(item: String, stage: String)] = []
    }

    /// Lists it. Writes nothing.
    public func find() async throws -> Found {
        let context = context
        try await ThreadPool.files.run { () throws in try JobIdentity(context: context).check() }
        let present = try await PresentJob(context)
        let survey = RecordSurvey(context, present)
        let isOpen = !present.outdated.isEmpty || !present.damaged.isEmpty || !present.unplanned.isEmpty
        guard !present.plans.isEmpty else { return Found(isOpen: isOpen, isUnplanned: true) }
        return try await ThreadPool.files.run { () throws in
            var found = Found(isOpen: isOpen, isUnplanned: false)
            var kept: Set<String> = []
            var candidates: [RecordSurvey.Found] = []
            for item in try context.records.items() {
                try context.stop.check()
                if survey.isForeign(item) {
                    found.items.append(item)
                    found.states += try packs(of: item)
                }
                for output in try survey.outputs(of: item) {
                    switch output.standing {
                    case .current, .open: kept.insert(output.output.path)
                    case .unreadable: break
                    case .foreign: candidates.append(output)
                    case .stale:
                        candidates.append(output)
                        found.records.append((item, output.stage))
                    }
                }
            }
            var paths = candidates.map(\.output.path).filter { $0.hasPrefix("hdf5/") || $0.hasPrefix("crops/") }
            for plan in present.others where plan.plan.isSelected {
                paths += [DatasetLists.metadataPath(plan.plan.dataset), DatasetLists.listPath(plan.plan.dataset)]
            }
            // Another item may have the same file.
            for path in paths {
                guard !kept.contains(path), try context.output.fileSize(path) != nil else { continue }
                kept.insert(path)
                found.outputs.append((path, "\(context.output.path)/\(path)"))
            }
            return found
        }
    }

    /// The pack that the record of an item's download names, where it is there.
    private func packs(of item: String) throws -> [(path: String, full: String)] {
        guard let path = try context.records.record(item: item, stage: "download")?.result["pack"]?.string,
            path.hasPrefix("packs/"), try context.state.fileSize(path) != nil
        else { return [] }
        return [(path, "\(context.state.path)/\(path)")]
    }

    /// Removes it, with the records and markers. The records go last: a process that is killed on the way leaves what names the rest.
    ///
    /// - Returns: what was removed.
    /// - Throws: ``JobError/locked(_:)`` where a run is alive.
    public func delete() async throws -> Found {
        do {
            let worker = try await JobAdmission(context: context, share: nil).enter()
            let owned = context.owned(by: worker.owner)
            worker.startBeating(owned, changes: { 0 }, progress: { .null })
            do {
                // Only now: nobody changes it any more.
                let found = try await Pruning(owned).find()
                try await ThreadPool.files.run { () throws in try Pruning(owned).remove(found) }
                await ThreadPool.files.run { worker.end() }
                return found
            } catch {
                await ThreadPool.files.run { worker.end() }
                throw error
            }
        } catch {
            throw JobError(error, context.stop) ?? error
        }
    }

    private func remove(_ found: Found) throws {
        let (output, state, holdings) = (context.output, context.state, context.holdings)
        for (path, _) in found.outputs { try output.remove(path) }
        for (path, _) in found.states { try holdings.removePack(path) }
        for (item, stage) in found.records { try context.records.remove(item: item, stage: stage) }
        let gone = Set(found.items)
        try CompletionMarkers.remove(gone, in: state)
        for item in found.items {
            try ChunkLog.remove("volumes/\(item).chunks", in: holdings)
            try ChunkLog.remove("volumes/\(item).resized", in: holdings)
            try state.remove(VersionFile.path(of: item))
            try FailureLog(state: state).forget(item)
            try state.removeTree("records/\(item)")
        }
    }
}
