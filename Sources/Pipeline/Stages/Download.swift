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
        Self.settings(context).fingerprint(of: [
            "arrays": .array(
                plan.arrays.map { array in
                    [
                        "key": .string(array.key), "metadata": .string(array.metadata),
                        "start": .array(array.box.start.array.map { .integer($0) }),
                        "stop": .array(array.box.stop.array.map { .integer($0) }),
                    ]
                }),
            "metadata": .array(plan.metadata.map { [.string($0.key), .string($0.text)] }),
        ])
    }

    /// The pack's place in the state directory. The store is part of the name: packs of two stores never mix.
    var packPath: String {
        let store = Fingerprint(of: .string(context.store.url.description)).description.prefix(8)
        return "packs/\(plan.name)-\(store).zip"
    }

    /// Fetches what the pack does not hold yet, and writes the record.
    ///
    /// - Parameter verifies: whether what the pack holds may be of an earlier state of the source.
    func run(verifies: Bool = false) async throws -> Record {
        let (path, fingerprint) = (packPath, fingerprint)
        let arrays = try plan.arrays.map { try PlannedArray($0, store: context.store.url) }
        let total = arrays.reduce(0) { $0 + $1.chunkCount }
        for array in arrays { try array.checkMemory(context.manifest.limits.memory, store: context.store.url) }
        context.progress.add(chunks: total, done: 0)
        let wanted = arrays.map(\.chunks)
        let pack = try await ChunkFetch.fill(path, with: wanted, of: arrays, plan: plan, context: context) {
            let (pack, others) = try await openPack()
            if verifies || !others.isEmpty {
                _ = try await SteadySource(context: context, plan: plan, arrays: arrays).recheck(pack, wanted)
            }
            // Only now: a kill on the way must not leave new metadata with chunks that nobody has looked at.
            try await ThreadPool.files.run { () throws(LedgerError) in
                try pack.forget(objects: others)
                for object in plan.metadata { try pack.append(object.key, ByteBuffer(Array(object.text.utf8))) }
            }
            return pack
        }
        let state = context.state
        try await ThreadPool.files.run { () throws(LedgerError) in
            let lines = arrays.flatMap { $0.versions(of: $0.chunks, in: pack) }.map(\.line).sorted()
            let text = VersionFile.head(fingerprint) + Array(lines.joined().utf8)
            try state.update(text, to: VersionFile.path(of: plan.name))
        }
        let digest = try await ThreadPool.files.run { () throws -> Fingerprint in
            try pack.close()
            return Self.contentDigest(of: arrays, metadata: plan.metadata, in: pack)
        }
        // The raw data come first.
        let absent = arrays.map { $0.absentCount(in: pack) }
        let coverage = RawCoverage(chunks: arrays[0].chunkCount, stored: arrays[0].chunkCount - absent[0])
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
                    "absent": .integer(absent.reduce(0, +)),
                ]) { $1 }))
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
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
