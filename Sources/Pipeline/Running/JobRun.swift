internal import JSONText
internal import Ledger
internal import Logging
internal import Threads

/// One run of a job, or of one of its tasks, from discover to the summaries, by a process that has been let in.
struct JobRun: Sendable {
    let context: JobContext
    let worker: Worker
    /// nil for a run of the whole job.
    let share: TaskShare?
    let stages: Set<Stage>
    /// Whether the store is asked again what it holds.
    var refreshes = false

    private var failureLog: FailureLog { FailureLog(state: context.state) }

    func run() async throws -> Runner.Outcome {
        if share == nil { try await sweep() }
        let known = try await ThreadPool.files.run { () throws(LedgerError) in try failureLog.all() }
        var outcome = Runner.Outcome()
        var settled: Set<ItemEntry.Version> = []
        var isFirst = true
        while true {
            let discover = Discover(
                context, worker: worker, share: share, known: known, refreshes: refreshes && isFirst)
            let (plans, failures) = try await discover.run()
            if try await run(plans, failures, known, &settled, &outcome) { return outcome }
            // Some have been planned anew by another process.
            isFirst = false
        }
    }

    /// Works on what is planned.
    ///
    /// - Parameter settled: items that are through.
    /// - Returns: false where some of it has been planned anew meanwhile.
    private func run(
        _ plans: [PlanFile], _ datasetFailures: [Failure], _ known: [String: FailureLog.Entry],
        _ settled: inout Set<ItemEntry.Version>, _ outcome: inout Runner.Outcome
    ) async throws -> Bool {
        outcome.datasets = plans.count { $0.plan.isSelected }
        outcome.cropsWithoutClass = plans.reduce(0) { $0 + $1.plan.withoutClass.count }
        let only = try context.manifest.only.map { try Glob($0) }
        func isWanted(_ item: String, _ dataset: String) -> Bool {
            only.isEmpty || only.contains { $0.matches(item) || $0.matches("\(dataset)/\(item)") }
        }
        let planFailures =
            datasetFailures + plans.flatMap(\.plan.failures).filter { isWanted($0.item ?? "", $0.dataset) }
        for failure in planFailures { failure.log(to: context.logger) }
        let items = plans.flatMap(\.items).filter { isWanted($0.name, $0.dataset) }
        context.progress.add(items: items.count - outcome.items)
        outcome.items = items.count
        outcome.failures = planFailures + outcome.failures.filter { !planFailures.contains($0) }
        guard stages.contains(where: { $0 != .discover }) else { return true }
        let markers = DoneMarkers(context)
        let crew = ItemCrew(context: context, worker: worker, stages: stages, markers: markers, known: known)
        let division = ItemDivision(
            context: context, worker: worker, share: share, crew: crew, known: known, refreshes: refreshes)
        let rest = try await division.work(on: items, &settled, &outcome)
        // What is left undone is no failure: the reports wait for a run that ends by itself.
        if context.stop.isStopped { throw JobError.stopped }
        switch rest {
        case .superseded: return false
        case .others: return true
        case .none: break
        }
        let isComplete = context.manifest.only.isEmpty
        try await finish(plans, markers, planFailures, isComplete: isComplete, &outcome)
        return true
    }

    /// Removes what killed processes have left of temporary files. Only for a process that is alone.
    private func sweep() async throws {
        let (output, state) = (context.output, context.state)
        try await ThreadPool.files.run { () throws(LedgerError) in
            try output.removeTemporaries(in: ["hdf5", "crops", "txt", "txt/zattrs"])
            try state.removeTemporaries(in: ["", "plans", "metadata", "versions", "volumes"])
        }
    }

    // MARK: The end

    /// Takes the right to write the summaries; false where somebody alive has it, or had it just now: that one has seen the same, all is done.
    private func takeSummaries() async throws -> Bool {
        let worker = worker
        while true {
            let isTaken = try await ThreadPool.files.run { () throws(LedgerError) in
                try worker.claims.take(ClaimName.summaries)
            }
            if isTaken { return true }
            var found = Worker.Held.unclear
            while found == .unclear {
                try context.stop.check()
                found = try await ThreadPool.files.run { () throws(LedgerError) in
                    try worker.look(at: ClaimName.summaries)
                }
                if found == .unclear { try await Task.sleep(for: .seconds(min(0.25, worker.watch.beatSeconds / 2))) }
            }
            if found != .freed { return false }
        }
    }

    /// Writes the summaries and the failures of the whole job.
    private func finish(
        _ plans: [PlanFile], _ markers: DoneMarkers, _ planFailures: [Failure], isComplete: Bool,
        _ outcome: inout Runner.Outcome
    ) async throws {
        guard try await takeSummaries() else { return }
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
            // In this order: who finds the claim taken leaves what dead processes have left to the one that holds it.
            try worker.claims.release(ClaimName.summaries)
            try worker.clearDead()
        }
        // A task that closes the job tells what became of all of it.
        if share != nil { outcome.failures = all }
    }
}

extension Failure {
    var order: (String, String, String) { (dataset, item ?? "", stage) }
}
