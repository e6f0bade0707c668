internal import Arrays
internal import Elements
internal import JSONText
internal import Ledger
internal import Logging
internal import Manifest
internal import Planning
internal import Stores
internal import Threads

/// Whether the store has what the manifest names. What matches nothing at all is as wrong as a key that nobody knows: a run that silently
/// leaves it out would say that all is done.
///
/// Looked at are all datasets of the manifest, whatever `only` says, once all of them have been read. What an earlier run has known, and the
/// store does not have any more, is warned of.
struct ManifestMatch: Sendable {
    /// Names that a message lists.
    private static let shownNames = 12
    /// Faults that a message lists.
    private static let shownFaults = 6

    let context: JobContext
    /// Of all datasets that are there.
    let plans: [PlanFile]
    /// Datasets that the manifest names and the store does not have.
    let missing: [Failure]
    /// Datasets that were there in an earlier run.
    let vanished: [String]
    /// Whether the store has just been asked for everything.
    let refreshes: Bool

    private var manifest: Manifest { context.manifest }

    /// A thing that matches nothing.
    private struct Fault {
        /// Where it stands, what it is, and that it matches nothing.
        let text: String
        let word: String
        /// What there is instead.
        let known: [String]
        /// What those are called.
        let plural: String
        /// Whether what the store has said earlier may be behind it.
        var isOfKeptAnswers = false
    }

    /// - Throws: ``JobError/badManifest(_:)`` in one line, with the nearest names and what there is.
    func check() async throws {
        var faults = try await datasetFaults()
        faults += try await entryFaults()
        faults += try await classFaults()
        faults += try await onlyFaults()
        guard let first = faults.first else { return }
        var text = faults.prefix(Self.shownFaults).map { fault in
            let near = Spelling.near(to: fault.word, in: fault.known)
            let meant = near.map { "\(QuotedText($0))" }.joined(separator: " or ")
            return near.isEmpty ? fault.text : "\(fault.text); did you mean \(meant)?"
        }.joined(separator: "; ")
        if faults.count > Self.shownFaults { text += "; and \(faults.count - Self.shownFaults) more" }
        var notes = Self.list(first.known, first.plural).map { [$0] } ?? []
        if !refreshes, faults.contains(where: \.isOfKeptAnswers) { notes.append("--refresh asks the store again") }
        throw JobError.badManifest(notes.isEmpty ? text : "\(text) (\(notes.joined(separator: "; ")))")
    }

    private static func list(_ names: [String], _ plural: String) -> String? {
        guard !plural.isEmpty else { return nil }
        guard !names.isEmpty else { return "there are no \(plural)" }
        let shown = names.prefix(shownNames).map { QuotedText.escaped($0, limit: QuotedText.limit) }
        let rest = names.count > shown.count ? " and \(names.count - shown.count) more" : ""
        return "\(plural): \(shown.joined(separator: ", "))\(rest)"
    }

    private func warn(_ what: String) {
        context.logger.warning(
            "\(what) matches nothing in the store any more; what was made of it is kept",
            metadata: ["event": "vanished"])
    }

    /// The names of all datasets that an earlier run has planned from this store.
    private func knownDatasets() async throws -> [String] {
        return try await context.state.run {
            try PlanFile.heads(in: context.state.folder, source: context.store.url).map(\.dataset)
        }
    }

    // MARK: Datasets

    private func datasetFaults() async throws -> [Fault] {
        let present = plans.map(\.plan.dataset) + vanished
        let unmatched = try manifest.datasets.enumerated().filter { _, pattern in
            let glob = try Glob(pattern)
            return !present.contains { glob.matches($0) }
        }
        guard !unmatched.isEmpty else { return [] }
        let known = try await knownDatasets()
        // Only to help: a store that lists nothing is no fault of its own here.
        let names = ((try? await context.store.list("").prefixes) ?? present).sorted()
        let store = context.store.url.description
        return try unmatched.compactMap { index, pattern in
            let glob = try Glob(pattern)
            guard !known.contains(where: { glob.matches($0) }) else {
                warn("$.datasets[\(index)]: \(QuotedText(pattern))")
                return nil
            }
            let reason = missing.first { glob.matches($0.dataset) }?.reason ?? "no dataset of \(store) matches"
            return Fault(
                text: "$.datasets[\(index)]: found \(QuotedText(pattern)), but \(reason)", word: pattern, known: names,
                plural: "folders at \(store)")
        }
    }

    /// Faults of regions, grids and lists, which may name datasets that only a glob of `datasets` stands for.
    private func entryFaults() async throws -> [Fault] {
        let present = plans.map(\.plan.dataset)
        // A dataset that `datasets` names is told of there.
        let told = Set(present + vanished + missing.map(\.dataset))
        var entries = manifest.regions.enumerated().map { ("$.regions[\($0)].dataset", $1.dataset) }
        entries += manifest.grids.enumerated().map { ("$.grids[\($0)].dataset", $1.dataset) }
        entries += manifest.lists.keys.sorted().map { ("$.lists", $0) }
        entries.removeAll { told.contains($0.1) }
        let known = entries.isEmpty ? [] : Set(try await knownDatasets())
        var faults: [Fault] = []
        for (path, name) in entries {
            guard !known.contains(name) else {
                warn("\(path): \(QuotedText(name))")
                continue
            }
            faults.append(
                Fault(
                    text: "\(path): found \(QuotedText(name)), which is no dataset of \(context.store.url)", word: name,
                    known: present, plural: "datasets"))
        }
        // Where something else is missing for want of it, that is a failure with its own words.
        for plan in plans.map(\.plan) where plan.failures.isEmpty {
            for path in plan.missingArrays ?? [] {
                let index = manifest.grids.firstIndex { $0.dataset == plan.dataset && $0.path == path } ?? 0
                faults.append(
                    Fault(
                        text:
                            "$.grids[\(index)].path: found \(QuotedText(path)), but \(plan.dataset) has no such array",
                        word: path, known: [], plural: ""))
            }
        }
        return faults
    }

    // MARK: Classes

    private func classFaults() async throws -> [Fault] {
        // nil: something could not be listed, of which there is a failure.
        let listed = plans.compactMap(\.plan.classes)
        guard manifest.namesClasses.isGiven, manifest.classes != ["*"], !plans.isEmpty, listed.count == plans.count
        else { return [] }
        let present = Set(listed.joined())
        let derivable = Set(manifest.derive.filter { present.contains($0.value.from) }.keys)
        for (name, rule) in manifest.derive.sorted(by: { $0.key < $1.key })
        where rule != .mitochondria && manifest.classes.contains(name) && !present.contains(rule.from) {
            context.logger.warning("$.derive.\(name).from: no dataset has the class \(QuotedText(rule.from))")
        }
        let absent = manifest.classes.enumerated().filter { !present.contains($1) && !derivable.contains($1) }
        guard !absent.isEmpty else { return [] }
        let known = try await knownClasses()
        return absent.compactMap { index, name in
            guard !known.contains(name) else {
                warn("$.classes[\(index)]: \(QuotedText(name))")
                return nil
            }
            return Fault(
                text: "$.classes[\(index)]: found \(QuotedText(name)), a class that no dataset has", word: name,
                known: present.union(derivable).sorted(), plural: "classes", isOfKeptAnswers: true)
        }
    }

    /// The classes in what earlier runs have made.
    private func knownClasses() async throws -> Set<String> {
        return try await context.state.run {
            var classes: Set<String> = []
            for item in try context.state.records.items() {
                guard let labels = try context.state.records.record(item: item, stage: .stat)?.result["labels"]?.object
                else {
                    continue
                }
                // In volumes they are called by their paths.
                for name in labels.keys { classes.formUnion(name.split(separator: "/").map(String.init)) }
            }
            return classes
        }
    }

    // MARK: Items

    private func onlyFaults() async throws -> [Fault] {
        let filter = try ItemFilter(manifest.only)
        let unmatched = filter.patterns.enumerated().filter { !isMatched($1) }
        guard !unmatched.isEmpty else { return [] }
        let made = try await context.state.run { try context.state.records.items() }
        let datasets = try await knownDatasets()
        return unmatched.compactMap { index, pattern in
            let isOfKnown = pattern.dataset.map { glob in datasets.contains { glob.matches($0) } } ?? true
            if isOfKnown, made.contains(where: { pattern.item.matches($0) }) {
                warn("only[\(index)]: \(QuotedText(pattern.text))")
                return nil
            }
            return Fault(
                text: "only[\(index)]: found \(QuotedText(pattern.text)), which matches no item", word: pattern.text,
                known: itemNames(like: pattern), plural: "items", isOfKeptAnswers: true)
        }
    }

    private func isMatched(_ pattern: ItemFilter.Pattern) -> Bool {
        plans.contains { file in
            let (plan, dataset) = (file.plan, file.plan.dataset)
            if pattern.takesAll(of: dataset) { return true }
            let others = plan.leftOutNames + plan.failures.compactMap(\.item)
            // A dataset that is not selected would have been an item, too.
            let volume = manifest.mode == .volumes ? [dataset] : []
            return file.items.contains { pattern.takes($0.name, ownName: $0.ownName, of: dataset) }
                || (others + volume).contains { pattern.takes($0, of: dataset) }
        } || vanished.contains { pattern.takesAll(of: $0) }
    }

    /// Names of items, written as the pattern is.
    private func itemNames(like pattern: ItemFilter.Pattern) -> [String] {
        plans.flatMap { file in
            file.items.map { pattern.dataset == nil ? $0.name : "\($0.dataset)/\($0.ownName)" }
        }
    }
}
