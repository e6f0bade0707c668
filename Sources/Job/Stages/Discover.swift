public import Arrays
internal import Elements
internal import Foundation
internal import Geometry
internal import JSONText
public import Ledger
internal import Logging
internal import Manifest
public import Planning
public import Stores
internal import Threads

/// The first stage: which datasets there are, what they hold, and one plan an item.
///
/// A plan is kept in `state/plans/<dataset>.plan` with the fingerprint of what it was made from; while that is today's, nothing is asked.
/// Several tasks share the datasets out: each is planned by one of them, under a claim, and the others read its plan.
public struct Discover: Sendable {
    /// How often a task looks whether others are through with their datasets, in milliseconds.
    static let pollMilliseconds = 200

    /// Of a to-download list.
    private static let maximumListBytes = 1 << 30

    public let context: JobContext
    /// nil where nothing is claimed: `cristae plan`.
    public let worker: Worker?
    public let share: TaskShare?
    /// The failures that lay there when this process began: what is not among them has been tried by somebody since.
    public let known: [String: FailureLog.Entry]
    /// Whether the store is asked again what it holds; of several tasks each asks for its own datasets.
    public let refreshes: Bool

    public init(
        _ context: JobContext, worker: Worker? = nil, share: TaskShare? = nil, known: [String: FailureLog.Entry] = [:],
        refreshes: Bool = false
    ) {
        self.refreshes = refreshes
        self.context = context
        self.worker = worker
        self.share = share
        self.known = known
    }

    /// What became of one dataset.
    private enum Attempt: Sendable {
        case ready(PlanFile)
        case failed(Failure)
        /// Another process plans it.
        case held
        /// It was in the store once.
        case vanished
        /// The store does not have it.
        case missing(Failure)
    }

    /// The plans of all datasets, in the order of their names, and what went wrong with whole datasets.
    ///
    /// - Throws: ``JobError/badManifest(_:)`` where the manifest names something that is not there (``ManifestMatch``).
    public func run() async throws -> (plans: [PlanFile], failures: [Failure]) {
        let names = try await datasetNames()
        var results: [ByteName: Attempt] = [:]
        // The own ones first: others have begun with theirs.
        let own = share.map { share in
            Set(names.indices.filter { $0 % share.count == share.index }.map { ByteName(names[$0]) })
        }
        if let own {
            try await attempt(names.filter { own.contains(ByteName($0)) }, isOwn: true, &results)
            try await attempt(names.filter { !own.contains(ByteName($0)) }, isOwn: false, &results)
        } else {
            try await attempt(names, isOwn: true, &results)
        }
        while true {
            let held = names.filter { if case .held = results[ByteName($0)] { true } else { false } }
            guard !held.isEmpty, let worker else { break }
            try context.stop.check()
            let claims = held.map { ClaimName.dataset($0) }
            _ = try await ThreadPool.files.run { () throws(LedgerError) in try worker.freeDead(claims) }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds))
            try await attempt(held, isOwn: false, &results)
        }
        var plans: [PlanFile] = []
        var (failures, missing): ([Failure], [Failure]) = ([], [])
        var vanished: [String] = []
        for name in names {
            switch results[ByteName(name)] {
            case .ready(let plan): plans.append(plan)
            case .failed(let failure): failures.append(failure)
            case .missing(let failure): missing.append(failure)
            case .vanished: vanished.append(name)
            case .held, nil: break
            }
        }
        plans = Self.withUniqueNames(plans)
        // Where something could not be read, nobody knows what it would have matched.
        guard failures.isEmpty else { return (plans, (failures + missing).sorted { $0.dataset < $1.dataset }) }
        try await ManifestMatch(
            context: context, plans: plans, missing: missing, vanished: vanished, refreshes: refreshes
        ).check()
        return (plans, [])
    }

    private func attempt(_ names: [String], isOwn: Bool, _ results: inout [ByteName: Attempt]) async throws {
        let found = try await concurrentMap(names) { name -> Attempt in
            try context.stop.check()
            return try await context.progress.working(name, "discover") { try await attempt(name, isOwn: isOwn) }
        }
        for (name, attempt) in zip(names, found) { results[ByteName(name)] = attempt }
    }

    /// The plans of all datasets that have been seen in this store, in the order of their names. Blocks.
    public static func keptPlans(in state: ConfinedFolder, source: StoreURL) throws(LedgerError) -> [PlanFile] {
        var plans: [PlanFile] = []
        for name in try state.list("plans") where name.hasByteSuffix(".plan") {
            if let kept = try PlanFile(of: String(name.dropLast(5)), in: state), kept.source == source.description {
                plans.append(kept)
            }
        }
        return withUniqueNames(plans.sorted { ByteName($0.plan.dataset) < ByteName($1.plan.dataset) })
    }

    // MARK: One dataset

    /// Why no file can have the name of a dataset; nil where one can. That is no fault of the other datasets.
    static func refusal(of name: String) -> Failure? {
        func failure(_ reason: String) -> Failure {
            Failure(item: nil, dataset: name, stage: "discover", reason: reason)
        }
        let limit = ManifestName.maximumLength
        guard name.utf8.count <= limit else {
            return failure("its name has \(name.utf8.count) bytes; at most \(limit) fit into the names of its files")
        }
        guard (try? ConfinedFolder.components(of: name))?.count == 1 else {
            return failure("its name has a slash or a control character, which no file name may have")
        }
        return nil
    }

    /// The kept plan, or a new one where this process may make it.
    private func attempt(_ name: String, isOwn: Bool) async throws -> Attempt {
        if let refusal = Self.refusal(of: name) { return .failed(refusal) }
        do {
            let keys = try await listedKeys(name)
            let fingerprint = fingerprint(name, keys)
            let refreshes = refreshes && isOwn
            if !refreshes, let kept = try await settled(name, fingerprint, isOwn: isOwn) { return kept }
            guard let worker else { return .ready(try await plan(name, keys, fingerprint)) }
            let claim = ClaimName.dataset(name)
            guard try await ThreadPool.files.run({ () throws(LedgerError) in try worker.claims.take(claim) }) else {
                return .held
            }
            do {
                // It may have been planned between the look and the claim.
                let kept = refreshes ? nil : try await settled(name, fingerprint, isOwn: isOwn)
                let result: Attempt
                if let kept {
                    result = kept
                } else if refreshes, try await hasVanished(name, isListed: keys != nil) {
                    result = .vanished
                } else {
                    result = .ready(try await plan(name, keys, fingerprint, refreshes: refreshes))
                }
                try await ThreadPool.files.run { () throws(LedgerError) in
                    if known[FailureLog.datasetName(name)] != nil {
                        try FailureLog(state: context.state).forget(FailureLog.datasetName(name))
                    }
                    try worker.claims.release(claim)
                }
                return result
            } catch {
                if !(error is MissingDataset) { try await note(error, name) }
                try await ThreadPool.files.run { () throws(LedgerError) in try worker.claims.release(claim) }
                throw error
            }
        } catch let missing as MissingDataset {
            return .missing(missing.failure)
        } catch let failure as Failure {
            return .failed(failure)
        } catch {
            if let jobError = JobError(error, context.stop) { throw jobError }
            if Cancellation.isFromOutside(error) { throw error }
            return .failed(Self.failure(error, name))
        }
    }

    private static func failure(_ error: any Error, _ name: String) -> Failure {
        error as? Failure
            ?? Failure(item: nil, dataset: name, stage: "discover", reason: Cancellation.reason(error))
    }

    private func note(_ error: any Error, _ name: String) async throws {
        guard JobError(error, context.stop) == nil, !Cancellation.isFromOutside(error), let worker else { return }
        try await ThreadPool.files.run { () throws in
            try FailureLog(state: context.state).note(Self.failure(error, name), owner: worker.owner.identity.id)
        }
    }

    /// What is settled about a dataset: its kept plan where that is today's, or a failure that somebody else has met with meanwhile.
    private func settled(_ name: String, _ fingerprint: Fingerprint, isOwn: Bool) async throws -> Attempt? {
        let (state, output) = (context.state, context.output)
        return try await ThreadPool.files.run { () throws(LedgerError) -> Attempt? in
            if let kept = try PlanFile(of: name, in: state), kept.fingerprint == fingerprint,
                worker == nil ? true : try DatasetLists.areThere(kept.plan, in: output)
            {
                // One with failures is made again, once in a run.
                let isTried = !isOwn || worker.map { kept.owner == $0.owner.identity.id } ?? false
                // One of an earlier version does not say which classes there are, or where the crops lie: it is made again from the answers
                // that are kept.
                let isOld = kept.plan.failures.isEmpty && (kept.plan.classes == nil || kept.placesText == nil)
                // What a verb that only looks has planned lacks its texts, or has those of an earlier plan.
                let isLookedAt = worker != nil && kept.owner.isEmpty
                if !isOld, !isLookedAt, kept.plan.failures.isEmpty || isTried { return .ready(kept) }
            }
            guard !isOwn || worker == nil, let entry = try failure(of: name) else { return nil }
            return .failed(entry.failure)
        }
    }

    private func failure(of name: String) throws(LedgerError) -> FailureLog.Entry? {
        guard worker != nil else { return nil }
        return try FailureLog(state: context.state).entry(FailureLog.datasetName(name))
    }

    /// Whether a dataset that was planned before is not in the store any more; names it then.
    private func hasVanished(_ name: String, isListed: Bool) async throws -> Bool {
        let state = context.state
        let kept = try await ThreadPool.files.run { () throws(LedgerError) in try PlanFile(of: name, in: state) }
        guard !isListed, let kept, kept.source == context.store.url.description,
            DatasetReader.container(of: name, in: try await context.store.list(name)) == nil
        else { return false }
        reportVanished(name, of: name)
        return true
    }

    private func plan(
        _ name: String, _ keys: [String]?, _ fingerprint: Fingerprint, refreshes: Bool = false
    ) async throws -> PlanFile {
        let state = context.state
        let store: any ObjectStore = keys.map { ListedStore(context.store, keys: $0) } ?? context.store
        let cache = try await MetadataCache(
            dataset: keys == nil ? name : "\(name)-listed", store: store, state: context.state, refreshes: refreshes)
        let reader = DatasetReader(
            dataset: name, cache: cache, isListed: keys != nil,
            grids: context.manifest.grids.filter { $0.dataset.hasSameBytes(as: name) })
        let plan: DatasetPlan
        do {
            plan = try await DatasetPlanner(manifest: context.manifest, reader: reader, stop: context.stop).plan()
        } catch let missing as MissingDataset {
            // That is nothing to keep: the dataset may come. Nor is it to be believed where it has been kept.
            guard try await cache.forget() else { throw missing }
            return try await self.plan(name, keys, fingerprint, refreshes: refreshes)
        } catch {
            if !refreshes { try? await cache.save() }
            throw error
        }
        // The answers first: a plan must not be made from older ones later.
        if refreshes { try await cache.finishRefresh() } else { try await cache.save() }
        for warning in plan.warnings { context.logger.warning("\(name): \(warning)", metadata: ["dataset": "\(name)"]) }
        if worker != nil { try await DatasetLists(context).write(plan) }
        if refreshes, let kept = try await unchanged(plan, fingerprint) { return kept }
        let text = try PlanFile.encode(
            plan, fingerprint: fingerprint, owner: worker?.owner.identity.id ?? "", store: context.store.url)
        let kept = try await ThreadPool.files.run { () throws(LedgerError) in
            try state.write(text, to: PlanFile.path(of: name))
            return try PlanFile(of: name, in: state)
        }
        guard let kept else {
            throw LedgerError(
                .corrupt, path: "\(state.path)/\(PlanFile.path(of: name))", "the plan cannot be read back")
        }
        return kept
    }

    /// The kept plan, where it says just what the new one does. Names what was planned before, and is not any more.
    private func unchanged(_ plan: DatasetPlan, _ fingerprint: Fingerprint) async throws -> PlanFile? {
        let (state, name) = (context.state, plan.dataset)
        let kept = try await ThreadPool.files.run { () throws(LedgerError) in try PlanFile(of: name, in: state) }
        guard let kept, kept.fingerprint == fingerprint, kept.source == context.store.url.description else {
            return nil
        }
        let today = Set(plan.items.map(\.name) + plan.failures.compactMap(\.item) + plan.leftOutNames)
        for item in kept.items where !today.contains(item.name) { reportVanished("\(name): \(item.name)", of: name) }
        let text = try PlanFile.encode(
            plan, fingerprint: fingerprint, owner: kept.owner, store: context.store.url)
        let isSame = try await ThreadPool.files.run { () throws(LedgerError) in
            try PlanFile.isKept(text, of: name, in: state)
        }
        return isSame ? kept : nil
    }

    /// The keys of the dataset's to-download list, where the manifest names one.
    func listedKeys(_ name: String) async throws -> [String]? {
        guard let path = context.manifest.list(of: name) else { return nil }
        let url = context.store.url
        let text: String
        do {
            text = try await ThreadPool.files.run {
                let bytes = try RegularFile.bytes(at: path, atMost: Self.maximumListBytes)
                guard let text = String(validating: bytes, as: UTF8.self) else { throw JobError.badManifest(path) }
                return text
            }
        } catch {
            throw JobError.badManifest("$.lists.\(name): \(path) cannot be read as text")
        }
        return try DownloadList(parsing: text, path: path, store: url).keys
    }

    /// Everything that the plan of a dataset is made from, apart from the store's answers.
    public func fingerprint(_ name: String, _ keys: [String]?) -> Fingerprint {
        let manifest = context.manifest
        var members: [String: JSONValue] = [
            "version": 2, "source": .string(context.store.url.description), "dataset": .string(name),
            "select": .string(manifest.select.rawValue), "mode": .string(manifest.mode.rawValue),
            "classes": .array(manifest.classes.map { .string($0) }),
            "derive": .object(
                manifest.derive.mapValues {
                    [
                        "from": .string($0.from), "ids": .array($0.ids.map { .integer($0) }),
                        "instances": .bool($0.instances),
                    ]
                }),
            "target": .array(manifest.targetNm.array.map { .number($0) }), "tolerance": .number(manifest.tolerance),
            "levels": .string(manifest.levels.rawValue), "padding": .number(manifest.paddingNm),
            "max_upsampling": .number(manifest.resize.maxUpsampling), "grid": .string(manifest.resize.grid.rawValue),
            "list": keys.map { .array($0.map { .string($0) }) } ?? .null,
        ]
        let regions = manifest.regions.filter { $0.dataset.hasSameBytes(as: name) }
        if !regions.isEmpty {
            members["regions"] = .array(
                regions.map { .array(($0.offsetNm.array + $0.shapeNm.array).map { .number($0) }) })
        }
        let grids = manifest.grids.filter { $0.dataset.hasSameBytes(as: name) }
        if !grids.isEmpty {
            members["grids"] = .array(
                grids.map {
                    .array(
                        [.string($0.path), $0.labelClass.map { .string($0) } ?? .null]
                            + ($0.voxelSizeNm.array + $0.translationNm.array).map { .number($0) }
                            + ($0.axes == .zyx ? [] : [.string($0.axes.rawValue)]))
                })
        }
        return Fingerprint(of: .object(members))
    }

    /// Crop ids are unique in the public data, but nothing makes them so: a second `crop_7` gets its dataset into its name. Names that differ
    /// only in how accents are written count as the same one: each item has a file of its own on every file system.
    static func withUniqueNames(_ plans: [PlanFile]) -> [PlanFile] {
        var seen: Set<String> = []
        return plans.map { plan in
            var plan = plan
            for index in plan.items.indices where !seen.insert(plan.items[index].name).inserted {
                let item = plan.items[index]
                let longer = [item.name, plan.plan.dataset, item.alignment].filter { !$0.isEmpty }
                let base = ClaimName.bounded(longer.joined(separator: "_"))
                var (name, number) = (base, 2)
                while !seen.insert(name).inserted {
                    name = "\(base)_\(number)"
                    number += 1
                }
                plan.items[index].name = name
            }
            return plan
        }
    }
}
