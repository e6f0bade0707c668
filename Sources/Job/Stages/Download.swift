internal import Arrays
internal import CropFiles
internal import Elements
internal import Geometry
internal import JSONText
public import Ledger
internal import Logging
internal import Manifest
public import Planning
internal import Stores
internal import Synchronization
internal import Threads
internal import Volumes

/// The second stage: an item's objects into its pack, many at a time.
public struct Download: Sendable {
    public let context: JobContext
    public let plan: ItemPlan

    public init(context: JobContext, plan: ItemPlan) {
        (self.context, self.plan) = (context, plan)
    }

    private var packPath: String { plan.packPath(context) }

    /// Fetches what the pack does not hold yet, and writes the record: that of a pack, or that the crop is left out.
    ///
    /// - Parameter verifies: whether what the pack holds may be of an earlier state of the source.
    public func run(verifies: Bool = false) async throws -> Record {
        let (path, fingerprint) = (packPath, ItemFingerprints(plan, context).download)
        let arrays = try plan.arrays.map { try PlannedArray($0, store: context.store.url) }
        for array in arrays { try array.checkMemory(context.manifest.limits.memory, store: context.store.url) }
        let (pack, isAnnotated) = try await filledPack(arrays, verifies: verifies)
        guard isAnnotated else { return try await leaveOut(arrays, pack) }
        let total = arrays.reduce(0) { $0 + $1.chunkCount }
        let sources = try await writeVersions(of: arrays, in: pack)
        let digest = try await ThreadPool.files.run { () throws -> Fingerprint in
            try pack.close()
            return PlannedArray.contentDigest(of: arrays, keys: plan.metadata.map(\.key), in: pack)
        }
        // The raw data come first.
        let absent = arrays.map { $0.absentCount(in: pack) }
        let coverage = RawCoverage(of: arrays[0], in: pack)
        if let note = coverage.note {
            context.logger.warning(
                "\(plan.name): \(note): \(context.store.url.url(of: plan.raw.key))",
                metadata: ["item": "\(plan.name)", "dataset": "\(plan.dataset)", "event": "raw_not_stored"])
        }
        let record = Record(
            item: plan.name, stage: "download", fingerprint: fingerprint, outputs: [],
            result: .object(
                coverage.members.merging([
                    "pack": .string(path), "content": .string(digest.description), "chunks": .integer(total),
                    "absent": .integer(absent.reduce(0, +)), SourceDigest.key: SourceDigest.json(sources),
                ]) { $1 }))
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    /// The pack with all that is needed. Of a crop that only its labels can decide, they are fetched first, and nothing else where nobody has
    /// annotated any of the classes.
    ///
    /// - Returns: also whether the crop is made.
    private func filledPack(
        _ arrays: [PlannedArray], verifies: Bool
    ) async throws -> (pack: Pack, isAnnotated: Bool) {
        let (progress, total) = (context.progress, arrays.reduce(0) { $0 + $1.chunkCount })
        let open: @Sendable () async throws -> Pack = { try await openPack(arrays, verifies: verifies) }
        guard plan.isUndecided else {
            progress.add(chunks: total, done: 0)
            let pack = try await ChunkFetch.fill(
                packPath, with: arrays.map(\.chunks), of: arrays, plan: plan, context: context, open: open)
            return (pack, true)
        }
        let labels = arrays.filter { $0.plan.annotation != nil }
        let first = labels.reduce(0) { $0 + $1.chunkCount }
        progress.add(chunks: first, done: 0)
        let pack = try await ChunkFetch.fill(
            packPath, with: labels.map(\.chunks), of: labels, plan: plan, context: context, open: open)
        guard try await isAnnotated(in: pack) else { return (pack, false) }
        // The labels are counted again with the rest.
        progress.add(chunks: total - first, done: -first)
        let filled = try await ChunkFetch.fill(
            packPath, with: arrays.map(\.chunks), of: arrays, plan: plan, context: context, begun: pack, open: open)
        // The labels may have been fetched again meanwhile.
        let isAnnotated = try await isAnnotated(in: filled)
        if !isAnnotated { progress.add(chunks: first - total, done: first - total) }
        return (filled, isAnnotated)
    }

    /// Whether one of the classes that the crop may hold is in its labels.
    private func isAnnotated(in pack: Pack) async throws -> Bool {
        for rule in plan.derived {
            let array = try PlannedArray(rule.source, store: context.store.url)
            let source = CachedChunks(PackChunks(array, pack: pack), limit: context.memory.cache)
            let scan = LabelScan(source: source, box: rule.source.box, stop: context.stop)
            if try await scan.hasValue(among: rule.ids) { return true }
        }
        return false
    }

    /// Nothing is made of the crop: its labels are let go of, and what they have decided is recorded.
    private func leaveOut(_ arrays: [PlannedArray], _ pack: Pack) async throws -> Record {
        let (holdings, path, records) = (context.holdings, packPath, context.records)
        let labels = arrays.filter { $0.plan.annotation != nil }
        _ = try await writeVersions(of: labels, in: pack)
        let record = Record(
            item: plan.name, stage: "download", fingerprint: ItemFingerprints(plan, context).download, outputs: [],
            result: [
                LeftOut.key: LeftOut(notAnnotated: plan, context.store.url, named: context.manifest.namedClasses)
                    .recorded
            ])
        // In this order: a pack that nobody needs must not stay behind.
        try await ThreadPool.files.run { () throws(LedgerError) in
            try holdings.removePack(path)
            try records.write(record)
        }
        return record
    }

    /// Notes which versions of the objects the item is made from, or was left out by. Returns the digest of each array's objects.
    private func writeVersions(of arrays: [PlannedArray], in pack: Pack) async throws -> [SourceDigest] {
        let (context, fingerprint) = (context, ItemFingerprints(plan, context).download)
        return try await ThreadPool.files.run { () throws in
            let versions = try arrays.flatMap { try $0.versions(of: $0.chunks, in: pack, from: context.store.url) }
            let lines = Array(versions.map(\.line).sorted().joined().utf8)
            try context.state.update(VersionFile.head(fingerprint) + lines, to: VersionFile.path(of: plan.name))
            return try SourceDigest.of(VersionFile(lines: lines), plan, context)
        }
    }

    /// Opens the pack and takes out of it what is not today's.
    private func openPack(_ arrays: [PlannedArray], verifies: Bool) async throws -> Pack {
        let (pack, others) = try await openPack()
        if verifies || !others.isEmpty {
            _ = try await SourceConsistency(context: context, plan: plan, arrays: arrays).recheck(
                pack, arrays.map(\.chunks))
        }
        // Only now: a kill on the way must not leave new metadata with chunks that nobody has looked at.
        try await ThreadPool.files.run { () throws(LedgerError) in
            try pack.forget(objects: others)
            for object in plan.metadata { try pack.append(object.key, ByteBuffer(Array(object.text.utf8))) }
        }
        return pack
    }

    /// Opens the pack, and tells which of its metadata are not today's: then the rest is of another state of the store, too.
    private func openPack() async throws -> (pack: Pack, others: Set<String>) {
        let (holdings, path, metadata) = (context.holdings, packPath, plan.metadata)
        return try await ThreadPool.files.run { () throws(LedgerError) in
            let pack = try holdings.pack(path)
            var others: Set<String> = []
            for object in metadata {
                if let found = try pack.read(object.key), !found.array.elementsEqual(object.text.utf8) {
                    others.insert(object.key)
                }
            }
            return (pack, others)
        }
    }
}
