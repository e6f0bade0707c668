public import Arrays
internal import Elements
internal import JSONText
internal import Job
internal import Ledger
internal import Logging
internal import Manifest
internal import Planning
internal import Summaries
internal import Threads

/// One run of a job, or of one of its tasks, from discover to the summaries, by a process that has been let in.
struct JobRun: Sendable {
    let context: JobContext
    let worker: Worker
    /// nil for a run of the whole job.
    let share: TaskShare?
    let stages: Set<Stage>
    let account: RunAccount
    /// Whether the store is asked again what it holds.
    var refreshes = false
    /// Whether all outputs are read again, and made anew where they are not what their records say.
    var verifies = false
    /// Names of the items that are looked at; nil is all that the manifest means.
    var limit: Set<String>?

    /// So often a run begins again because something was planned anew by others, or was damaged.
    private static let maximumRounds = 64
    /// So often, where what is planned is the same as before: then what was made anew is damaged again.
    private static let maximumEqualRounds = 4

    private var failureLog: FailureLog { FailureLog(state: context.state) }

    /// How a round ended.
    private enum Round {
        case ended
        /// Some items have been planned anew by another process, or something in the state directory was damaged: once more.
        case again
    }

    func run() async throws {
        if share == nil { try await sweep() }
        let known = try await ThreadPool.files.run { () throws(LedgerError) in try failureLog.all() }
        var plansBefore: [Set<ItemEntry.Version>] = []
        for round in 0..<Self.maximumRounds {
            let discover = Discover(
                context, worker: worker, share: share, known: known, refreshes: refreshes && round == 0)
            let (plans, failures) = try await discover.run()
            guard case .again = try await run(plans, failures, known) else { return }
            let items = Set(plans.flatMap(\.items).map(\.version))
            guard plansBefore.count(where: { $0 == items }) < Self.maximumEqualRounds else { break }
            plansBefore.append(items)
        }
        throw JobError.cannotWrite(
            "\(context.state.path): files in it change or are damaged again and again while the job is running; is the disk healthy?"
        )
    }

    /// Works on what is planned.
    private func run(
        _ plans: [PlanFile], _ datasetFailures: [Failure], _ known: [String: FailureLog.Entry]
    ) async throws -> Round {
        let only = try ItemFilter(context.manifest.only)
        let allPlanFailures = datasetFailures + plans.flatMap(\.plan.failures)
        let planFailures = allPlanFailures.filter { only.takes($0) }
        for failure in planFailures { failure.log(to: context.logger) }
        let items = plans.flatMap(\.items).filter { only.takes($0) && limit?.contains($0.name) ?? true }
        let before = account.outcome
        let leftOut = plans.flatMap { $0.plan.leftOut ?? [] }.filter { only.takes($0.name, of: $0.dataset) }
        // Of several tasks one tells.
        if share?.index ?? 0 == 0 { for item in leftOut where account.isUntold(item) { item.log(to: context.logger) } }
        account.open(
            items, leftOut: leftOut, failures: planFailures, datasets: plans.count { $0.plan.isSelected })
        let opened = account.outcome
        context.progress.add(items: opened.items - before.items)
        context.progress.finish(items: opened.leftOut - before.leftOut)
        guard stages.contains(where: { $0 != .discover }) else {
            // Nothing else was asked for.
            account.note(items, .done)
            let (failures, names) = try await currentFailures(allPlanFailures, of: plans)
            try await FailureReport(context: context).write(failures, items: names)
            return .ended
        }
        if share?.index ?? 0 == 0, only.isEmpty, limit == nil {
            try await EarlierState(context: context).tell(items, leftOut: leftOut.map(\.name))
        }
        let markers = CompletionMarkers(context)
        let workers = ItemWorkers(
            context: context, worker: worker, stages: stages, verifies: verifies, markers: markers, account: account,
            known: known, isAlone: share == nil)
        let sharing = WorkSharing(
            context: context, worker: worker, share: share, workers: workers, known: known, refreshes: refreshes)
        let rest = try await sharing.work(on: items)
        tellOfFreed()
        // What is left undone is no failure: the reports wait for a run that ends by itself.
        if context.stop.isStopped { throw JobError.stopped }
        switch rest {
        case .superseded: return .again
        case .others: return .ended
        case .none: return try await finish(plans, markers, allPlanFailures, only, items)
        }
    }

    /// Removes what killed processes have left of temporary files. Only for a process that is alone.
    private func sweep() async throws {
        let (output, state, holdings) = (context.output, context.state, context.holdings)
        try await ThreadPool.files.run { () throws(LedgerError) in
            try output.removeTemporaries(in: ["hdf5", "crops", "txt", "txt/zattrs", ".work"])
            try state.removeTemporaries(in: ["", "plans", "metadata", "versions", "volumes"])
            try holdings.removeLeftovers()
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
            look: while true {
                try context.stop.check()
                let found = try await ThreadPool.files.run { () throws(LedgerError) in
                    try worker.look(at: ClaimName.summaries)
                }
                switch found {
                // On a refresh, another task may not have seen what this one has planned anew.
                case .gone where refreshes: break look
                case .alive where refreshes: try await Task.sleep(for: .milliseconds(50))
                case .gone, .alive: return false
                case .freed: break look
                case .unclear, .busy: try await Task.sleep(for: .seconds(min(0.25, worker.watch.beatSeconds / 2)))
                }
            }
        }
    }

    /// Writes the summaries and the failures of the whole job.
    private func finish(
        _ plans: [PlanFile], _ markers: CompletionMarkers, _ planFailures: [Failure], _ only: ItemFilter,
        _ wanted: [ItemEntry]
    ) async throws -> Round {
        guard try await takeSummaries() else { return .ended }
        let isComplete = only.isEmpty && limit == nil
        let marks = try await ThreadPool.files.run { () throws(LedgerError) in
            if isComplete { try markers.removeOthers() }
            try failureLog.removeDamaged()
            return try markers.all()
        }
        let (all, names) = try await currentFailures(planFailures, of: plans)
        // What other tasks have done was known by its marks alone up to now; whoever ends last looks at the files, too.
        let failed = Set(all.compactMap(\.item))
        let elsewhere = account.items(wanted, .elsewhere).filter { !failed.contains($0.name) }
        let standing = try await ThreadPool.files.run { () throws(LedgerError) in
            try markers.standing(elsewhere, marks)
        }
        var damaged = elsewhere.map(\.name).filter { !standing.contains($0) }
        // Other tasks may have planned datasets anew since.
        let present = try await share == nil ? PresentJob(context, known: plans) : PresentJob(context)
        let summaries = Summaries(context: context)
        var split: SplitCount?
        if damaged.isEmpty {
            let outcome = account.outcome
            let written = try await summaries.write(
                present, marks: marks,
                trustsMarks: isComplete && outcome.failures.isEmpty && outcome.waiting.isEmpty, readsAgain: verifies)
            (damaged, split) = (written.damaged, written.split)
        }
        let again = try await reopen(damaged, wanted, marks, markers)
        if again.isEmpty {
            // What is damaged and none of this run's is made again by one that it belongs to.
            if !damaged.isEmpty {
                let names = Set(damaged)
                split = try await summaries.write(
                    present, marks: marks.filter { !names.contains($0.key) }, trustsMarks: false, readsAgain: verifies
                ).split
            }
            tell(split)
            tellOfMissingNatives(marks, of: wanted)
            try await tellOfLeftovers(present)
            try await FailureReport(context: context).write(all, items: names)
        }
        try await ThreadPool.files.run { () throws(LedgerError) in
            // In this order: who finds the claim taken leaves what dead processes have left to the one that holds it.
            try worker.claims.release(ClaimName.summaries)
            try worker.clearDead()
            try JobIdentity.removeLeftovers(context)
        }
        guard again.isEmpty else { return .again }
        // A task that closes the job tells what became of all of it.
        if share != nil { account.takeIn(all.filter { only.takes($0) }) }
        return .ended
    }

    /// Says which files in `crops` are of items of which nothing is made any more: who reads the folder takes them for the job's.
    private func tellOfLeftovers(_ present: PresentJob) async throws {
        let context = context
        let leftOut = Set(
            present.plans.flatMap(\.plan.leftOutNames) + (account.leftOutNames))
        let made = Set(present.items.map(\.name)).subtracting(leftOut)
        let survey = RecordSurvey(context, present)
        let names = try await ThreadPool.files.run { () throws(LedgerError) -> [String] in
            var names: [String] = []
            for file in try context.output.list("crops") where file.hasByteSuffix(".h5") {
                let name = String(file.dropLast(3))
                guard !made.contains(name), leftOut.contains(name) || survey.isForeign(name),
                    try context.state.fileSize("records/\(name)/resize.json") != nil
                else { continue }
                names.append(name)
            }
            return names.sortedByBytes()
        }
        guard !names.isEmpty else { return }
        let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
        context.logger.warning(
            "\(names.count) files in \(context.output.path)/crops are no longer the job's (\(shown)): cristae prune lists them, and removes them with --delete",
            metadata: ["event": "leftovers"])
    }

    /// Notes what is on each side of the split, and warns of sides that have nothing.
    private func tell(_ count: SplitCount?) {
        account.note(count)
        guard let count, let split = context.manifest.split else { return }
        for side in count.empty(split) {
            context.logger.warning(
                "split: no crop is on the side \(side); the sides are drawn \(split.by.rawValue) by \(split.by.rawValue): another split.seed or share may fill it",
                metadata: ["event": "split_empty", "side": "\(side)"])
        }
    }

    /// Says which files at native resolution of earlier runs were let go of.
    private func tellOfFreed() {
        let freed = account.freed
        guard freed.files > 0 else { return }
        context.logger.notice(
            "\(freed.files) files with \(freed.bytes) bytes removed from \(context.output.path)/hdf5: convert.keep_native is false",
            metadata: ["event": "native_removed", "files": "\(freed.files)", "bytes": "\(freed.bytes)"])
    }

    /// Says how many items have no file at native resolution, though it is to be kept now: nothing is fetched again for it.
    private func tellOfMissingNatives(_ marks: [String: CompletionMarkers.Marker], of items: [ItemEntry]) {
        guard context.manifest.convert.keepNative else { return }
        let count = items.count { item in marks[item.name].map { $0.nativeBytes == nil } ?? false }
        guard count > 0 else { return }
        context.logger.notice(
            "\(count) items have no file in \(context.output.path)/hdf5: they were made with convert.keep_native false; remove their files in crops to have both made again",
            metadata: ["event": "native_missing", "items": "\(count)"])
    }

    /// Opens items again that are marked as complete, but whose records are damaged, or whose files are not what the marks say.
    ///
    /// - Returns: their names.
    private func reopen(
        _ damaged: [String], _ wanted: [ItemEntry], _ marks: [String: CompletionMarkers.Marker],
        _ markers: CompletionMarkers
    ) async throws -> [String] {
        guard !damaged.isEmpty else { return [] }
        for name in damaged {
            context.logger.warning(
                "\(context.state.path)/records/\(name): a record or a file of it is damaged or missing: it is looked at again",
                metadata: ["item": "\(name)", "event": "state_damaged"])
        }
        let names = Set(damaged)
        let items = wanted.filter { names.contains($0.name) }
        for item in items { account.reopen(item) }
        try await ThreadPool.files.run { () throws(LedgerError) in
            for name in damaged { if let mark = marks[name] { try markers.remove(mark) } }
        }
        return items.map(\.name)
    }

    /// Forgets the failures of what is not in the job any more.
    ///
    /// - Parameter planFailures: all of them, whether they are asked for or not.
    /// - Returns: all failures of the job, and the names of its items.
    private func currentFailures(
        _ planFailures: [Failure], of plans: [PlanFile]
    ) async throws -> (failures: [Failure], items: Set<String>) {
        let names = Set(plans.flatMap(\.items).map(\.name))
        let (datasets, planned) = (context.manifest.datasetGlobs, Set(plans.map(\.plan.dataset)))
        let failed = try await ThreadPool.files.run { () throws(LedgerError) in
            var failed = try failureLog.all()
            for (name, entry) in failed {
                // A dataset that could not be read this time may still have the item.
                let isKnown = entry.failure.item.map(names.contains) ?? false
                let isOpen = entry.failure.item == nil || !planned.contains(entry.failure.dataset)
                if isKnown || (isOpen && datasets.matches(entry.failure.dataset)) { continue }
                try failureLog.forget(name)
                failed[name] = nil
            }
            return failed.values.map(\.failure)
        }
        return (Set(planFailures + failed).sorted { $0.order < $1.order }, names)
    }
}

extension Failure {
    public var order: (String, String, String) { (dataset, item ?? "", stage) }
}
