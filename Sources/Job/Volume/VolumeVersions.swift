internal import Arrays
internal import Elements
internal import Ledger
internal import Planning
internal import Stores
internal import Threads

/// The versions of the objects that a volume is made from. While it is being downloaded they lie beside its log, as long as its checkpoint
/// says.
struct VolumeVersions: Sendable {
    let context: JobContext
    let plan: ItemPlan
    let layout: VolumeLayout
    let log: ChunkLog

    /// Asks whether everything that is in the log is still the same.
    ///
    /// - Returns: an object that is not, or is not known to be; else when the asking began, in seconds since 1970 by the store's clock.
    func check(_ checkpoint: ChunkLog.Checkpoint) async throws -> (changed: String?, served: Int?) {
        guard checkpoint.blocks > 0 else { return (nil, nil) }
        var served: Int?
        if let object = plan.metadata.first { served = try await context.store.head(object.key).served }
        guard let length = checkpoint.versions else { return (plan.group, served) }
        let log = log
        let file = VersionFile(length: length) { (count, offset) throws(LedgerError) in
            try log.versions(count: count, at: offset, of: checkpoint).array
        }
        let check = SourceCheck(store: context.store, stop: context.stop, arrays: layout.arrays.map(\.planned))
        do {
            return (try await check.changes(in: file, isOneEnough: true).first?.key, served)
        } catch let error as LedgerError where error.code == .corrupt {
            return (plan.group, served)
        }
    }

    /// Sees to it that a block that is about to be taken in is of the same state of the source as what is in the log. What is of no use any
    /// more is dropped, which is all of it: the log is not divided.
    ///
    /// - Throws: ``Failure`` where the source has changed.
    func admit(_ block: VolumeDownload.Fetched, _ checkpoint: inout ChunkLog.Checkpoint) async throws {
        checkpoint.began = [checkpoint.began, block.began].compactMap { $0 }.min()
        checkpoint.latestChange = [checkpoint.latestChange, block.latestChange].compactMap { $0 }.max()
        let source = SourceConsistency(context: context, plan: plan, arrays: layout.arrays.map(\.planned))
        // The block may have been fetched before something changed that is in the log, or before the log was asked for.
        let times = [checkpoint.latestChange, checkpoint.checked].compactMap { $0 }
        if let began = block.began, times.contains(where: { $0 >= began }) {
            let versions = block.versions.split(separator: UInt8(ascii: "\n"))
                .compactMap { ObjectVersion(line: $0, isChecked: true) }
            let check = SourceCheck(store: context.store, stop: context.stop, arrays: source.arrays)
            if let change = try await check.changes(in: versions).changes.first { try await drop(change.key, source) }
        }
        guard let since = checkpoint.checked ?? checkpoint.began, let latest = checkpoint.latestChange, latest >= since
        else { return }
        let (changed, served) = try await check(checkpoint)
        if let changed { try await drop(changed, source) }
        try await source.checkMetadata()
        checkpoint.checked = served
    }

    private func drop(_ key: String, _ source: SourceConsistency) async throws {
        try await ThreadPool.files.run { () throws in
            try VolumeDownload(context: context, plan: plan).forget(nil)
        }
        throw source.failure(
            "\(context.store.url.url(of: key)) is not what it was when it was fetched; what was done of the volume has been dropped, "
                + "run again when it is still")
    }

    /// The digest of each array's objects, in the order of the plan's arrays.
    func digests(_ checkpoint: ChunkLog.Checkpoint) async throws -> [SourceDigest] {
        let (context, plan, log) = (context, plan, log)
        guard let length = checkpoint.versions else { return plan.arrays.map { SourceDigest(unknown: $0.key) } }
        return try await ThreadPool.files.run { () throws in
            let file = VersionFile(length: length) { (count, offset) throws(LedgerError) in
                try log.versions(count: count, at: offset, of: checkpoint).array
            }
            return try SourceDigest.of(file, plan, context)
        }
    }

    /// Gives the versions their place in the state directory. Where they are not known, there are none.
    func publish(_ checkpoint: ChunkLog.Checkpoint) async throws {
        let (state, log) = (context.state, log)
        let name = VersionFile.path(of: plan.name)
        try await ThreadPool.files.run { () throws(LedgerError) in
            if let length = checkpoint.versions {
                // A volume that an earlier version has begun has its first lines without checksums.
                let start = try log.versions(count: min(64, length), at: 0, of: checkpoint).array
                let isChecked = start.isEmpty || ObjectVersion.hasChecksum(start[...])
                let head = VersionFile.head(checkpoint.fingerprint, isChecked: isChecked)
                try state.write(head, followedBy: length, to: name) { (count, offset) throws(LedgerError) in
                    try log.versions(count: count, at: offset, of: checkpoint)
                }
            } else {
                try state.remove(name)
            }
        }
    }
}
