public import Arrays
internal import CropFiles
internal import JSONText
public import Ledger
public import Planning
internal import Stores

/// The stages whose records are today's and whose outputs are there.
public struct DoneStages: Sendable {
    public var download: Record?
    /// Why nothing is made of the item, where its labels have decided that; then the other stages have nothing to do.
    public var leftOut: LeftOut?
    public var convert: Record?
    public var stat: Record?
    public var resize: Record?

    public init(
        download: Record? = nil, leftOut: LeftOut? = nil, convert: Record? = nil, stat: Record? = nil,
        resize: Record? = nil
    ) {
        (self.download, self.leftOut, self.convert, self.stat, self.resize) = (download, leftOut, convert, stat, resize)
    }

    public var isComplete: Bool { convert != nil && stat != nil && isMeasured }

    /// Whether the resized file is there, and its entry is of today's version.
    public var isMeasured: Bool { resize?.result[FileStatistics.versionKey]?.integer == FileStatistics.version }

    public func has(_ stage: Stage) -> Bool {
        switch stage {
        case .discover: true
        case .download: download != nil
        case .convert: convert != nil
        case .stat: stat != nil
        case .resize: isMeasured
        }
    }

    /// The first of `stages` that is not done.
    public func missing(of stages: Set<Stage>) -> Stage? {
        leftOut == nil ? stages.sorted().first { !has($0) } : nil
    }

    /// Whether the file at native resolution was let go of.
    public var isWithoutNative: Bool { convert?.outputs.contains(where: \.isRemoved) ?? false }

    /// Bytes of the two outputs, once the item is complete; of the first nil where it was let go of.
    public var outputSizes: (native: Int?, resized: Int)? {
        guard isComplete, let native = convert?.outputs.first, let resized = resize?.outputs.first else {
            return nil
        }
        return (native.isRemoved ? nil : native.digest.size, resized.digest.size)
    }
}

/// What the records of an item say: which of its stages are done.
public struct ItemRecords: Sendable {
    public let context: JobContext
    public let plan: ItemPlan

    public init(_ plan: ItemPlan, _ context: JobContext) { (self.context, self.plan) = (context, plan) }

    private var fingerprints: ItemFingerprints { ItemFingerprints(plan, context) }
    private var job: any ItemJob { plan.job(context) }

    /// Reads the item's records: the stages that are done. Blocks.
    public func done() throws -> DoneStages {
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
        if done.leftOut == nil, done.convert == nil, let downloaded = done.download, try !job.holds(downloaded) {
            done.download = nil
        }
        return done
    }

    /// The records that are today's, whatever has become of the outputs. Blocks.
    public func recorded() throws -> DoneStages {
        var done = DoneStages()
        guard let downloaded = try record(.download),
            try downloaded.fingerprint == job.downloadFingerprint || standsAsEarlier(downloaded)
        else { return done }
        if plan.isUndecided, downloaded.result[LeftOut.key] != nil {
            // What cannot be read is decided again.
            done.leftOut = LeftOut(
                downloaded, of: plan, context.store.url, named: context.manifest.namedClasses)
            done.download = done.leftOut == nil ? nil : downloaded
            return done
        }
        done.download = downloaded
        guard let record = try record(.convert) else { return done }
        guard try record.fingerprint == fingerprints.convert(download: downloaded) || stands(record, downloaded) else {
            return done
        }
        done.convert = record
        (done.stat, done.resize) = try following(record)
        return done
    }

    /// Whether what an earlier version has recorded of a converted file is still right: no label in it is derived, and no voxel is 255 that
    /// may be an object.
    private func stands(_ convert: Record, _ downloaded: Record) throws -> Bool {
        guard !fingerprints.unknownRules.isEmpty,
            try convert.fingerprint
                == fingerprints.convert(download: downloaded, knowsUnknown: false),
            let stat = try record(.stat)
        else { return false }
        return isStored(stat, of: convert) && hasNo255(stat, of: convert)
    }

    /// Whether the statistics of a converted file say that all of its labels are the store's own. A volume's masks are always derived.
    private func isStored(_ stat: Record, of convert: Record) -> Bool {
        if plan.derived.isEmpty { return true }
        guard plan.kind != .volume, let labels = labels(stat, of: convert) else { return false }
        return labels.values.allSatisfy { $0["derived_from"] == nil }
    }

    /// Whether the statistics of a file that an earlier version has made, where 255 was unknown throughout, say that no voxel is 255.
    private func hasNo255(_ stat: Record, of convert: Record) -> Bool {
        let arrays = UnknownIdentifier.arrays(plan)
        guard !arrays.isEmpty else { return true }
        guard let labels = labels(stat, of: convert) else { return false }
        return arrays.allSatisfy { labels[job.statisticsName(of: $0)]?["unknown"] == 0 }
    }

    /// What statistics of some version say of the labels of a converted file; nil where they are another file's.
    private func labels(_ stat: Record, of convert: Record) -> [String: JSONValue]? {
        guard
            (1...FileStatistics.version).contains(where: {
                stat.fingerprint == fingerprints.stat(convert: convert, version: $0)
            })
        else { return nil }
        return stat.result["labels"]?.object
    }

    /// The same of a download whose chunks were encoded at once.
    private func standsAsEarlier(_ downloaded: Record) throws -> Bool {
        guard downloaded.fingerprint == job.earlierDownloadFingerprint, let convert = try record(.convert) else {
            return false
        }
        return try stands(convert, downloaded)
    }

    /// The records of what was made from a converted file. Blocks.
    public func following(_ convert: Record) throws -> (stat: Record?, resize: Record?) {
        let stat = try record(.stat).flatMap {
            $0.fingerprint == fingerprints.stat(convert: convert) ? $0 : nil
        }
        let resize = try record(.resize).flatMap {
            $0.fingerprint == fingerprints.resize(convert: convert) ? $0 : nil
        }
        return (stat, resize)
    }

    public func record(_ stage: Stage) throws -> Record? {
        try context.state.records.record(item: plan.name, stage: stage.rawValue)
    }

    public func hasOutputs(_ record: Record) throws -> Bool {
        for output in record.outputs
        where try !output.isRemoved && context.state.output.fileSize(output.path) != output.digest.size {
            return false
        }
        return true
    }
}
