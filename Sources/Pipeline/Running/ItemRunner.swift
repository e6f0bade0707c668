internal import JSONText
internal import Ledger
internal import Logging
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

    /// The stages whose records are today's and whose outputs are there.
    struct Done: Sendable {
        var download: Record?
        /// Why nothing is made of the item, where its labels have decided that; then the other stages have nothing to do.
        var leftOut: LeftOut?
        var convert: Record?
        var stat: Record?
        var resize: Record?

        var isComplete: Bool { convert != nil && stat != nil && isMeasured }

        /// Whether the resized file is there, and its entry is of today's version.
        var isMeasured: Bool { resize.map(Resize.isMeasured) ?? false }

        func has(_ stage: Stage) -> Bool {
            switch stage {
            case .discover: true
            case .download: download != nil
            case .convert: convert != nil
            case .stat: stat != nil
            case .resize: isMeasured
            }
        }

        /// The first of `stages` that is not done.
        func missing(of stages: Set<Stage>) -> Stage? {
            leftOut == nil ? stages.sorted().first { !has($0) } : nil
        }

        /// Whether the file at native resolution was let go of.
        var isWithoutNative: Bool { convert?.outputs.contains(where: \.isRemoved) ?? false }

        /// Bytes of the two outputs, once the item is complete; of the first nil where it was let go of.
        var outputSizes: (native: Int?, resized: Int)? {
            guard isComplete, let native = convert?.outputs.first, let resized = resize?.outputs.first else {
                return nil
            }
            return (native.isRemoved ? nil : native.digest.size, resized.digest.size)
        }
    }

    /// Reads the item's records: the stages that are done. Blocks.
    func done() throws -> Done {
        var done = try recorded()
        if let convert = done.convert, try !hasOutputs(convert) {
            (done.convert, done.stat, done.resize) = (nil, nil, nil)
        }
        if let resize = done.resize, try !hasOutputs(resize) { done.resize = nil }
        // A file that was let go of stands for itself until something has to be made from it.
        if done.isWithoutNative, done.stat == nil || done.resize == nil {
            (done.convert, done.stat, done.resize) = (nil, nil, nil)
        }
        // The pack may be gone: what was made from it is there.
        if done.leftOut == nil, done.convert == nil, let downloaded = done.download, try !isHeld(downloaded) {
            done.download = nil
        }
        return done
    }

    /// The records that are today's, whatever has become of the outputs. Blocks.
    func recorded() throws -> Done {
        var done = Done()
        guard let downloaded = try record("download"),
            try downloaded.fingerprint == downloadFingerprint || standsAsVolume(downloaded)
        else { return done }
        if plan.isUndecided, downloaded.result[LeftOut.key] != nil {
            // What cannot be read is decided again.
            done.leftOut = LeftOut(
                downloaded, of: plan, context.store.url, named: context.manifest.namedClasses)
            done.download = done.leftOut == nil ? nil : downloaded
            return done
        }
        done.download = downloaded
        let convert = Convert(context: context, plan: plan)
        guard let record = try record("convert") else { return done }
        guard try record.fingerprint == convert.fingerprint(download: downloaded) || stands(record, downloaded) else {
            return done
        }
        done.convert = record
        (done.stat, done.resize) = try following(record)
        return done
    }

    /// Whether what an earlier version has recorded of a converted file is still right: no label in it is derived, and no voxel is 255 that
    /// may be an object.
    private func stands(_ convert: Record, _ downloaded: Record) throws -> Bool {
        guard !DerivedRule.keys(plan).isEmpty || !UnknownIdentifier.keys(plan).isEmpty,
            try convert.fingerprint
                == Convert(context: context, plan: plan).fingerprint(download: downloaded, knowsUnknown: false),
            let stat = try record("stat")
        else { return false }
        return DerivedRule.isStored(stat, of: convert, plan) && UnknownIdentifier.isUnused(stat, of: convert, plan)
    }

    /// The same of a volume, whose chunks are encoded while they are downloaded.
    private func standsAsVolume(_ downloaded: Record) throws -> Bool {
        guard isVolume,
            downloaded.fingerprint
                == VolumeDownload(context: context, plan: plan).fingerprint(knowsUnknown: false),
            let convert = try record("convert")
        else { return false }
        return try stands(convert, downloaded)
    }

    /// The records of what was made from a converted file. Blocks.
    private func following(_ convert: Record) throws -> (stat: Record?, resize: Record?) {
        let stat = try record("stat").flatMap {
            $0.fingerprint == Stat(context: context, plan: plan).fingerprint(convert: convert) ? $0 : nil
        }
        let resize = try record("resize").flatMap {
            $0.fingerprint == Resize(context: context, plan: plan).fingerprint(convert: convert) ? $0 : nil
        }
        return (stat, resize)
    }

    var isVolume: Bool { plan.kind == .volume }
    private var downloadFingerprint: Fingerprint {
        isVolume
            ? VolumeDownload(context: context, plan: plan).fingerprint
            : Download(context: context, plan: plan).fingerprint
    }

    /// Whether what was downloaded is still there, in a pack or in a volume's log.
    private func isHeld(_ downloaded: Record) throws -> Bool {
        guard isVolume else {
            return try context.holdings.hasClosedPack(Download(context: context, plan: plan).packPath)
        }
        let path = VolumeDownload(context: context, plan: plan).logPath
        let log = try ChunkLog.existing(path, in: context.holdings, fingerprint: downloaded.fingerprint)
        return log.map { $0.checkpoint.length == downloaded.result["length"]?.integer } ?? false
    }

    func record(_ stage: String) throws -> Record? { try context.records.record(item: plan.name, stage: stage) }

    private func hasOutputs(_ record: Record) throws -> Bool {
        for output in record.outputs
        where try !output.isRemoved && context.output.fileSize(output.path) != output.digest.size {
            return false
        }
        return true
    }

    /// Does what is left to do of `stages`, as far as the stages before are done.
    ///
    /// - Parameter verifies: whether what an unfinished download holds may be of an earlier state of the source.
    /// - Returns: what is done now.
    /// - Throws: ``Failure`` with the stage it happened in; ``JobError`` where the whole job has to end.
    func run(_ known: Done, stages: Set<Stage>, verifies: Bool = false) async throws -> Done {
        var (done, round, verifies) = (try await withoutDamagedSource(known, stages), 0, verifies)
        while true {
            do {
                return try await runOnce(done, stages: stages, verifies: verifies, repairs: round > 0)
            } catch let damage as HoldingsDamage {
                round += 1
                // Where all entries are whole, they are others than they should be.
                if try await heal(damage, round: round) == 0 { verifies = true }
                guard round <= Self.maximumHealings, stages.contains(.download) else { throw damage.failure }
                done = try await ThreadPool.files.run { () throws in try self.done() }
            }
        }
    }

    private func runOnce(
        _ known: Done, stages: Set<Stage>, verifies: Bool, repairs: Bool
    ) async throws -> Done {
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
    private func compute(_ known: Done, stages: Set<Stage>) async throws -> Done {
        var done = known
        guard let download = done.download else { return done }
        let keeps = done.convert == nil && !isVolume && stages.contains(.convert) && stages.contains(.resize)
        let bytes = keeps ? (try? Convert(context: context, plan: plan).decodedByteCount()) ?? 0 : 0
        let kept = await KeptChunks(bytes, in: context.kept)
        defer { kept.drop() }
        let stat = Stat(context: context, plan: plan, kept: kept)
        var entry: JSONValue?
        if done.convert == nil, stages.contains(.convert) {
            let measures = stages.contains(.stat)
            let converted = try await stage(.convert) {
                try await Convert(context: context, plan: plan, kept: kept).run(
                    download: download, measuring: measures ? { try await stat.entry(ofCrop: $0) } : nil)
            }
            done.convert = converted.record
            entry = converted.entry
            // The same file as before, which was missing or damaged: what was made from it still stands.
            (done.stat, done.resize) = try await ThreadPool.files.run { () throws in
                let found = try following(converted.record)
                return (found.stat, try found.resize.flatMap { try hasOutputs($0) ? $0 : nil })
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
            let (holdings, path) = (context.holdings, VolumeDownload(context: context, plan: plan).logPath)
            try await ThreadPool.files.run { () throws(LedgerError) in try ChunkLog.remove(path, in: holdings) }
            return
        }
        guard !context.manifest.convert.keepPacks else { return }
        let (holdings, path) = (context.holdings, Download(context: context, plan: plan).packPath)
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

    /// So often is what is damaged fetched again within one run.
    static let maximumHealings = 3

    /// Forgets what is damaged of what was downloaded, so that it is fetched again; at last all of it.
    ///
    /// - Parameter round: counts the times within this run.
    /// - Returns: how many objects of a crop were damaged; nil where that was not counted.
    private func heal(_ damage: HoldingsDamage, round: Int) async throws -> Int? {
        let (records, item, holdings) = (context.records, plan.name, context.holdings)
        let path = Download(context: context, plan: plan).packPath
        let isLast = round >= Self.maximumHealings
        let log = isVolume && isLast ? VolumeDownload(context: context, plan: plan).logPath : nil
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

/// What was downloaded of an item is not what was written.
struct HoldingsDamage: Error {
    /// What it is to the item where it does not heal.
    let failure: Failure
}
