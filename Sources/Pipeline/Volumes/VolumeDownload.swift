internal import Codecs
internal import Elements
internal import Geometry
internal import JSONText
internal import Ledger
internal import Threads
internal import Volumes

/// The second stage of a volume: block by block its objects into a pack, and from there, decoded and encoded for HDF5, into a log.
///
/// Blocks are downloaded some ahead of the one that is encoded. A pack goes when its block is in the log: neither memory nor packs
/// grow with the volume.
struct VolumeDownload: Sendable {
    /// Goes up whenever the same input gives another log than before.
    private static let version = 2
    /// Of volumes without shards, whose logs the second version did not change.
    private static let versionWithoutShards = 1
    /// Blocks that are downloaded while one is encoded.
    private static let blocksAhead = 2

    let context: JobContext
    let plan: ItemPlan

    private var download: Download { Download(context: context, plan: plan) }

    static func settings(_ context: JobContext, hasShards: Bool = true) -> StageSettings {
        StageSettings(
            version: hasShards ? version : versionWithoutShards,
            members: [
                "compression": .string(context.manifest.convert.compression.rawValue),
                "encoding": .integer(Convert.version),
            ])
    }

    /// Of everything that is to be fetched, and how it is encoded.
    var fingerprint: Fingerprint {
        // With shards, blocks are counted in inner chunks.
        let hasShards = plan.arrays.contains { $0.metadata.contains("sharding_indexed") }
        var members: [String: JSONValue] = [
            "objects": .string(download.fingerprint.description), "root": .string(plan.group),
        ]
        if !plan.derived.isEmpty {
            members["derived"] = .array(
                plan.derived.map {
                    .array([.string($0.name), .string($0.source.key)] + $0.ids.map { .integer($0) })
                })
        }
        return Self.settings(context, hasShards: hasShards).fingerprint(of: members)
    }

    /// Forgets objects that have changed: what is made of them is made anew.
    ///
    /// - Parameter changes: their keys; nil is all. Blocks.
    func forget(_ changes: Set<String>?) throws {
        let state = context.scratch
        try ChunkLog.remove(logPath, in: state)
        for number in 0..<(try VolumeLayout(plan, context: context).blockCount) {
            let path = packPath(number)
            guard try state.fileSize(path) != nil else { continue }
            if let changes {
                try Pack(opening: path, in: state).forget(objects: changes)
            } else {
                try Pack.remove(path, in: state)
            }
        }
    }

    /// The log's place in the state directory.
    var logPath: String { "volumes/\(plan.name).chunks" }

    /// The pack of a block: the name of the item's pack with the number in it.
    private func packPath(_ block: Int) -> String {
        "\(download.packPath.dropLast(4))-\(download.fingerprint.description.prefix(8))-\(block).zip"
    }

    /// A block whose objects are all in its pack.
    struct Fetched: Sendable {
        let pack: Pack
        let content: Fingerprint
        let absent: Int
        let count: Int
        /// A line each.
        let versions: [UInt8]
        /// When the store gave the first answer, and when the object was changed that was changed last.
        let began: Int?
        let latestChange: Int?
    }

    /// - Parameter verifies: whether what the packs hold may be of an earlier state of the source.
    func run(verifies: Bool = false) async throws -> Record {
        let layout = try VolumeLayout(plan, context: context)
        let (path, state) = (logPath, context.scratch)
        let versions = VolumeVersions(context: context, plan: plan, layout: layout, logPath: path)
        let opened = try await openLog(versions, verifies: verifies)
        let log = opened.log
        var checkpoint = opened.checkpoint
        let first = min(checkpoint.blocks, layout.blockCount)
        let known = first
        context.progress.add(
            chunks: layout.objectCount, done: await ThreadPool.files.run { layout.objectCount(ofFirst: known) })
        try await inOrder(count: layout.blockCount - first, width: 1 + Self.blocksAhead) { offset in
            // A task of its own: where another block fails, or the job is stopped, what is under way here is still kept.
            try await Task { try await fetch(first + offset, layout, verifies: verifies) }.value
        } consume: { offset, fetched in
            let number = first + offset
            try await versions.admit(fetched, &checkpoint)
            try await encode(number, layout, fetched, log, &checkpoint)
            checkpoint.blocks = number + 1
            checkpoint.absent += fetched.absent
            checkpoint.content = Fingerprint(of: [
                .string(checkpoint.content.description), .string(fetched.content.description),
            ])
            checkpoint.versions = try await versions.append(fetched.versions, at: checkpoint.versions)
            let durable = checkpoint
            try await ThreadPool.files.run { () throws(LedgerError) in
                try log.commit(durable)
                if context.manifest.convert.keepPacks {
                    try fetched.pack.close()
                } else {
                    try Pack.remove(packPath(number), in: state)
                }
            }
        }
        try await versions.publish(checkpoint)
        return try await record(checkpoint, layout, log)
    }

    /// Opens the log; one whose objects have changed begins anew where `verifies` says so.
    private func openLog(
        _ versions: VolumeVersions, verifies: Bool
    ) async throws -> (log: ChunkLog, checkpoint: ChunkLog.Checkpoint) {
        let (path, state, fingerprint) = (logPath, context.scratch, fingerprint)
        let opened = try await ThreadPool.files.run { () throws(LedgerError) in
            try ChunkLog.open(path, in: state, fingerprint: fingerprint)
        }
        guard verifies, try await versions.check(opened.checkpoint).changed != nil else { return opened }
        return try await ThreadPool.files.run { () throws(LedgerError) in
            try ChunkLog.remove(path, in: state)
            return try ChunkLog.open(path, in: state, fingerprint: fingerprint)
        }
    }

    private func record(_ checkpoint: ChunkLog.Checkpoint, _ layout: VolumeLayout, _ log: ChunkLog) async throws
        -> Record
    {
        let masks = checkpoint.values.filter { $0.value.has255 && !$0.value.hasOthers }.keys.sorted()
        let record = Record(
            item: plan.name, stage: "download", fingerprint: fingerprint, outputs: [],
            result: [
                "log": .string(logPath), "length": .integer(checkpoint.length),
                "content": .string(checkpoint.content.description), "chunks": .integer(layout.objectCount),
                "absent": .integer(checkpoint.absent), "masks": .array(masks.map { .string($0) }),
            ])
        let (records, durable) = (context.records, checkpoint)
        try await ThreadPool.files.run { () throws(LedgerError) in
            if durable.blocks == 0 { try log.commit(durable) }
            try records.write(record)
        }
        return record
    }

    // MARK: Download

    private func fetch(_ number: Int, _ layout: VolumeLayout, verifies: Bool) async throws -> Fetched {
        try context.stop.check()
        let (path, state) = (packPath(number), context.scratch)
        let block = layout.block(number)
        let array = layout.arrays[block.array]
        let chunks = array.storedChunks(block.units)
        let pack = try await ChunkFetch.fill(
            path, with: [chunks], of: [array.planned], plan: plan, context: context
        ) {
            let pack = try await ThreadPool.files.run { () throws(LedgerError) in
                let pack = try Pack(opening: path, in: state)
                if context.manifest.convert.keepPacks {
                    for object in plan.metadata { try pack.append(object.key, ByteBuffer(Array(object.text.utf8))) }
                }
                return pack
            }
            if verifies {
                let source = SteadySource(context: context, plan: plan, arrays: [array.planned])
                _ = try await source.recheck(pack, [chunks])
            }
            return pack
        }
        return await ThreadPool.files.run {
            Fetched(
                pack: pack, content: Download.contentDigest(of: chunks, array.planned, in: pack),
                absent: chunks.count { array.planned.isAbsent($0, in: pack) }, count: chunks.count,
                versions: Array(array.planned.versions(of: chunks, in: pack).map(\.line).joined().utf8),
                began: pack.began, latestChange: SteadySource.latestChange(in: pack))
        }
    }

    // MARK: Encode

    /// One chunk for the log, and what its values are like.
    private struct Encoded: Sendable {
        let number: Int
        let bytes: ByteBuffer
        let values: ChunkLog.LabelValues?
    }

    private func encode(
        _ number: Int, _ layout: VolumeLayout, _ fetched: Fetched, _ log: ChunkLog,
        _ checkpoint: inout ChunkLog.Checkpoint
    ) async throws {
        guard fetched.absent < fetched.count else { return }
        let block = layout.block(number)
        let array = layout.arrays[block.array]
        let encoder = VolumeEncoder(
            array: array, pack: fetched.pack, memory: context.memory,
            looksAtValues: array.hasOpenValues && !(checkpoint.values[array.plan.key]?.hasOthers ?? false))
        let perUnit = array.chunksPerUnit
        let chunkBytes = 3 * array.planned.chunkByteCount.advanced(by: encoder.chunkByteCount)
        let width = max(1, min(ThreadPool.compute.width * 3, context.memory.work / max(1, chunkBytes)))
        let stop = context.stop
        do {
            try await inOrder(count: block.units.count * perUnit, width: width) { offset -> Encoded? in
                try stop.check()
                let unit = block.units.lowerBound + offset / perUnit
                guard let index = array.chunk(offset % perUnit, ofUnit: unit) else { return nil }
                guard let (bytes, values) = try await encoder.encode(index) else { return nil }
                return Encoded(number: array.number(of: index), bytes: bytes, values: values)
            } consume: { (_: Int, encoded: Encoded?) in
                guard let encoded else { return }
                if let values = encoded.values {
                    checkpoint.values[array.plan.key, default: ChunkLog.LabelValues()].merge(values)
                }
                var moved = checkpoint
                moved = try await ThreadPool.files.run { [moved] () throws(LedgerError) in
                    var next = moved
                    try log.append(
                        ChunkLog.Entry(array: block.array, number: encoded.number, bytes: encoded.bytes), to: &next)
                    return next
                }
                checkpoint = moved
            }
        } catch let error as LedgerError where error.code == .corrupt {
            // What the pack has lost is fetched again the next time.
            let (path, state) = (packPath(number), context.scratch)
            try await ThreadPool.files.run { () throws(LedgerError) in try Pack.remove(path, in: state) }
            throw error
        } catch let error as VolumeError {
            throw Failure(item: plan.name, dataset: plan.dataset, stage: "convert", reason: "\(error)")
        }
    }
}

extension ChunkLog.LabelValues {
    mutating func merge(_ other: Self) {
        has255 = has255 || other.has255
        hasOthers = hasOthers || other.hasOthers
    }
}
