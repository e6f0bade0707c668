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

    var isVolume: Bool { plan.kind == .volume }

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
                done = try await ThreadPool.files.run { () throws in try self.done() }
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
                    isVolume
                        ? try await VolumeDownload(context: context, plan: plan).run(
                            verifies: verifies, repairs: repairs)
                        : try await Download(context: context, plan: plan).run(verifies: verifies)
                }
            }
            // What was made from the same objects before still stands.
            done = try await ThreadPool.files.run { () throws in try self.done() }
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
        let keeps = done.convert == nil && !isVolume && stages.contains(.convert) && stages.contains(.resize)
        let bytes = keeps ? (try? Convert(context: context, plan: plan).decodedByteCount()) ?? 0 : 0
        let kept = await ChunkHandover(bytes, in: context.kept)
        defer { kept.drop() }
        let stat = Stat(context: context, plan: plan, kept: kept)
        var entry: JSONValue?
        if done.convert == nil, stages.contains(.convert) {
            let measures = stages.contains(.stat)
            let converted = try await stage(.convert) {
                try await Convert(context: context, plan: plan, kept: kept).run(
                    download: download, measuring: measures ? { try await stat.entry($0) } : nil)
            }
            done.convert = converted.record
            entry = converted.entry
            // The same file as before, which was missing or damaged: what was made from it still stands.
            (done.stat, done.resize) = try await ThreadPool.files.run { () throws in
                let found = try records.following(converted.record)
                return (found.stat, try found.resize.flatMap { try records.hasOutputs($0) ? $0 : nil })
            }
        }
        kept.close()
        guard let convert = done.convert else { return done }
        async let removal: Void = removePack()
        if done.stat == nil, stages.contains(.stat) {
            let found = entry
            done.stat = try await stage(.stat) { try await stat.run(convert: convert, entry: found) }
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

    private func removePack() async throws {
        if isVolume {
            let (holdings, path) = (context.holdings, plan.logPath)
            try await ThreadPool.files.run { () throws(LedgerError) in try ChunkLog.remove(path, in: holdings) }
            return
        }
        guard !context.manifest.convert.keepPacks else { return }
        let (holdings, path) = (context.holdings, plan.packPath(context))
        try await ThreadPool.files.run { () throws(LedgerError) in try holdings.removePack(path) }
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
                item: plan.name, dataset: plan.dataset, stage: stage.rawValue, reason: Cancellation.reason(error))
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
        let (records, item, holdings) = (context.records, plan.name, context.holdings)
        let path = plan.packPath(context)
        let isLast = round >= HoldingsDamage.maximumHealings
        let log = isVolume && isLast ? plan.logPath : nil
        return try await stageErrors(.download) {
            let count = try await ThreadPool.files.run { () throws(LedgerError) -> Int? in
                try records.remove(item: item, stage: Stage.download.rawValue)
                if let log { try ChunkLog.remove(log, in: holdings) }
                if isLast { try holdings.removePack(path) }
                guard !isVolume, !isLast else { return nil }
                return try holdings.pack(path).forgetDamaged()
            }
            let what = count.map { "\($0) damaged objects are" } ?? "what is damaged is"
            context.logger.notice(
                "\(plan.name): \(what) fetched again: \(damage.failure.reason)",
                metadata: ["item": "\(plan.name)", "event": "healing"])
            return count
        }
    }
}
