public import Arrays
internal import Codecs
internal import Elements
internal import Geometry
internal import JSONText
public import Ledger
internal import Logging
internal import Manifest
public import Planning
internal import Stores
internal import Threads
internal import Volumes

/// The second stage of a volume: block by block its objects into a pack, and from there, decoded and encoded for HDF5, into a log.
///
/// Blocks are downloaded some ahead of the one that is encoded. A pack goes when its block is in the log: neither memory nor packs
/// grow with the volume.
public struct VolumeDownload: Sendable {
    /// Blocks that are downloaded while one is encoded.
    private static let blocksAhead = 2

    public let context: JobContext
    public let plan: ItemPlan

    public init(context: JobContext, plan: ItemPlan) {
        (self.context, self.plan) = (context, plan)
    }

    private var fingerprints: ItemFingerprints { ItemFingerprints(plan, context) }

    /// Forgets objects that have changed: what is made of them is made anew.
    ///
    /// - Parameter changes: their keys; nil is all. Blocks.
    public func forget(_ changes: Set<String>?) throws {
        try ChunkLog.remove(plan.logPath, in: context.state.holdings)
        for number in 0..<(try VolumeLayout(plan, context: context).blockCount) {
            let path = packPath(number)
            guard try context.state.holdings.hasPack(path) else { continue }
            if let changes {
                try context.state.holdings.pack(path).forget(objects: changes)
            } else {
                try context.state.holdings.removePack(path)
            }
        }
    }

    /// The pack of a block: the name of the item's pack with the number in it.
    private func packPath(_ block: Int) -> String {
        "\(plan.packPath(context).dropLast(4))-\(fingerprints.download.description.prefix(8))-\(block).zip"
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

    /// - Parameters:
    ///   - verifies: whether what the packs hold may be of an earlier state of the source.
    ///   - repairs: whether the log is known to be damaged.
    public func run(verifies: Bool = false, repairs: Bool = false) async throws -> Record {
        let layout = try VolumeLayout(plan, context: context)
        var (log, checkpoint) = try await openLog(layout, verifies: verifies, repairs: repairs)
        let opened = log
        let versions = VolumeVersions(context: context, plan: plan, layout: layout, log: opened)
        let first = min(checkpoint.blocks, layout.blockCount)
        context.progress.add(
            chunks: layout.objectCount, done: await context.state.run { layout.objectCount(ofFirst: first) })
        try await inOrder(count: layout.blockCount - first, width: 1 + Self.blocksAhead) { offset in
            // A task of its own: where another block fails, or the job is stopped, what is under way here is still kept.
            try await Task { try await fetch(first + offset, layout, verifies: verifies) }.value
        } consume: { offset, fetched in
            let number = first + offset
            try await versions.admit(fetched, &checkpoint)
            let taken = try await encodeWhole(number, layout, fetched, opened, &checkpoint)
            checkpoint.blocks = number + 1
            checkpoint.absent += taken.absent
            checkpoint.content = Self.chained(checkpoint.content, taken.content)
            checkpoint = try await checkpoint.extended { next throws(LedgerError) in
                try opened.append(versions: taken.versions, to: &next)
                try opened.commit(next)
                try letGo(of: taken.pack, ofBlock: number)
            }
        }
        try await versions.publish(checkpoint)
        let sources = try await versions.digests(checkpoint)
        return try await record(checkpoint, layout, opened, sources)
    }

    /// The content of some blocks, and of one more.
    static func chained(_ content: Fingerprint, _ next: Fingerprint) -> Fingerprint {
        Fingerprint(of: [.string(content.description), .string(next.description)])
    }

    /// A block is in the log. Blocks.
    private func letGo(of pack: Pack, ofBlock number: Int) throws(LedgerError) {
        if context.manifest.convert.keepPacks {
            try pack.close()
        } else {
            try context.state.holdings.removePack(packPath(number))
        }
    }

    /// Opens the log; one whose objects have changed begins anew where `verifies` says so, and one that is damaged is repaired.
    private func openLog(
        _ layout: VolumeLayout, verifies: Bool, repairs: Bool
    ) async throws -> (log: ChunkLog, checkpoint: ChunkLog.Checkpoint) {
        let fingerprint = fingerprints.volumeLog()
        let opened = try await context.state.run {
            try ChunkLog.open(plan.logPath, in: context.state.holdings, fingerprint: fingerprint)
        }
        let versions = VolumeVersions(context: context, plan: plan, layout: layout, log: opened.log)
        let isStale = verifies ? try await versions.check(opened.checkpoint).changed != nil : false
        if !isStale {
            guard repairs else { return opened }
            if let checkpoint = try await repaired(opened.log, opened.checkpoint, layout) {
                return (opened.log, checkpoint)
            }
        }
        return try await context.state.run {
            try ChunkLog.remove(plan.logPath, in: context.state.holdings)
            return try ChunkLog.open(plan.logPath, in: context.state.holdings, fingerprint: fingerprint)
        }
    }

    /// Makes the blocks anew that the log has lost; nil where it cannot be told which they are, or where the source has changed since.
    private func repaired(
        _ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, _ layout: VolumeLayout
    ) async throws -> ChunkLog.Checkpoint? {
        let stop = context.stop
        let scan = try await context.state.run {
            try LogScan(log, checkpoint, blockCount: min(checkpoint.blocks, layout.blockCount), stop: stop)
        }
        guard let scan else { return nil }
        guard !scan.gaps.isEmpty else { return checkpoint }
        context.logger.notice(
            "\(plan.name): \(scan.summary)", metadata: ["item": "\(plan.name)", "event": "healing"])
        var contents = scan.contents
        var packs: [(pack: Pack, number: Int)] = []
        let repaired = try await scan.mended(checkpoint) { number, mended in
            let fetched = try await fetch(number, layout, verifies: false)
            let taken = try await encodeWhole(number, layout, fetched, log, &mended)
            contents[number] = taken.content
            packs.append((taken.pack, number))
        }
        // Only the same objects give the same digest.
        let start = checkpoint.marksFrom ?? ChunkLog.Place(length: 0, blocks: 0, content: Fingerprint(of: .null))
        let content = (start.blocks..<max(start.blocks, checkpoint.blocks)).reduce(Optional(start.content)) {
            sum, number in
            guard let sum, let next = contents[number] else { return nil }
            return Self.chained(sum, next)
        }
        guard content == checkpoint.content else { return nil }
        let made = packs
        try await context.state.run {
            try log.commit(repaired)
            for (pack, number) in made { try letGo(of: pack, ofBlock: number) }
        }
        return repaired
    }

    private func record(
        _ checkpoint: ChunkLog.Checkpoint, _ layout: VolumeLayout, _ log: ChunkLog, _ sources: [SourceDigest]
    ) async throws -> Record {
        let masks = checkpoint.values.filter { $0.value.has255 && !$0.value.hasOthers }.keys.sorted()
        let beyond = checkpoint.values.filter { $0.value.has255 && $0.value.hasIdsBeyond ?? false }.keys.sorted()
        var result: [String: JSONValue] = [
            "log": .string(plan.logPath), "length": .integer(checkpoint.length),
            "content": .string(checkpoint.content.description), "chunks": .integer(layout.objectCount),
            "absent": .integer(checkpoint.absent), "masks": .array(masks.map { .string($0) }),
            SourceDigest.key: SourceDigest.json(sources),
        ]
        if !beyond.isEmpty { result["ids_beyond_255"] = .array(beyond.map { .string($0) }) }
        let record = Record(
            .download, of: plan.name, fingerprint: fingerprints.volumeLog(), outputs: [],
            result: .object(result))
        let durable = checkpoint
        try await context.state.run {
            if durable.blocks == 0 { try log.commit(durable) }
            try context.state.records.write(record)
        }
        return record
    }

    // MARK: Download

    private func fetch(_ number: Int, _ layout: VolumeLayout, verifies: Bool) async throws -> Fetched {
        try context.stop.check()
        let path = packPath(number)
        let block = layout.block(number)
        let array = layout.arrays[block.array]
        let chunks = array.storedChunks(block.units)
        let pack = try await ChunkFetch.fill(
            path, with: [chunks], of: [array.planned], plan: plan, context: context
        ) {
            let pack = try await context.state.run {
                let pack = try context.state.holdings.pack(path)
                if context.manifest.convert.keepPacks {
                    for object in plan.metadata { try pack.append(object.key, ByteBuffer(Array(object.text.utf8))) }
                }
                return pack
            }
            if verifies {
                let source = SourceConsistency(context: context, plan: plan, arrays: [array.planned])
                _ = try await source.recheck(pack, [chunks])
            }
            return pack
        }
        let store = context.store.url
        return try await context.state.run {
            // Of a shard without a mark, each block has another part.
            let versions =
                array.planned.shards == nil
                ? try array.planned.versions(of: chunks, in: pack, from: store)
                : array.planned.versions(of: chunks, in: pack)
            return Fetched(
                pack: pack, content: PlannedArray.contentDigest(of: chunks, array.planned, in: pack),
                absent: chunks.count { array.planned.isAbsent($0, in: pack) }, count: chunks.count,
                versions: Array(versions.map(\.line).joined().utf8),
                began: pack.began, latestChange: SourceConsistency.latestChange(in: pack))
        }
    }

    // MARK: Encode

    /// One chunk for the log, and what its values are like.
    private struct Encoded: Sendable {
        public let number: Int
        public let bytes: ByteBuffer
        public let values: ChunkLog.LabelValues?
    }

    /// Puts a block into the log, with its mark. What its pack turns out to have lost is fetched again.
    private func encodeWhole(
        _ number: Int, _ layout: VolumeLayout, _ fetched: Fetched, _ log: ChunkLog,
        _ checkpoint: inout ChunkLog.Checkpoint
    ) async throws -> Fetched {
        let before = checkpoint
        var fetched = fetched
        var round = 0
        while true {
            do {
                try await encode(number, layout, fetched, log, &checkpoint)
                break
            } catch let error as LedgerError where error.code == .corrupt && round < HoldingsDamage.maximumHealings {
                round += 1
                checkpoint = before
                let pack = fetched.pack
                let count = try await context.state.run { try pack.forgetDamaged() }
                context.logger.notice(
                    "\(plan.name): \(count) damaged objects are fetched again: \(error)",
                    metadata: ["item": "\(plan.name)", "event": "healing"])
                fetched = try await fetch(number, layout, verifies: false)
            }
        }
        let mark = ChunkLog.BlockMark(content: fetched.content)
        checkpoint = try await checkpoint.extended { next throws(LedgerError) in
            try log.append(mark, ofBlock: number, to: &next)
        }
        return fetched
    }

    private func encode(
        _ number: Int, _ layout: VolumeLayout, _ fetched: Fetched, _ log: ChunkLog,
        _ checkpoint: inout ChunkLog.Checkpoint
    ) async throws {
        let block = layout.block(number)
        let array = layout.arrays[block.array]
        // What is not stored holds the fill value: if it is not 0, the labels have one value more.
        let fill = array.planned.metadata.fillValue
        if fetched.absent > 0, array.hasOpenValues, fill.contains(where: { $0 != 0 }) {
            let value = ChunkLog.LabelValues(of: ByteBuffer(fill), array.planned.metadata.elementType, beyond: false)
            checkpoint.values[array.plan.key, default: ChunkLog.LabelValues()].merge(value)
        }
        guard fetched.absent < fetched.count else { return }
        let seen = checkpoint.values[array.plan.key]
        let encoder = VolumeEncoder(
            array: array, pack: fetched.pack, cacheBytes: context.memory.cache,
            looksAtValues: array.hasOpenValues && !(seen?.hasOthers ?? false),
            looksBeyond: array.derivation == nil && UnknownIdentifier(array.plan, in: plan) != nil
                && !((seen?.has255 ?? false) && seen?.hasIdsBeyond ?? false))
        let perUnit = array.chunksPerUnit
        let chunkBytes = 3 * array.planned.chunkByteCount.advanced(by: encoder.chunkByteCount)
        let width = ThreadPool.chunksUnderWay(of: chunkBytes, within: context.memory.work)
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
                let entry = ChunkLog.Entry(array: block.array, number: encoded.number, bytes: encoded.bytes)
                checkpoint = try await checkpoint.extended { next throws(LedgerError) in
                    try log.append(entry, to: &next)
                }
            }
        } catch let error as VolumeError {
            throw Failure(item: plan.name, dataset: plan.dataset, stage: .convert, reason: "\(error)")
        }
    }
}

extension ChunkLog.LabelValues {
    public mutating func merge(_ other: Self) {
        has255 = has255 || other.has255
        hasOthers = hasOthers || other.hasOthers
        if let beyond = other.hasIdsBeyond { hasIdsBeyond = beyond || hasIdsBeyond ?? false }
    }
}
