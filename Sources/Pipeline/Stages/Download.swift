internal import Elements
internal import Geometry
internal import JSONText
internal import Ledger
internal import Logging
internal import Stores
internal import Synchronization
internal import Threads
internal import Volumes

/// The second stage: an item's objects into its pack, many at a time.
struct Download: Sendable {
    /// Goes up whenever the same input gives other bytes than before.
    static let version = 1

    let context: JobContext
    let plan: ItemPlan

    static func settings(_ context: JobContext) -> StageSettings {
        StageSettings(version: version, members: ["source": .string(context.store.url.description)])
    }

    /// Of everything that is to be fetched.
    var fingerprint: Fingerprint {
        var members: [String: JSONValue] = [
            "arrays": .array(
                plan.arrays.map { array in
                    var members: [String: JSONValue] = [
                        "key": .string(array.key), "metadata": .string(array.metadata),
                        "start": .array(array.box.start.array.map { .integer($0) }),
                        "stop": .array(array.box.stop.array.map { .integer($0) }),
                    ]
                    if array.isReversed ?? false { members["axes"] = "xyz" }
                    return .object(members)
                }),
            "metadata": .array(plan.metadata.map { [.string($0.key), .string($0.text)] }),
        ]
        // Where the labels decide whether the rest is fetched, it matters what is looked for in them.
        if plan.isUndecided {
            members["undecided"] = .array(
                plan.derived.map { .array([.string($0.name)] + $0.ids.map { .integer($0) }) })
        }
        return Self.settings(context).fingerprint(of: members)
    }

    /// The pack's place in the state directory. The store is part of the name: packs of two stores never mix.
    var packPath: String {
        let store = Fingerprint(of: .string(context.store.url.description)).description.prefix(8)
        return "packs/\(plan.name)-\(store).zip"
    }

    /// Fetches what the pack does not hold yet, and writes the record: that of a pack, or that the crop is left out.
    ///
    /// - Parameter verifies: whether what the pack holds may be of an earlier state of the source.
    func run(verifies: Bool = false) async throws -> Record {
        let (path, fingerprint) = (packPath, fingerprint)
        let arrays = try plan.arrays.map { try PlannedArray($0, store: context.store.url) }
        for array in arrays { try array.checkMemory(context.manifest.limits.memory, store: context.store.url) }
        let (pack, isAnnotated) = try await filledPack(arrays, verifies: verifies)
        guard isAnnotated else { return try await leaveOut(arrays, pack) }
        let total = arrays.reduce(0) { $0 + $1.chunkCount }
        let sources = try await writeVersions(of: arrays, in: pack)
        let digest = try await ThreadPool.files.run { () throws -> Fingerprint in
            try pack.close()
            return Self.contentDigest(of: arrays, metadata: plan.metadata, in: pack)
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
            item: plan.name, stage: "download", fingerprint: fingerprint, outputs: [],
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
        let (context, fingerprint) = (context, fingerprint)
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
            _ = try await SteadySource(context: context, plan: plan, arrays: arrays).recheck(
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

    /// Of the needed objects' keys, sizes and CRCs: what convert is made from. The same objects give the same digest, in
    /// whatever order they came.
    static func contentDigest(of arrays: [PlannedArray], metadata: [MetadataObject], in pack: Pack) -> Fingerprint {
        var lines = arrays.flatMap { array in contentLines(of: array.chunks, array, in: pack) }
        lines += metadata.map { object in
            pack.summary(object.key).map { "\(object.key) \($0.size) \($0.crc32)" } ?? "\(object.key) absent"
        }
        return contentDigest(of: lines)
    }

    /// The content digest of some chunks of one array.
    static func contentDigest(of chunks: [ZYX<Int>], _ array: PlannedArray, in pack: Pack) -> Fingerprint {
        contentDigest(of: contentLines(of: chunks, array, in: pack))
    }

    private static func contentLines(of chunks: [ZYX<Int>], _ array: PlannedArray, in pack: Pack) -> [String] {
        let lines = chunks.map { array.summary($0, in: pack) }
        return array.shards == nil ? lines : Array(Set(lines))
    }

    private static func contentDigest(of lines: [String]) -> Fingerprint {
        Fingerprint(of: .string(lines.sorted().joined(separator: "\n")))
    }
}
