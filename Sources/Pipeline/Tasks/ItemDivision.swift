internal import JSONText
internal import Ledger
internal import Threads

/// Who works on which items: each process on its own share first, then on what nobody has, and in the end it makes sure that the rest
/// is in good hands.
struct ItemDivision: Sendable {
    /// Claims of others that a task which is through watches: with hundreds of tasks, all of them together are watched by somebody.
    private static let watchedClaims = 16
    /// Items of others that a task tries to get before it looks around again.
    private static let leastBatch = 16

    let context: JobContext
    let worker: Worker
    /// nil for a run of the whole job.
    let share: TaskShare?
    let crew: ItemCrew
    /// The failures that lay there when this process began.
    let known: [String: FailureLog.Entry]
    /// Whether the store is asked if it still holds what complete items were made from.
    var refreshes = false

    /// What is left when a process has done what it can.
    enum Rest: Sendable {
        case none
        /// Others are at work.
        case others
        /// Some items have been planned anew.
        case superseded
    }

    private var failureLog: FailureLog { FailureLog(state: context.state) }

    /// What a process knows of the items while it works.
    private struct Survey {
        var marks: [String: DoneMarkers.Mark]
        var claimed: Set<String>
        var failed: [String: FailureLog.Entry]
    }

    private func survey(_ markers: DoneMarkers) async throws -> Survey {
        try await ThreadPool.files.run { () throws(LedgerError) in
            Survey(
                marks: try markers.all(), claimed: Set(try Claims.all(in: context.state)),
                failed: try failureLog.all())
        }
    }

    /// Works on the items of this process, then on those that nobody has.
    ///
    /// - Parameter settled: items that are through.
    func work(
        on items: [ItemEntry], _ settled: inout Set<ItemEntry.Version>, _ outcome: inout Runner.Outcome
    ) async throws -> Rest {
        let schedule = Schedule(items, tasks: share?.count ?? 1)
        let markers = crew.markers
        let failedBefore = Set(known.keys)
        var marks = try await ThreadPool.files.run { () throws(LedgerError) in try markers.all() }
        if refreshes || crew.verifies {
            let before = settled
            let endings = try await crew.work(
                on: refreshed(items).filter { !before.contains($0.version) }, width: ItemCrew.width, marks: marks,
                failed: failedBefore, refreshes: refreshes)
            guard take(endings, &outcome, &settled) else { return .superseded }
            marks = try await ThreadPool.files.run { () throws(LedgerError) in try markers.all() }
        }
        let before = settled
        let own = schedule.shares[share?.index ?? 0].map { items[$0] }.filter { !before.contains($0.version) }
        let standing = try await standing(own, markers, marks)
        context.progress.finish(items: standing.count)
        outcome.alreadyDone += standing.count
        settled.formUnion(own.filter { standing.contains($0.name) }.map(\.version))
        let endings = try await crew.work(
            on: own.filter { !standing.contains($0.name) }, width: ItemCrew.width, marks: marks, failed: failedBefore,
            refreshes: refreshes)
        guard take(endings, &outcome, &settled) else { return .superseded }
        guard let share, share.count > 1 else { return .none }
        // The items of others: what has failed there is left to them, so that a broken item is not tried by everybody.
        var open = schedule.othersOrder(for: share.index).map { items[$0] } + own
        while !context.stop.isStopped {
            let survey = try await survey(markers)
            // What is done stays done: the list gets shorter with each look.
            let before = settled
            open.removeAll { item in
                before.contains(item.version) || survey.marks[item.name]?.digest == item.digest
                    || survey.failed[item.name] != nil
            }
            if open.isEmpty { return .none }
            let free = open.filter { !survey.claimed.contains(ClaimName.item($0.name)) }
            if free.isEmpty {
                guard try await wait(for: open, share) else { return .others }
                continue
            }
            let batch = Array(free.prefix(max(Self.leastBatch, free.count / (2 * share.count))))
            let endings = try await crew.work(
                on: batch, width: min(4, ItemCrew.width), marks: survey.marks, failed: failedBefore)
            guard take(endings, &outcome, &settled) else { return .superseded }
        }
        return .others
    }

    /// The items that this process looks at on a refresh, or reads again, the costliest first. Which of several tasks it is, an item's name alone
    /// decides: they may not have the same plans, while one of them is planning a dataset anew.
    private func refreshed(_ items: [ItemEntry]) -> [ItemEntry] {
        guard let share, share.count > 1 else { return Schedule(items, tasks: 1).shares[0].map { items[$0] } }
        let own = items.filter { item in
            let number = Int(Fingerprint(of: .string(item.name)).description.prefix(8), radix: 16) ?? 0
            return number % share.count == share.index
        }
        return Schedule(own, tasks: 1).shares[0].map { own[$0] }
    }

    /// - Returns: false where some have been planned anew.
    private func take(
        _ endings: [(item: ItemEntry, ending: ItemCrew.Ending)], _ outcome: inout Runner.Outcome,
        _ settled: inout Set<ItemEntry.Version>
    ) -> Bool {
        var isCurrent = true
        for (item, ending) in endings {
            switch ending {
            case .done: outcome.done += 1
            case .already: outcome.alreadyDone += 1
            case .waiting(let stage): outcome.waiting[stage, default: 0] += 1
            case .failed(let failure): outcome.failures.append(failure)
            case .failedElsewhere: break
            case .superseded:
                isCurrent = false
                continue
            case .held, .stopped: continue
            }
            settled.insert(item.version)
        }
        return isCurrent
    }

    /// Of `items` those that are complete by their marks, looked up on several threads.
    private func standing(
        _ items: [ItemEntry], _ markers: DoneMarkers, _ marks: [String: DoneMarkers.Mark]
    ) async throws -> Set<String> {
        let part = max(256, (items.count + ThreadPool.files.width - 1) / ThreadPool.files.width)
        let parts = stride(from: 0, to: items.count, by: part).map { Array(items[$0..<min($0 + part, items.count)]) }
        return try await concurrentMap(parts) { part in
            try await ThreadPool.files.run { () throws(LedgerError) in try markers.standing(part, marks) }
        }.reduce(into: []) { $0.formUnion($1) }
    }

    /// Waits until the processes that hold the last items are seen to be alive, or let go of them, or are dead and their claims free.
    ///
    /// - Returns: whether there is something to look for again; false where everything left is in good hands.
    private func wait(for open: [ItemEntry], _ share: TaskShare) async throws -> Bool {
        let claims = open.map { ClaimName.item($0.name) }
        let offset = claims.count * share.index / share.count
        let watched = Array((claims[offset...] + claims[..<offset]).prefix(Self.watchedClaims))
        // The claims are listed again and again, which is cheap; their owners are looked at when there may be something new to see.
        var lastLook = -Double.infinity
        // Soon at first: the last items of others mostly end at about the same time as one's own.
        var pause = min(0.05, worker.watch.beatSeconds / 4)
        while !context.stop.isStopped {
            let held = try await ThreadPool.files.run { () throws(LedgerError) in
                Set(try Claims.all(in: context.state))
            }
            guard watched.allSatisfy(held.contains) else { return true }
            if OwnerWatch.monotonicSeconds() - lastLook >= worker.watch.beatSeconds / 3 {
                lastLook = OwnerWatch.monotonicSeconds()
                let unclear = try await ThreadPool.files.run { () throws(LedgerError) in try worker.freeDead(watched) }
                if unclear.isEmpty {
                    // Either those who hold them are alive, or their claims have just become free.
                    return try await ThreadPool.files.run { () throws(LedgerError) in
                        let left = try Claims.all(in: context.state)
                        return !watched.allSatisfy(left.contains)
                    }
                }
            }
            try await Task.sleep(for: .seconds(pause))
            pause = min(1.5 * pause, 1, worker.watch.beatSeconds / 4)
        }
        return false
    }
}
