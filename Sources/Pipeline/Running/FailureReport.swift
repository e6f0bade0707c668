internal import Foundation
internal import JSONText
internal import Ledger
internal import Threads

/// What a run leaves behind of its failures: `state/failed.json`, a manifest of just those items, and `state/failures.json`, the
/// reasons. A run without failures removes both.
struct FailureReport: Sendable {
    static let manifestPath = "failed.json"
    static let reasonsPath = "failures.json"

    let context: JobContext

    func write(_ failures: [Failure]) async throws {
        let state = context.state
        guard !failures.isEmpty else {
            try await ThreadPool.files.run { () throws(LedgerError) in
                try state.remove(Self.manifestPath)
                try state.remove(Self.reasonsPath)
            }
            return
        }
        var manifest = context.manifest
        manifest.datasets = Set(failures.map(\.dataset)).sorted()
        manifest.only = failures.map { $0.item ?? "\($0.dataset)/*" }
        manifest.lists = manifest.lists.filter { manifest.datasets.contains($0.key) }
        manifest.regions = manifest.regions.filter { manifest.datasets.contains($0.dataset) }
        let text = manifest.json(relativeTo: manifest.state).prettyText + "\n"
        let reasons = try JSONFile.encode(failures, pretty: true)
        try await ThreadPool.files.run { () throws(LedgerError) in
            try state.update(Array(text.utf8), to: Self.manifestPath)
            try state.update(reasons, to: Self.reasonsPath)
        }
    }

    /// The failures of the last run. Blocks.
    static func read(in state: ConfinedFolder) throws(LedgerError) -> [Failure] {
        guard let text = try state.read(reasonsPath) else { return [] }
        return (try? JSONFile.decode([Failure].self, from: text)) ?? []
    }
}
