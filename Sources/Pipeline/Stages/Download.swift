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
///
/// A chunk is in the pack, or proved not to be stored (404), or the stage fails: never "missing because of an error".
struct Download: Sendable {
    /// Goes up whenever the same input gives other bytes than before.
    static let version = 1

    /// An item is given up after so many of its objects have failed for good; the others are still fetched.
    private static let maximumFailures = 3

    let context: JobContext
    let plan: ItemPlan

    /// Of everything that is to be fetched.
    var fingerprint: Fingerprint {
        Fingerprint(of: [
            "version": .integer(Self.version), "source": .string(context.store.url.description),
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
    func run() async throws -> Record {
        let (path, fingerprint) = (packPath, fingerprint)
        let pack = try await openPack()
        let arrays = try plan.arrays.map { try PlannedArray($0, store: context.store.url) }
        let total = arrays.reduce(0) { $0 + $1.chunkCount }
        let wanted = await ThreadPool.files.run {
            arrays.flatMap { array in array.chunks.filter { !pack.knows($0) } }
        }
        context.progress.add(chunks: total, done: total - wanted.count)
        let limits = Dictionary(arrays.map { ($0.plan.key, $0.metadata.maximumEncodedByteCount) }) { first, _ in first }
        try await fetch(wanted, into: pack, limits: limits)
        let digest = try await ThreadPool.files.run { () throws -> Fingerprint in
            try pack.close()
            return Self.contentDigest(of: arrays, metadata: plan.metadata, in: pack)
        }
        let record = Record(
            item: plan.name, stage: "download", fingerprint: fingerprint, outputs: [],
            result: [
                "pack": .string(path), "content": .string(digest.description), "chunks": .integer(total),
                "absent": .integer(arrays.reduce(0) { $0 + $1.chunks.count { pack.isAbsent($0) } }),
            ])
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    /// Opens the pack with today's metadata in it. One whose metadata are others is of another state of the store, and goes.
    private func openPack() async throws -> Pack {
        let (state, path, metadata) = (context.scratch, packPath, plan.metadata)
        return try await ThreadPool.files.run { () throws(LedgerError) in
            var pack = try Pack(opening: path, in: state)
            for object in metadata {
                if let found = try pack.read(object.key), !found.array.elementsEqual(object.text.utf8) {
                    try Pack.remove(path, in: state)
                    pack = try Pack(opening: path, in: state)
                    break
                }
            }
            for object in metadata { try pack.append(object.key, ByteBuffer(Array(object.text.utf8))) }
            return pack
        }
    }

    // MARK: Fetching

    func fetch(_ keys: [String], into pack: Pack, limits: [String: Int]) async throws {
        let failures = ErrorList()
        let stop = context.stop
        try await withThrowingTaskGroup(of: Void.self) { group in
            var next = keys.makeIterator()
            var running = 0
            while true {
                while running < context.manifest.limits.connections, !stop.isStopped,
                    failures.count < Self.maximumFailures, let key = next.next()
                {
                    running += 1
                    group.addTask {
                        do {
                            try await fetchOne(key, limits: limits, into: pack)
                        } catch {
                            // A full disk ends it all; to be stopped only means that nothing new is begun.
                            if let jobError = JobError(error), case .cannotWrite = jobError { throw jobError }
                            failures.append(error)
                        }
                    }
                }
                guard running > 0 else { break }
                try await group.next()
                running -= 1
            }
        }
        try context.stop.check()
        if let first = failures.first { throw DownloadError(first: first, count: failures.count) }
    }

    private func fetchOne(_ key: String, limits: [String: Int], into pack: Pack) async throws {
        // The array a chunk belongs to is the longest of its folders that is an array.
        let array = Self.arrayKey(of: key, in: limits)
        let limit = limits[array] ?? 0
        try await context.downloadBudget.with(limit) {
            guard !context.stop.isStopped else { return }
            let object = try await context.store.get(key, range: nil, maximumBytes: limit)
            try await ThreadPool.files.run { () throws(LedgerError) in
                if let object {
                    try pack.append(key, object.bytes)
                } else {
                    try pack.noteAbsent(key)
                }
            }
        }
        context.progress.add(chunks: 0, done: 1)
    }

    private static func arrayKey(of key: String, in limits: [String: Int]) -> String {
        var folder = Substring(key)
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            if limits[String(folder)] != nil { return String(folder) }
        }
        return ""
    }

    /// Of the needed objects' keys, sizes and CRCs: what convert is made from. The same objects give the same digest, in
    /// whatever order they came.
    static func contentDigest(of arrays: [PlannedArray], metadata: [MetadataObject], in pack: Pack) -> Fingerprint {
        contentDigest(of: arrays.flatMap(\.chunks) + metadata.map(\.key), in: pack)
    }

    static func contentDigest(of keys: [String], in pack: Pack) -> Fingerprint {
        var lines: [String] = []
        for key in keys {
            lines.append(pack.summary(key).map { "\(key) \($0.size) \($0.crc32)" } ?? "\(key) absent")
        }
        return Fingerprint(of: .string(lines.sorted().joined(separator: "\n")))
    }
}

/// Objects of an item that could not be had.
struct DownloadError: Error, CustomStringConvertible {
    let first: any Error
    let count: Int

    var description: String {
        let more = count > 1 ? " (and \(count - 1) more)" : ""
        return "\(first)\(more); run the same command again, what is there is kept"
    }
}

/// The failures of concurrent tasks, in the order in which they happened.
private final class ErrorList: Sendable {
    private let errors = Mutex<[any Error]>([])

    var count: Int { errors.withLock { $0.count } }
    var first: (any Error)? { errors.withLock { $0.first } }

    func append(_ error: any Error) { errors.withLock { $0.append(error) } }
}
