internal import Arrays
internal import JSONText
internal import Job
internal import Ledger
internal import Logging
internal import Manifest
internal import Planning
internal import Stores
internal import Threads

/// Takes one item through its stages, from the first that is not done.
struct ItemRunner: Sendable {
    let context: JobContext
    let plan: ItemPlan
    /// Items that download at a time.
    let downloading: ByteBudget
    /// Items that compute at a time.
    let computing: ByteBudget

    private var records: ItemRecords { ItemRecords(plan, context) }

    /// The stages whose records are today's and whose outputs are there. Blocks.
    func done() throws -> DoneStages { try records.done() }

    func record(_ stage: Stage) throws -> Record? { try records.record(stage) }

    var job: any ItemJob { plan.job(context) }

    /// Does what is left to do of `stages`, as far as the stages before are done.
    ///
    /// - Parameter verifies: whether what an unfinished download holds may be of an earlier state of the source.
    /// - Returns: what is done now.
    /// - Throws: ``Failure`` with the stage it happened in; ``JobError`` where the whole job has to end.
    func run(_ known: DoneStages, stages: Set<Stage>, verifies: Bool = false) async throws -> DoneStages {
        var (done, round, verifies) = (try await withoutDamagedSource(known, stages), 0, verifies)
        while true {
            do {
                return try await runOnce(done, stages: stages, verifies: verifies, repairs: round > 0)
            } catch let damage as HoldingsDamage {
                round += 1
                // Where all entries are whole, they are others than they should be.
                if try await heal(damage, round: round) == 0 { verifies = true }
                guard round <= HoldingsDamage.maximumHealings, stages.contains(.download) else { throw damage.failure }
                done = try await context.state.run { try self.done() }
            }
        }
    }

    private func runOnce(
        _ known: DoneStages, stages: Set<Stage>, verifies: Bool, repairs: Bool
    ) async throws -> DoneStages {
        var done = known
        if done.download == nil, stages.contains(.download) {
            _ = try await downloading.with(1) {
                try await stage(.download) {
                    try await job.download(verifies: verifies, repairs: repairs)
                }
            }
            // What was made from the same objects before still stands.
            done = try await context.state.run { try self.done() }
        }
        guard done.download != nil, done.leftOut == nil else { return done }
        // One item after the other through all of these stages: its chunks are still in memory then.
        let downloaded = done
        return try await computing.with(1) {
            try await withTaskExecutorPreference(ThreadPool.compute) {
                try await compute(downloaded, stages: stages)
            }
        }
    }

    /// The stages after the download.
    private func compute(_ known: DoneStages, stages: Set<Stage>) async throws -> DoneStages {
        var done = known
        guard let download = done.download else { return done }
        let handsOver = done.convert == nil && stages.contains(.convert) && stages.contains(.resize)
        let kept = await ChunkHandover(handsOver ? job.handoverByteCount : 0, in: context.kept)
        defer { kept.drop() }
        var entry: JSONValue?
        if done.convert == nil, stages.contains(.convert) {
            let measures = stages.contains(.stat)
            let converted = try await stage(.convert) {
                try await job.convert(download: download, kept, measures: measures)
            }
            done.convert = converted.record
            entry = converted.entry
            // The same file as before, which was missing or damaged: what was made from it still stands.
            (done.stat, done.resize) = try await context.state.run {
                let found = try records.following(converted.record)
                return (found.stat, try found.resize.flatMap { try records.hasOutputs($0) ? $0 : nil })
            }
        }
        kept.close()
        guard let convert = done.convert else { return done }
        async let removal: Void = context.state.run { try job.removeDownloaded() }
        if done.stat == nil, stages.contains(.stat) {
            let found = entry
            done.stat = try await stage(.stat) {
                try await Stat(context: context, plan: plan, kept: kept).run(convert: convert, entry: found)
            }
        }
        if !done.isMeasured, stages.contains(.resize) {
            let (resize, known) = (Resize(context: context, plan: plan, kept: kept), done.resize)
            done.resize = try await stage(.resize) {
                if let known { try await resize.measureAgain(known) } else { try await resize.run(convert: convert) }
            }
        }
        try await removal
        return done
    }

    private func stage<R: Sendable>(
        _ stage: Stage, _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        try context.stop.check()
        return try await stageErrors(stage) { try await context.progress.working(plan.name, stage.rawValue, body) }
    }

    /// Runs `body`; its errors become those of the job or of the item.
    func stageErrors<R: Sendable>(_ stage: Stage, _ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch {
            if context.stop.isStopped { throw JobError.stopped }
            if let jobError = JobError(error, context.stop) { throw jobError }
            if let failure = error as? Failure { throw failure }
            if Cancellation.isFromOutside(error) { throw error }
            let failure = Failure(
                item: plan.name, dataset: plan.dataset, stage: stage, reason: Cancellation.reason(error))
            if let error = error as? LedgerError, error.code == .corrupt { throw HoldingsDamage(failure: failure) }
            throw failure
        }
    }

    // MARK: Damage

    /// Forgets what is damaged of what was downloaded, so that it is fetched again; at last all of it.
    ///
    /// - Parameter round: counts the times within this run.
    /// - Returns: how many objects of a crop were damaged; nil where that was not counted.
    private func heal(_ damage: HoldingsDamage, round: Int) async throws -> Int? {
        try await stageErrors(.download) {
            let count = try await context.state.run {
                try context.state.records.remove(item: plan.name, stage: .download)
                return try job.forgetDamaged(all: round >= HoldingsDamage.maximumHealings)
            }
            let what = count.map { "\($0) damaged objects are" } ?? "what is damaged is"
            context.logger.notice(
                "\(plan.name): \(what) fetched again: \(damage.failure.reason)",
                metadata: ["item": "\(plan.name)", "event": "healing"])
            return count
        }
    }
}
