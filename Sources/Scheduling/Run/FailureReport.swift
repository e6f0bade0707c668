internal import Arrays
internal import Elements
internal import Foundation
internal import JSONText
internal import Job
internal import Ledger
internal import Manifest
internal import Threads

/// What a run leaves behind of its failures: `state/failed.json`, a manifest of just those items. The reasons lie beside it, in
/// ``FailureLog``. A run without failures removes it.
struct FailureReport: Sendable {
    static let manifestPath = "failed.json"

    let context: JobContext

    /// - Parameter items: names of all items of the job.
    func write(_ failures: [Failure], items: Set<String>) async throws {
        guard !failures.isEmpty else {
            try await context.state.run {
                _ = try context.state.folder.remove(Self.manifestPath)
            }
            return
        }
        var members = manifest(of: failures, items: items).json(relativeTo: context.manifest.state).object ?? [:]
        // Classes that nobody has named must not be named here: they would have to be there then.
        if !context.manifest.namesClasses.isGiven { members[Manifest.key(of: \.classes)] = nil }
        let text = JSONValue.object(members).prettyText + "\n"
        try await context.state.run {
            try context.state.folder.update(Array(text.utf8), to: Self.manifestPath)
        }
    }

    /// The job, with patterns for just what failed.
    ///
    /// The datasets stay those of the job: which names items have, and what the summaries list, depends on all of them.
    private func manifest(of failures: [Failure], items: Set<String>) -> Manifest {
        var manifest = context.manifest
        var patterns: Set<String> = []
        for failure in failures {
            let dataset = ItemFilter.literal(failure.dataset)
            guard let item = failure.item else {
                patterns.insert("\(dataset)/*")
                if dataset == failure.dataset, !manifest.datasets.contains(dataset) {
                    manifest.datasets.append(dataset)
                }
                continue
            }
            // What could not be planned has the name that it has within its dataset; an item of another one may be called the same.
            let isPlanned = failure.stage != .discover
            let name = ItemFilter.literal(item)
            patterns.insert(isPlanned || !items.contains(item) ? name : "\(dataset)/\(name)")
        }
        manifest.only = patterns.sorted()
        return manifest
    }
}
