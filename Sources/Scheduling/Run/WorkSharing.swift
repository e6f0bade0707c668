internal import Arrays
internal import JSONText
internal import Job
internal import Ledger
internal import Planning
internal import Threads

/// Who works on which items: each process on its own share first, then on what nobody has. In the end it makes sure that others are at
/// work on each of the rest.
struct WorkSharing: Sendable {
    /// Claims of others that a task which is through watches: with hundreds of tasks, all of them together are watched by somebody.
    private static let watchedClaims = 16
    /// Items of others that a task tries to get before it looks around again.
    private static let leastBatch = 16

    let context: JobContext
    let worker: Worker
    /// nil for a run of the whole job.
    let share: TaskShare?
    let workers: ItemWorkers
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
        var marks: [String: CompletionMarkers.Marker]
        var claimed: Set<String>
        var failed: [String: FailureLog.Entry]
    }

    private func survey(_ markers: CompletionMarkers) async throws -> Survey {
        try await ThreadPool.files.run { () throws(LedgerError) in
            // The claims first: what is done after this look is still claimed here, and not taken for an item that nobody has.
            let claimed = Set(try Claims.all(in: context.state))
            return Survey(marks: try markers.all(), claimed: claimed, failed: try failureLog.all())
        }
    }

    /// Works on the items of this process, then on those that nobody has. What becomes of each is noted in the account.
    func work(on items: [ItemEntry]) async throws -> Rest {
        let account = workers.account
        let schedule = Schedule(items, tasks: share?.count ?? 1)
        let markers = workers.markers
        let failedBefore = Set(known.keys)
        var marks = try await ThreadPool.files.run { () throws(LedgerError) in try markers.all() }
        if refreshes || workers.verifies {
            let endings = try await workers.work(
                on: account.unsettled(refreshed(items)), width: ItemWorkers.width, marks: marks, failed: failedBefore,
                refreshes: refreshes)
            if Self.isSuperseded(endings) { return .superseded }
            marks = try await ThreadPool.files.run { () throws(LedgerError) in try markers.all() }
        }
        let own = account.unsettled(schedule.shares[share?.index ?? 0].map { items[$0] })
        let standing = try await standing(own, markers, marks)
        context.progress.finish(items: standing.count)
        account.note(own.filter { standing.contains($0.name) }, .alreadyDone)
        let endings = try await workers.work(
            on: own.filter { !standing.contains($0.name) }, width: ItemWorkers.width, marks: marks,
            failed: failedBefore,
            refreshes: refreshes)
        if Self.isSuperseded(endings) { return .superseded }
        let share = share ?? TaskShare(index: 0, count: 1)
        // Alone, too, an item may have been held: by a claim that a dead process has left.
        guard share.count > 1 || !account.unsettled(own).isEmpty else { return .none }
        // The items of others: what has failed there is left to them, so that a broken item is not tried by everybody.
        var open = schedule.othersOrder(for: share.index).map { items[$0] } + own
        while !context.stop.isStopped {
            let survey = try await survey(markers)
            // What is done stays done: the list gets shorter with each look.
            open = account.unsettled(open)
            account.note(
                open.filter { survey.marks[$0.name]?.digest == $0.digest || survey.failed[$0.name] != nil }, .elsewhere)
            open = account.unsettled(open)
            if open.isEmpty { return .none }
            let free = open.filter { !survey.claimed.contains(ClaimName.item($0.name)) }
            if free.isEmpty {
                if try await wait(for: open, share) { continue }
                guard !context.stop.isStopped else { break }
                account.note(open, .elsewhere)
                return .others
            }
            let batch = Array(free.prefix(max(Self.leastBatch, free.count / (2 * share.count))))
            let endings = try await workers.work(
                on: batch, width: min(4, ItemWorkers.width), marks: survey.marks, failed: failedBefore)
            if Self.isSuperseded(endings) { return .superseded }
            // Others were quicker with all of them: their claims are there at the next look.
            if !endings.contains(where: { $0.ending.entry != nil }) { try await Task.sleep(for: .milliseconds(20)) }
        }
        return .others
    }

    private static func isSuperseded(_ endings: [(item: ItemEntry, ending: ItemWorkers.Ending)]) -> Bool {
        endings.contains { if case .superseded = $0.ending { true } else { false } }
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

    /// Of `items` those that are complete by their marks, looked up on several threads.
    private func standing(
        _ items: [ItemEntry], _ markers: CompletionMarkers, _ marks: [String: CompletionMarkers.Marker]
    ) async throws -> Set<String> {
        let part = max(256, (items.count + ThreadPool.files.width - 1) / ThreadPool.files.width)
        let parts = stride(from: 0, to: items.count, by: part).map { Array(items[$0..<min($0 + part, items.count)]) }
        return try await concurrentMap(parts) { part in
            try await ThreadPool.files.run { () throws(LedgerError) in try markers.standing(part, marks) }
        }.reduce(into: []) { $0.formUnion($1) }
    }

    /// Waits until the processes that hold the last items are seen to be alive, or let go of them, or are dead and their claims free.
    ///
    /// - Returns: whether there is something to look for again; false where somebody alive is at each of those left.
    private func wait(for open: [ItemEntry], _ share: TaskShare) async throws -> Bool {
        let claims = open.map { ClaimName.item($0.name) }
        let offset = claims.count * share.index / share.count
        let watched = Array((claims[offset...] + claims[..<offset]).prefix(Self.watchedClaims))
        // The claims are listed again and again, which is cheap; their owners are looked at when there may be something new to see.
        var lastLook = -Double.infinity
        // Soon at first: the last items of others mostly end at about the same time as one's own.
        var pause = min(0.05, worker.watch.beatSeconds / 4)
        let begin = OwnerWatch.monotonicSeconds()
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
                guard OwnerWatch.monotonicSeconds() - begin < 2 * worker.watch.claimSeconds + 60 else {
                    throw JobError.locked(
                        "\(context.state.path)/claims/\(unclear[0]): its holder gives no sign of life, but cannot be taken over"
                    )
                }
            }
            try await Task.sleep(for: .seconds(pause))
            pause = min(1.5 * pause, 1, worker.watch.beatSeconds / 4)
        }
        return false
    }
}
