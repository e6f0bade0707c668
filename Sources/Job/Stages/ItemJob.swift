public import Arrays
internal import CropFiles
internal import HDF5
public import JSONText
public import Ledger
internal import Manifest
public import Planning

/// What of the stages of an item depends on its kind. A crop and a region are boxes of their volume, whose objects fit into one pack; a volume
/// is worked off block by block, through logs.
public protocol ItemJob: Sendable {
    /// Of the record of the download.
    var downloadFingerprint: Fingerprint { get }
    /// The one that an earlier version has recorded, which knew nothing of unknown voxels; nil where it is the same.
    var earlierDownloadFingerprint: Fingerprint? { get }
    /// About how many bytes its chunks have that one stage can hand over to the next in memory; 0 where that is not done.
    var handoverByteCount: Int { get }
    /// Whether one change of the source is enough to fetch all of it again.
    var isMadeAnewAsAWhole: Bool { get }

    /// - Parameters:
    ///   - verifies: whether what is held may be of an earlier state of the source.
    ///   - repairs: whether what is held is known to be damaged.
    func download(verifies: Bool, repairs: Bool) async throws -> Record

    /// - Parameter measures: whether the entry of the file is made while the file goes to the disk, where that saves reading it again.
    func convert(
        download: Record, _ handover: ChunkHandover?, measures: Bool
    ) async throws -> (record: Record, entry: JSONValue?)

    /// What the statistics call a label.
    func statisticsName(of label: ArrayPlan) -> String

    /// Whether what was downloaded is still there. Blocks.
    func holds(_ download: Record) throws -> Bool
    /// Forgets objects that have changed; all where `changes` is nil. Blocks.
    func forget(_ changes: Set<String>?) throws
    /// Forgets what is damaged of what was downloaded, or all of it. Returns how many objects were damaged; nil where that was not
    /// counted. Blocks.
    func forgetDamaged(all: Bool) throws -> Int?
    /// Removes what was downloaded, once the native file is there. Blocks.
    func removeDownloaded() throws
}

extension ItemPlan {
    public func job(_ context: JobContext) -> any ItemJob {
        kind == .volume ? VolumeJob(context: context, plan: self) : CropJob(context: context, plan: self)
    }
}

/// A crop or a region: its objects are in one pack.
struct CropJob: ItemJob {
    let context: JobContext
    let plan: ItemPlan

    private var packPath: String { plan.packPath(context) }
    private var holdings: Holdings { context.state.holdings }

    var downloadFingerprint: Fingerprint { ItemFingerprints(plan, context).download }
    var earlierDownloadFingerprint: Fingerprint? { nil }
    var handoverByteCount: Int { (try? Convert(context: context, plan: plan).decodedByteCount()) ?? 0 }
    var isMadeAnewAsAWhole: Bool { false }

    /// What a pack holds that is damaged is told when it is read: there is nothing to repair.
    func download(verifies: Bool, repairs _: Bool) async throws -> Record {
        try await Download(context: context, plan: plan).run(verifies: verifies)
    }

    func convert(
        download: Record, _ handover: ChunkHandover?, measures: Bool
    ) async throws -> (record: Record, entry: JSONValue?) {
        try await Convert(context: context, plan: plan, kept: handover).run(
            download: download,
            measuring: measures ? { try await Stat(context: context, plan: plan, kept: handover).entry($0) } : nil)
    }

    func statisticsName(of label: ArrayPlan) -> String { label.name }

    func holds(_: Record) throws -> Bool { try holdings.hasClosedPack(packPath) }

    func forget(_ changes: Set<String>?) throws {
        guard try holdings.hasPack(packPath) else { return }
        if let changes {
            try holdings.pack(packPath).forget(objects: changes)
        } else {
            try holdings.removePack(packPath)
        }
    }

    func forgetDamaged(all: Bool) throws -> Int? {
        guard !all else {
            try holdings.removePack(packPath)
            return nil
        }
        return try holdings.pack(packPath).forgetDamaged()
    }

    func removeDownloaded() throws {
        if !context.manifest.convert.keepPacks { try holdings.removePack(packPath) }
    }
}

/// A whole volume: its chunks go through a log into the native file, and through another one into the resized file.
struct VolumeJob: ItemJob {
    let context: JobContext
    let plan: ItemPlan

    private var stage: VolumeDownload { VolumeDownload(context: context, plan: plan) }

    var downloadFingerprint: Fingerprint { ItemFingerprints(plan, context).volumeLog() }
    /// Chunks are encoded while they are downloaded.
    var earlierDownloadFingerprint: Fingerprint? { ItemFingerprints(plan, context).volumeLog(knowsUnknown: false) }
    var handoverByteCount: Int { 0 }
    /// Without its packs there is nothing of which a part could be kept.
    var isMadeAnewAsAWhole: Bool { !context.manifest.convert.keepPacks }

    func download(verifies: Bool, repairs: Bool) async throws -> Record {
        try await stage.run(verifies: verifies, repairs: repairs)
    }

    func convert(
        download: Record, _: ChunkHandover?, measures _: Bool
    ) async throws -> (record: Record, entry: JSONValue?) {
        (try await VolumeConvert(context: context, plan: plan).run(download: download), nil)
    }

    func statisticsName(of label: ArrayPlan) -> String {
        String(ArrayPlan.path(of: label.key, below: plan.group).drop { $0 == "/" })
    }

    func holds(_ download: Record) throws -> Bool {
        let log = try ChunkLog.existing(plan.logPath, in: context.state.holdings, fingerprint: download.fingerprint)
        return log.map { $0.checkpoint.length == download.result["length"]?.integer } ?? false
    }

    func forget(_ changes: Set<String>?) throws { try stage.forget(changes) }

    /// A log that is read again repairs itself; only at last all of it goes.
    func forgetDamaged(all: Bool) throws -> Int? {
        if all { try removeDownloaded() }
        return nil
    }

    func removeDownloaded() throws { try ChunkLog.remove(plan.logPath, in: context.state.holdings) }
}
