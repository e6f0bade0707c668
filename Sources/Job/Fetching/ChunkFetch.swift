internal import Arrays
internal import Elements
internal import Geometry
internal import Ledger
internal import Manifest
internal import Planning
internal import Stores
internal import Synchronization
internal import Threads
internal import Volumes

/// Fetches chunks of some arrays into a pack, many at a time.
///
/// A chunk is in the pack, or proved not to be stored (404, or by the index of its shard), or this fails: never "missing because of an
/// error".
struct ChunkFetch: Sendable {
    /// An item is given up after so many of its objects have failed for good; the others are still fetched.
    private static let maximumFailures = 3

    let context: JobContext
    let arrays: [PlannedArray]
    let pack: Pack

    /// One request, or what leads to some.
    private enum Work: Sendable {
        /// A chunk that is an object of its own.
        case chunk(array: Int, index: ZYX<Int>)
        /// Some chunks of a shard.
        case shard(array: Int, index: ZYX<Int>, positions: [[Int]])
        case part(ShardFetch, ShardFetch.Part)
    }

    /// Opens a pack and fetches what it does not hold of `wanted`, the indices of chunks for each of `arrays`. A pack in which parts of
    /// two versions of a shard would come together is begun anew, once; where the source is changed meanwhile, what has changed is
    /// fetched again.
    ///
    /// - Parameter begun: the pack, where it is open already.
    /// - Throws: ``Failure`` where the source does not come to rest.
    static func fill(
        _ path: String, with wanted: [[ZYX<Int>]], of arrays: [PlannedArray], plan: ItemPlan, context: JobContext,
        begun: Pack? = nil, open: @Sendable () async throws -> Pack
    ) async throws -> Pack {
        let source = SourceConsistency(context: context, plan: plan, arrays: arrays)
        let total = wanted.reduce(0) { $0 + $1.count }
        var isFirst = true
        while true {
            let pack = if let begun, isFirst { begun } else { try await open() }
            let missing = await ThreadPool.files.run {
                zip(arrays, wanted).map { array, indices in indices.filter { !array.isKnown($0, in: pack) } }
            }
            context.progress.add(chunks: 0, done: missing.reduce(total) { $0 - $1.count })
            do {
                let fetch = ChunkFetch(context: context, arrays: arrays, pack: pack)
                try await fetch.run(missing)
                try await fetch.settle(wanted, source)
                return pack
            } catch let error as DownloadError where error.first is ShardChange {
                let holdings = context.holdings
                try await ThreadPool.files.run { () throws(LedgerError) in
                    let done = zip(arrays, wanted).reduce(0) { sum, pair in
                        sum + pair.1.count { pair.0.isKnown($0, in: pack) }
                    }
                    context.progress.add(chunks: 0, done: -done)
                    try holdings.removePack(path)
                }
                guard isFirst else { throw error }
                isFirst = false
            }
        }
    }

    /// Fetches again what has changed meanwhile, until all of it is of one state of the source.
    private func settle(_ wanted: [[ZYX<Int>]], _ source: SourceConsistency) async throws {
        let (arrays, pack) = (arrays, pack)
        var changed = 0
        for round in 0...SourceConsistency.maximumRounds {
            guard await ThreadPool.files.run({ SourceConsistency.isDoubtful(pack) }) else { return }
            guard round < SourceConsistency.maximumRounds else { break }
            changed = try await source.recheck(pack, wanted)
            guard changed > 0 else { return }
            let missing = await ThreadPool.files.run {
                zip(arrays, wanted).map { array, indices in indices.filter { !array.isKnown($0, in: pack) } }
            }
            context.progress.add(chunks: 0, done: -missing.reduce(0) { $0 + $1.count })
            try await run(missing)
        }
        throw source.unsteady(changed, of: wanted.reduce(0) { $0 + $1.count })
    }

    private func run(_ missing: [[ZYX<Int>]]) async throws {
        let failures = ErrorList()
        let stop = context.stop
        try await withThrowingTaskGroup(of: [Work].self) { group in
            var works = works(missing).makeIterator()
            // What a shard turned out to need comes first: its index is in memory meanwhile.
            var parts: [Work] = []
            var running = 0
            while true {
                while running < context.manifest.limits.connections, !stop.isStopped,
                    failures.count < Self.maximumFailures, let work = parts.popLast() ?? works.next()
                {
                    running += 1
                    group.addTask {
                        do {
                            return try await perform(work)
                        } catch {
                            // A full disk and a silent store end it all; to be stopped only means that nothing new is begun.
                            switch JobError(error, stop) {
                            case .cannotWrite(let reason)?: throw JobError.cannotWrite(reason)
                            case .unreachable(let reason)?: throw JobError.unreachable(reason)
                            default: break
                            }
                            failures.append(error)
                            return []
                        }
                    }
                }
                guard running > 0 else { break }
                parts += try await group.next()?.reversed() ?? []
                running -= 1
            }
        }
        try context.stop.check()
        if let first = failures.first { throw DownloadError(first: first, count: failures.count) }
    }

    /// Labels first: they may decide, and are small beside raw data. Of each, shards first: what they need is known last.
    private func works(_ missing: [[ZYX<Int>]]) -> [Work] {
        let labels = arrays.indices.filter { arrays[$0].plan.annotation != nil }
        let others = arrays.indices.filter { arrays[$0].plan.annotation == nil }
        return [labels, others].flatMap { numbers in
            numbers.filter { arrays[$0].shards != nil }.flatMap { shards(missing[$0], of: $0) }
                + numbers.filter { arrays[$0].shards == nil }.flatMap { number in
                    missing[number].map { .chunk(array: number, index: $0) }
                }
        }
    }

    /// The shards that hold some inner chunks of an array.
    private func shards(_ indices: [ZYX<Int>], of number: Int) -> [Work] {
        var order: [ZYX<Int>] = []
        var positions: [ZYX<Int>: [[Int]]] = [:]
        for index in indices {
            guard let place = arrays[number].shards?.place(ofInnerChunk: index.array), let shard = ZYX(place.shard)
            else { continue }
            if positions[shard] == nil { order.append(shard) }
            positions[shard, default: []].append(place.position)
        }
        return order.map { .shard(array: number, index: $0, positions: positions[$0] ?? []) }
    }

    /// Returns what has turned out to be needed.
    private func perform(_ work: Work) async throws -> [Work] {
        switch work {
        case .chunk(let number, let index):
            try await fetch(index, of: arrays[number])
            return []
        case .shard(let number, let index, let positions):
            let array = arrays[number]
            guard let grid = array.shards else { return [] }
            let shard = try await ThreadPool.files.run { () throws in
                try ShardFetch(index, of: array, grid: grid, positions: positions, context: context, pack: pack)
            }
            return try await shard.begin().map { .part(shard, $0) }
        case .part(let shard, let part):
            return try await shard.fetch(part).map { .part(shard, $0) }
        }
    }

    private func fetch(_ index: ZYX<Int>, of array: PlannedArray) async throws {
        let (key, bound) = (array.key(index), array.maximumEncodedByteCount)
        let expected = context.chunkSizes.expected(array)
        do {
            try await fetch(key, of: array, limit: expected)
        } catch let error as StoreError where error.code == .tooLarge && expected < bound {
            // Larger than those before it: with all the room that there may be.
            try await fetch(key, of: array, limit: bound)
        }
        context.progress.add(chunks: 0, done: 1)
    }

    private func fetch(_ key: String, of array: PlannedArray, limit: Int) async throws {
        try await context.downloadBudget.with(limit) {
            guard !context.stop.isStopped else { return }
            let object = try await context.store.get(key, range: nil, maximumBytes: limit)
            if let object { context.chunkSizes.note(object.bytes.count, of: array) }
            try await ThreadPool.files.run { () throws(LedgerError) in
                if let object {
                    if let served = object.served { try pack.noteBegan(served) }
                    try pack.append(key, object.bytes(isGzip: array.metadata.isGzip), mark: object.metadata.text)
                } else {
                    try pack.noteAbsent(key)
                }
            }
        }
    }
}

/// Objects of an item that could not be had.
struct DownloadError: Error, CustomStringConvertible {
    let first: any Error
    let count: Int

    var description: String {
        let more = count > 1 ? " (and \(count - 1) more)" : ""
        let kept = first is ShardChange ? "" : ", what is there is kept"
        return "\(first)\(more); run the same command again\(kept)"
    }
}

/// The failures of concurrent tasks, in the order in which they happened; a shard that changed comes first.
private final class ErrorList: Sendable {
    private let errors = Mutex<[any Error]>([])

    public var count: Int { errors.withLock { $0.count } }
    public var first: (any Error)? { errors.withLock { errors in errors.first { $0 is ShardChange } ?? errors.first } }

    public func append(_ error: any Error) { errors.withLock { $0.append(error) } }
}
