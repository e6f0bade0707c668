internal import Arrays
internal import Elements
internal import Geometry
internal import Ledger
internal import Planning
internal import Stores
internal import Threads
internal import Volumes

/// Sees to it that an item is made from one state of its source, though the source may be changed meanwhile.
///
/// As long as no object was changed after the store gave its first answer, all of them are of that moment, and nothing is asked. One that
/// was changed later is a sign that the source is being changed: then all that was fetched is asked for again, and what has changed is
/// fetched again, until it fits together.
struct SourceConsistency: Sendable {
    /// So often is what has changed fetched again.
    static let maximumRounds = 4

    let context: JobContext
    let plan: ItemPlan
    let arrays: [PlannedArray]

    private var check: SourceCheck { SourceCheck(store: context.store, stop: context.stop, arrays: arrays) }

    /// Whether a pack holds objects that were changed after the first answer. Blocks.
    static func isDoubtful(_ pack: Pack) -> Bool {
        if pack.isDoubtful { return true }
        guard let began = pack.began, let latest = latestChange(in: pack) else { return false }
        return latest >= began
    }

    /// When the object was changed that was changed last, in seconds since 1970 by the store's clock. Blocks.
    static func latestChange(in pack: Pack) -> Int? {
        pack.marks.values.compactMap { ObjectMetadata(text: $0)?.modified }.max()
    }

    /// Asks for everything again that a pack holds of some chunks, and forgets what has changed.
    ///
    /// - Returns: how many objects have changed.
    /// - Throws: ``Failure`` where the metadata that the item was planned with have changed.
    func recheck(_ pack: Pack, _ wanted: [[ZYX<Int>]]) async throws -> Int {
        let arrays = arrays
        let versions = await ThreadPool.files.run {
            zip(arrays, wanted).flatMap { array, chunks in array.versions(of: chunks, in: pack) }
        }
        let (changes, served) = try await check.changes(in: versions)
        try await checkMetadata()
        try await ThreadPool.files.run { () throws(LedgerError) in
            try pack.forget(objects: Set(changes.map(\.key)))
            // What is left is of this moment.
            if let served {
                try pack.noteBegan(served, insteadOfEarlier: true)
            } else if pack.isDoubtful {
                try pack.noteBegan(1, insteadOfEarlier: true)
            }
        }
        return changes.count
    }

    /// - Throws: ``Failure`` where the store does not have the metadata any more that the item was planned with.
    func checkMetadata() async throws {
        let store = context.store
        let stale = try await concurrentMap(plan.metadata) { object -> String? in
            let found = try await store.get(object.key, range: nil, maximumBytes: MetadataCache.maximumBytes)
            return found.map { Self.isSame($0.bytes.array, object) } ?? false ? nil : object.key
        }.compactMap { $0 }
        guard let first = stale.first else { return }
        throw failure(
            "\(store.url.url(of: first)) is not what it was when the item was planned\(Self.more(stale.count)); "
                + "run with --refresh when it is still")
    }

    /// Whether the plan's metadata are the store's, as they are or with the separator that those leave out.
    private static func isSame(_ found: [UInt8], _ object: MetadataObject) -> Bool {
        found.elementsEqual(object.text.utf8)
            || UndeclaredSeparator.nested(found).map { $0.hasSameBytes(as: object.text) } ?? false
    }

    /// What is said where it does not come to rest.
    func unsteady(_ changed: Int, of total: Int) -> Failure {
        failure(
            "\(changed) of \(total) objects differ from when they were fetched, also after \(Self.maximumRounds) rounds; "
                + "run again when it is still")
    }

    func failure(_ reason: String) -> Failure {
        Failure(
            item: plan.name, dataset: plan.dataset, stage: Stage.download.rawValue,
            reason: "the source is being changed: \(reason)")
    }

    private static func more(_ count: Int) -> String { count > 1 ? " (and \(count - 1) more)" : "" }
}
