internal import Arrays
internal import Job
internal import Ledger
internal import Logging
internal import Manifest
internal import Planning
internal import Stores
internal import Threads

/// `--refresh`: whether the store still holds what an item was made from.
extension ItemRunner {
    private enum Changes {
        case none
        case some([ObjectVersion])
        /// It is not known which versions the item was made from.
        case unknown
    }

    /// Asks the store whether what was downloaded is still the same. Where it is not, forgets what has changed, and with it the record of the
    /// download; what follows from it is left to the fingerprints.
    ///
    /// - Parameter beforehand: called before anything is forgotten, and blocks.
    /// - Returns: whether something has changed.
    func refresh(_ done: DoneStages, beforehand: @escaping @Sendable () throws -> Void) async throws -> Bool {
        guard let downloaded = done.download else { return false }
        do {
            return try await refreshed(downloaded, beforehand)
        } catch let damage as HoldingsDamage {
            throw damage.failure
        }
    }

    private func refreshed(_ downloaded: Record, _ beforehand: @escaping @Sendable () throws -> Void) async throws
        -> Bool
    {
        try await stageErrors(.download) {
            switch try await context.progress.working(plan.name, "refresh", { try await changes(since: downloaded) }) {
            case .none: return false
            case .some(let changes):
                tell(changes)
                try await forget(Set(changes.map(\.key)), beforehand)
            case .unknown:
                context.logger.notice(
                    "\(plan.name): it is not known which versions of its objects it was made from: all are fetched again",
                    metadata: ["item": "\(plan.name)", "event": "item_changed"])
                try await forget(nil, beforehand)
            }
            return true
        }
    }

    private func changes(since downloaded: Record) async throws -> Changes {
        let arrays = try plan.arrays.map { try PlannedArray($0, store: context.store.url) }
        do {
            let file = try await context.state.run {
                try VersionFile(of: plan.name, fingerprint: downloaded.fingerprint, in: context.state.folder)
            }
            guard let file else { return .unknown }
            // A volume whose packs are gone is made anew as a whole.
            let changes = try await SourceCheck(store: context.store, stop: context.stop, arrays: arrays).changes(
                in: file, isOneEnough: job.isMadeAnewAsAWhole)
            return changes.isEmpty ? .none : .some(changes)
        } catch let error as LedgerError where error.code == .corrupt {
            return .unknown
        }
    }

    /// The record goes first: a kill after it makes the next run look at the rest.
    private func forget(_ changes: Set<String>?, _ beforehand: @escaping @Sendable () throws -> Void) async throws {
        try await context.state.run {
            try beforehand()
            try context.state.records.remove(item: plan.name, stage: .download)
            try job.forget(changes)
        }
    }

    private func tell(_ changes: [ObjectVersion]) {
        guard let first = changes.first else { return }
        let more = changes.count > 1 ? " (and \(changes.count - 1) more)" : ""
        let unmarked = changes.count { $0.metadata.map { !$0.identifiesVersion } ?? false }
        let note = unmarked > 0 ? "; the store does not say which version \(unmarked) of them are" : ""
        context.logger.notice(
            "\(plan.name): \(context.store.url.url(of: first.key)) has changed\(more)\(note)",
            metadata: ["item": "\(plan.name)", "event": "item_changed", "changed": .stringConvertible(changes.count)])
    }
}
