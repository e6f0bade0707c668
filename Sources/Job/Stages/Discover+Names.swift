internal import Arrays
internal import Elements
internal import Ledger
internal import Logging
internal import Manifest
internal import Planning
internal import Stores
internal import Threads

/// Which datasets the manifest means.
extension Discover {
    /// The datasets that the manifest means: names as they are, globs against the store's top level.
    func datasetNames() async throws -> [String] {
        let manifest = context.manifest
        let globs = try manifest.datasets.map { try Glob($0) }
        var names = zip(manifest.datasets, globs).filter { !$1.hasWildcards }.map { $0.0 }
        let wildcards = globs.filter(\.hasWildcards)
        if !wildcards.isEmpty {
            if refreshes {
                // Each task asks for itself: all of them have to mean the same datasets.
                names += try await matching(wildcards)
                try await reportVanished(wildcards, found: names)
            } else {
                names += try await claimed(ClaimName.names) { try await matching(wildcards) }
            }
        }
        let distinct = names.distinctNames()
        warnOfTwins(distinct)
        return distinct
    }

    /// Names two datasets that a file system which does not tell their names apart would put into one file.
    private func warnOfTwins(_ names: [String]) {
        for twins in Dictionary(grouping: names, by: { $0.lowercased() }).values where twins.count > 1 {
            context.logger.warning(
                "the datasets \(twins.map(\.debugDescription).joined(separator: " and ")) differ only in case or in how accents are written: on a file system that does not tell them apart their files are the same",
                metadata: ["event": "similar_names"])
        }
    }

    /// The datasets of the store that match.
    private func matching(_ globs: [Glob]) async throws -> [String] {
        let found = try await matching(globs, refreshes: refreshes)
        let unmatched = globs.filter { glob in !found.contains { glob.matches($0) } }
        guard !refreshes, !unmatched.isEmpty else { return found }
        // What matches nothing may have come since the store was asked.
        let (state, source) = (context.state, context.store.url)
        let known = try await ThreadPool.files.run { () throws(LedgerError) in
            try PlanFile.heads(in: state, source: source).map(\.dataset)
        }
        let isKnown = unmatched.allSatisfy { glob in known.contains { glob.matches($0) } }
        return isKnown ? found : try await matching(globs, refreshes: true)
    }

    private func matching(_ globs: [Glob], refreshes: Bool) async throws -> [String] {
        let manifest = context.manifest
        let cache = try await MetadataCache(
            dataset: MetadataCache.root, store: context.store, state: context.state, refreshes: refreshes)
        let top = try await cache.list("")
        for name in top.refused where share?.index ?? 0 == 0 {
            context.logger.warning(
                "\(context.store.url) holds \(name.debugDescription), which is left out: no name may have control characters, or be . or ..",
                metadata: ["event": "name_refused"])
        }
        let candidates = top.prefixes.filter { name in globs.contains { $0.matches(name) } }
        // A folder is a dataset when it holds a container: `csc-zipped-data` beside them does not.
        let found = try await concurrentMap(candidates) { name -> String? in
            guard manifest.list(of: name) == nil, Self.refusal(of: name) == nil else { return name }
            let listing: Listing
            do {
                listing = try await cache.list(name)
            } catch let error as StoreError where JobError(error, context.stop) == nil {
                // One that cannot be looked at fails by itself, when it is planned.
                return name
            }
            return DatasetReader.container(of: name, in: listing) == nil ? nil : name
        }
        if refreshes { try await cache.finishRefresh() } else { try await cache.save() }
        return found.compactMap { $0 }
    }

    /// Names the datasets that were in the store once and match, but are not there any more. Of several tasks one does.
    private func reportVanished(_ globs: [Glob], found: [String]) async throws {
        guard share.map({ $0.index == 0 }) ?? true else { return }
        let (state, source) = (context.state, context.store.url)
        let heads = try await ThreadPool.files.run { () throws(LedgerError) in
            try PlanFile.heads(in: state, source: source)
        }
        for plan in heads where !found.hasName(plan.dataset) && globs.contains(where: { $0.matches(plan.dataset) }) {
            reportVanished(plan.dataset, of: plan.dataset)
        }
    }

    func reportVanished(_ what: String, of dataset: String) {
        context.logger.warning(
            "\(what) is not in the store any more; its files and records are kept",
            metadata: ["dataset": "\(dataset)", "event": "vanished"])
    }

    /// Runs `body` while holding a claim; waits for it where another process has it.
    private func claimed<R: Sendable>(_ name: String, _ body: () async throws -> R) async throws -> R {
        guard let worker else { return try await body() }
        while try await !ThreadPool.files.run({ () throws(LedgerError) in try worker.claims.take(name) }) {
            try context.stop.check()
            _ = try await ThreadPool.files.run { () throws(LedgerError) in try worker.freeDead([name]) }
            try await Task.sleep(for: .milliseconds(Self.pollMilliseconds / 4))
        }
        do {
            let result = try await body()
            try await ThreadPool.files.run { () throws(LedgerError) in try worker.claims.release(name) }
            return result
        } catch {
            try? await ThreadPool.files.run { () throws(LedgerError) in try worker.claims.release(name) }
            throw error
        }
    }
}
