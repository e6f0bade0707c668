internal import Foundation
internal import Geometry
internal import JSONText
internal import Ledger
internal import Logging
internal import Stores
internal import Threads

/// The first stage: which datasets there are, what they hold, and one plan an item.
///
/// A plan is kept in `state/plans/<dataset>.json` with the fingerprint of what it was made from; while that is today's, nothing is asked.
public struct Discover: Sendable {
    let context: JobContext

    /// A dataset's plan as it is kept.
    private struct KeptPlan: Codable {
        /// The store's URL: plans of another store are none of this job's.
        var source: String
        var fingerprint: Fingerprint
        var plan: DatasetPlan
    }

    public init(_ context: JobContext) { self.context = context }

    /// The plans of all datasets, in the order of their names, and what went wrong with whole datasets.
    public func run() async throws -> (plans: [DatasetPlan], failures: [Failure]) {
        let names = try await datasetNames()
        let results = try await concurrentMap(names) { name -> Result<DatasetPlan, Failure> in
            try context.stop.check()
            do {
                return .success(try await context.progress.working(name, "discover") { try await plan(name) })
            } catch let failure as Failure {
                return .failure(failure)
            } catch {
                if let jobError = JobError(error) { throw jobError }
                return .failure(Failure(item: nil, dataset: name, stage: "discover", reason: "\(error)"))
            }
        }
        var plans: [DatasetPlan] = []
        var failures: [Failure] = []
        for result in results {
            switch result {
            case .success(let plan): plans.append(plan)
            case .failure(let failure): failures.append(failure)
            }
        }
        return (Self.withUniqueNames(plans), failures)
    }

    /// The plans of all datasets that have been seen in this store, in the order of their names. Blocks.
    static func keptPlans(in state: ConfinedFolder, source: StoreURL) throws(LedgerError) -> [DatasetPlan] {
        var plans: [DatasetPlan] = []
        for name in try state.list("plans") where name.hasSuffix(".json") {
            guard let text = try state.read("plans/\(name)"),
                let kept = try? JSONFile.decode(KeptPlan.self, from: text),
                kept.source == source.description
            else { continue }
            plans.append(kept.plan)
        }
        return plans.sorted { $0.dataset < $1.dataset }
    }

    // MARK: Names

    /// The datasets that the manifest means: names as they are, globs against the store's top level.
    private func datasetNames() async throws -> [String] {
        let manifest = context.manifest
        let globs = try manifest.datasets.map { try Glob($0) }
        var names = Set(zip(manifest.datasets, globs).filter { !$1.hasWildcards }.map { $0.0 })
        let wildcards = globs.filter(\.hasWildcards)
        if !wildcards.isEmpty {
            let cache = try await AnswerCache(dataset: "_root", store: context.store, state: context.state)
            let candidates = try await cache.list("").prefixes.filter { name in
                wildcards.contains { $0.matches(name) }
            }
            // A folder is a dataset when it holds a container: `csc-zipped-data` beside them does not.
            let found = try await concurrentMap(candidates) { name -> String? in
                guard manifest.lists[name] == nil else { return name }
                let listing = try await cache.list(name)
                return DatasetReader.container(of: name, in: listing) == nil ? nil : name
            }
            names.formUnion(found.compactMap { $0 })
            try await cache.save()
        }
        return names.sorted()
    }

    // MARK: One dataset

    private func plan(_ name: String) async throws -> DatasetPlan {
        let keys = try await listedKeys(name)
        let fingerprint = fingerprint(name, keys)
        let path = "plans/\(name).json"
        let state = context.state
        let text = try await ThreadPool.files.run { () throws(LedgerError) in try state.read(path) }
        if let text, let kept = try? JSONFile.decode(KeptPlan.self, from: text),
            kept.fingerprint == fingerprint, kept.plan.failures.isEmpty
        {
            return kept.plan
        }
        let store: any ObjectStore = keys.map { ListedStore(context.store, keys: $0) } ?? context.store
        let cache = try await AnswerCache(
            dataset: keys == nil ? name : "\(name)-listed", store: store, state: context.state)
        let reader = DatasetReader(
            dataset: name, cache: cache, isListed: keys != nil,
            grids: context.manifest.grids.filter { $0.dataset == name })
        let plan: DatasetPlan
        do {
            plan = try await DatasetPlanner(manifest: context.manifest, reader: reader).plan()
        } catch {
            try? await cache.save()
            throw error
        }
        try await cache.save()
        for warning in plan.warnings { context.logger.warning("\(name): \(warning)", metadata: ["dataset": "\(name)"]) }
        let kept = try JSONFile.encode(
            KeptPlan(source: context.store.url.description, fingerprint: fingerprint, plan: plan))
        try await ThreadPool.files.run { () throws(LedgerError) in try state.write(kept, to: path) }
        return plan
    }

    /// The keys of the dataset's to-download list, where the manifest names one.
    private func listedKeys(_ name: String) async throws -> [String]? {
        guard let path = context.manifest.lists[name] else { return nil }
        let url = context.store.url
        let text: String
        do {
            text = try await ThreadPool.files.run { try String(contentsOfFile: path, encoding: .utf8) }
        } catch {
            throw JobError.badManifest("$.lists.\(name): \(path) cannot be read as text")
        }
        return try DownloadList(parsing: text, path: path, store: url).keys
    }

    /// Everything that the plan of a dataset is made from, apart from the store's answers.
    private func fingerprint(_ name: String, _ keys: [String]?) -> Fingerprint {
        let manifest = context.manifest
        var members: [String: JSONValue] = [
            "version": 1, "source": .string(context.store.url.description), "dataset": .string(name),
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
            "list": keys.map { .array($0.map { .string($0) }) } ?? .null,
        ]
        let regions = manifest.regions.filter { $0.dataset == name }
        if !regions.isEmpty {
            members["regions"] = .array(
                regions.map { .array(($0.offsetNm.array + $0.shapeNm.array).map { .number($0) }) })
        }
        let grids = manifest.grids.filter { $0.dataset == name }
        if !grids.isEmpty {
            members["grids"] = .array(
                grids.map {
                    .array(
                        [.string($0.path), $0.labelClass.map { .string($0) } ?? .null]
                            + ($0.voxelSizeNm.array + $0.translationNm.array).map { .number($0) })
                })
        }
        return Fingerprint(of: .object(members))
    }

    /// Crop ids are unique in the public data, but nothing makes them so: a second `crop_7` gets its dataset into its name.
    private static func withUniqueNames(_ plans: [DatasetPlan]) -> [DatasetPlan] {
        var seen: Set<String> = []
        return plans.map { plan in
            var plan = plan
            for index in plan.items.indices where !seen.insert(plan.items[index].name).inserted {
                let alignment = plan.items[index].group.split(separator: "/").dropFirst(2).first ?? ""
                plan.items[index].name += "_\(plan.dataset)_\(alignment)"
                seen.insert(plan.items[index].name)
            }
            return plan
        }
    }
}
