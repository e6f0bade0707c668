internal import JSONText
internal import Ledger
internal import Logging
internal import Threads

/// One run of a job, or of one of its tasks, from discover to the summaries, by a process that has been let in.
struct JobRun: Sendable {
    /// Claims of others that a task which is through watches: with hundreds of tasks, all of them together are watched by somebody.
    private static let watchedClaims = 16

    let context: JobContext
    let worker: Worker
    /// nil for a run of the whole job.
    let share: TaskShare?
    let stages: Set<Stage>

    private var failureLog: FailureLog { FailureLog(state: context.state) }

    func run() async throws -> Runner.Outcome {
        if share == nil { try await sweep() }
        let known = try await ThreadPool.files.run { () throws(LedgerError) in try failureLog.all() }
        let (plans, datasetFailures) = try await Discover(context, worker: worker, share: share, known: known).run()
        var outcome = Runner.Outcome()
        outcome.datasets = plans.count { $0.plan.isSelected }
        outcome.cropsWithoutClass = plans.reduce(0) { $0 + $1.plan.cropsWithoutClass }
        let only = try context.manifest.only.map { try Glob($0) }
        func isWanted(_ item: String, _ dataset: String) -> Bool {
            only.isEmpty || only.contains { $0.matches(item) || $0.matches("\(dataset)/\(item)") }
        }
        let planFailures =
            datasetFailures + plans.flatMap(\.plan.failures).filter { isWanted($0.item ?? "", $0.dataset) }
        for failure in planFailures { failure.log(to: context.logger) }
        let items = plans.flatMap(\.items).filter { isWanted($0.name, $0.dataset) }
        outcome.items = items.count
        context.progress.add(items: items.count)
        outcome.failures = planFailures
        guard stages.contains(where: { $0 != .discover }) else { return outcome }
        let markers = DoneMarkers(context)
        let isLast = try await work(on: items, markers, known, &outcome)
        // What is left undone is no failure: the reports wait for a run that ends by itself.
        if context.stop.isStopped { throw JobError.stopped }
        guard isLast else { return outcome }
        let isComplete = context.manifest.only.isEmpty
        try await finish(plans, markers, planFailures, isComplete: isComplete, &outcome)
        return outcome
    }

    /// Removes what killed processes have left of temporary files. Only for a process that is alone.
    private func sweep() async throws {
        let (output, state) = (context.output, context.state)
        try await ThreadPool.files.run { () throws(LedgerError) in
            try output.removeTemporaries(in: ["hdf5", "crops", "txt", "txt/zattrs"])
            try state.removeTemporaries(in: ["", "plans", "metadata", "volumes"])
        }
    }

    // MARK: Items

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
    /// - Returns: whether nothing is left to anybody.
    private func work(
        on items: [ItemEntry], _ markers: DoneMarkers, _ known: [String: FailureLog.Entry],
        _ outcome: inout Runner.Outcome
    ) async throws -> Bool {
        let schedule = Schedule(items, tasks: share?.count ?? 1)
        let own = schedule.shares[share?.index ?? 0].map { items[$0] }
        let crew = ItemCrew(context: context, worker: worker, stages: stages, markers: markers)
        var settled: Set<String> = []
        let marks = try await ThreadPool.files.run { () throws(LedgerError) in try markers.all() }
        let standing = try await standing(own, markers, marks)
        context.progress.finish(items: standing.count)
        outcome.alreadyDone = standing.count
        settled.formUnion(standing)
        let failedBefore = Set(known.keys)
        let endings = try await crew.work(
            on: own.filter { !standing.contains($0.name) }, width: ItemCrew.width, marks: marks, failed: failedBefore)
        take(endings, &outcome, &settled)
        guard let share, share.count > 1 else { return true }
        // The items of others: what has failed there is left to them, so that a broken item is not tried by everybody.
        let others = schedule.othersOrder(for: share.index).map { items[$0] }
        while !context.stop.isStopped {
            let survey = try await survey(markers)
            let open = (others + own).filter { item in
                !settled.contains(item.name) && survey.marks[item.name]?.digest != item.digest
                    && survey.failed[item.name] == nil
            }
            if open.isEmpty { return true }
            let free = open.filter { !survey.claimed.contains(ClaimName.item($0.name)) }
            if free.isEmpty {
                guard try await wait(for: open, share) else { return false }
                continue
            }
            let batch = Array(free.prefix(max(4, free.count / (2 * share.count))))
            let endings = try await crew.work(
                on: batch, width: min(4, ItemCrew.width), marks: survey.marks, failed: failedBefore)
            take(endings, &outcome, &settled)
        }
        return false
    }

    private func take(
        _ endings: [(item: ItemEntry, ending: ItemCrew.Ending)], _ outcome: inout Runner.Outcome,
        _ settled: inout Set<String>
    ) {
        for (item, ending) in endings {
            switch ending {
            case .done: outcome.done += 1
            case .already: outcome.alreadyDone += 1
            case .waiting(let stage): outcome.waiting[stage, default: 0] += 1
            case .failed(let failure): outcome.failures.append(failure)
            case .held, .stopped: continue
            }
            settled.insert(item.name)
        }
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
        while !context.stop.isStopped {
            let (unclear, held) = try await ThreadPool.files.run { () throws(LedgerError) in
                (try worker.freeDead(watched), Set(try Claims.all(in: context.state)))
            }
            if !watched.allSatisfy(held.contains) { return true }
            if unclear.isEmpty { return false }
            try await Task.sleep(for: .seconds(min(1, worker.watch.beatSeconds / 2)))
        }
        return false
    }

    // MARK: The end

    /// Writes the summaries and the failures of the whole job.
    private func finish(
        _ plans: [PlanFile], _ markers: DoneMarkers, _ planFailures: [Failure], isComplete: Bool,
        _ outcome: inout Runner.Outcome
    ) async throws {
        // Another one that is at it has seen the same: all is done.
        guard try await ThreadPool.files.run({ () throws(LedgerError) in try worker.claims.take(ClaimName.summaries) })
        else { return }
        let items = Set(plans.flatMap(\.items).map(\.name))
        let (marks, failed) = try await ThreadPool.files.run { () throws(LedgerError) in
            if isComplete { try markers.removeOthers() }
            var failed = try failureLog.all()
            // Failures of what is not in the job any more.
            for (name, entry) in failed where isComplete && entry.failure.item != nil && !items.contains(name) {
                try failureLog.forget(name)
                failed[name] = nil
            }
            return (try markers.all(), failed)
        }
        try await Summaries(context: context).write(marks: marks)
        let all = Set(planFailures + failed.values.map(\.failure)).sorted { $0.order < $1.order }
        try await FailureReport(context: context).write(all)
        try await ThreadPool.files.run { () throws(LedgerError) in
            try worker.clearDead()
            try worker.claims.release(ClaimName.summaries)
        }
        // A task that closes the job tells what became of all of it.
        if share != nil { outcome.failures = all }
    }
}

extension Failure {
    var order: (String, String, String) { (dataset, item ?? "", stage) }
}
