internal import Elements
internal import Foundation
internal import JSONText
internal import Ledger
internal import Threads

/// What a run leaves behind of its failures: `state/failed.json`, a manifest of just those items. The reasons lie beside it, in
/// ``FailureLog``. A run without failures removes it.
struct FailureReport: Sendable {
    static let manifestPath = "failed.json"

    let context: JobContext

    func write(_ failures: [Failure]) async throws {
        let state = context.state
        guard !failures.isEmpty else {
            try await ThreadPool.files.run { () throws(LedgerError) in
                _ = try state.remove(Self.manifestPath)
            }
            return
        }
        var manifest = context.manifest
        manifest.datasets = Set(failures.map(\.dataset)).sorted()
        manifest.only = Set(failures.map { $0.item ?? "\($0.dataset)/*" }).sorted()
        manifest.lists = manifest.lists.filter { manifest.datasets.hasName($0.key) }
        manifest.regions = manifest.regions.filter { manifest.datasets.hasName($0.dataset) }
        let text = manifest.json(relativeTo: manifest.state).prettyText + "\n"
        try await ThreadPool.files.run { () throws(LedgerError) in
            try state.update(Array(text.utf8), to: Self.manifestPath)
        }
    }
}
