internal import Arrays
internal import Elements
internal import Job
internal import Planning
internal import Summaries
internal import Synchronization

/// The account of a run: what has become of each of its items. It balances where every item has an entry.
final class RunAccount: Sendable {
    enum Entry: Sendable, Hashable {
        /// This run has done what was asked for.
        case done
        /// It was complete before.
        case alreadyDone
        /// An earlier stage, which was not asked for, is not done.
        case waiting(Stage)
        case failed(Failure)
        /// Nothing is made of it, by the rules of the manifest.
        case leftOut(LeftOut.Reason)
        /// Another task has done it, has tried it in vain, or is at it.
        case elsewhere
    }

    private struct State: Sendable {
        var items: [ItemEntry.Version] = []
        var planFailures: [Failure] = []
        var entries: [ItemEntry.Version: Entry] = [:]
        var datasets = 0
        /// Items that are left out by the plans, for which reason.
        var leftOut: [LeftOut.Reason: Int] = [:]
        /// Of those that are left out, which have been told.
        var told: Set<[String]> = []
        /// What is on each side of the split, where there is one.
        var split: SplitCount?
        /// Files of earlier runs that were let go of, and their bytes.
        var freed = (files: 0, bytes: 0)
    }

    private let state = Mutex(State())

    /// Names the items of the run. Where some were planned anew, the entries of the others stay.
    ///
    /// - Parameters:
    ///   - leftOut: items that the plans leave out.
    ///   - failures: of items that could not be planned, and of datasets that could not be read, which are no items.
    func open(_ items: [ItemEntry], leftOut: [LeftOut] = [], failures: [Failure], datasets: Int) {
        state.withLock { state in
            state.leftOut = leftOut.reasons
            state.items = items.map(\.version)
            state.planFailures = failures
            state.datasets = datasets
        }
    }

    /// Notes that a file of an earlier run was let go of.
    func noteFreed(bytes: Int) {
        state.withLock { state in
            state.freed.files += 1
            state.freed.bytes = state.freed.bytes.saturatingAdd(bytes)
        }
    }

    /// The files that were let go of, and their bytes.
    var freed: (files: Int, bytes: Int) { state.withLock { $0.freed } }

    func note(_ split: SplitCount?) { state.withLock { $0.split = split } }

    func note(_ items: [ItemEntry], _ entry: Entry) {
        state.withLock { state in for item in items { state.entries[item.version] = entry } }
    }

    /// Names of the items whose labels have decided that they are left out.
    var leftOutNames: [String] {
        state.withLock { state in
            state.items.filter { if case .leftOut = state.entries[$0] { true } else { false } }.map(\.name)
        }
    }

    /// Whether this is the first time that a left-out item is to be told of: a run says it once.
    func isUntold(_ item: LeftOut) -> Bool {
        state.withLock { $0.told.insert([item.dataset, item.name]).inserted }
    }

    /// Forgets what was noted of an item: it is open again.
    func reopen(_ item: ItemEntry) { state.withLock { $0.entries[item.version] = nil } }

    /// Those of `items` that have this entry.
    func items(_ items: [ItemEntry], _ entry: Entry) -> [ItemEntry] {
        state.withLock { state in items.filter { state.entries[$0.version] == entry } }
    }

    /// Those of `items` that have no entry.
    func unsettled(_ items: [ItemEntry]) -> [ItemEntry] {
        state.withLock { state in items.filter { state.entries[$0.version] == nil } }
    }

    /// Takes in what other tasks have tried in vain, for the one that tells what became of all of the job.
    func takeIn(_ failures: [Failure]) {
        let byItem = Dictionary(failures.compactMap { failure in failure.item.map { ($0, failure) } }) { $1 }
        state.withLock { state in
            for item in state.items where state.entries[item] == .elsewhere {
                if let failure = byItem[item.name] { state.entries[item] = .failed(failure) }
            }
        }
    }

    /// How the run stands.
    var outcome: Runner.Outcome {
        let state = state.withLock { $0 }
        var outcome = Runner.Outcome()
        outcome.datasets = state.datasets
        // What could not be planned is an item all the same.
        outcome.failed = Set(state.planFailures.filter { $0.item != nil }.map { [$0.dataset, $0.item] }).count
        outcome.leftOutReasons = state.leftOut
        outcome.split = state.split
        outcome.items = state.items.count + outcome.failed + outcome.leftOut
        outcome.failures = state.planFailures
        for item in state.items {
            switch state.entries[item] {
            case .done: outcome.done += 1
            case .alreadyDone: outcome.alreadyDone += 1
            case .waiting(let stage): outcome.waiting[stage, default: 0] += 1
            case .failed(let failure):
                outcome.failed += 1
                outcome.failures.append(failure)
            case .leftOut(let reason):
                outcome.leftOutReasons[reason, default: 0] += 1
            case .elsewhere: outcome.elsewhere += 1
            case nil: outcome.unaccounted.append(item.name)
            }
        }
        return outcome
    }
}
