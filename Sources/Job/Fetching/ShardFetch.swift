internal import Arrays
internal import Elements
internal import Geometry
internal import JSONText
internal import Ledger
internal import Stores
internal import Threads
internal import Volumes

/// Fetches some inner chunks of one shard into a pack: first the shard's index, then only the bytes that hold them. Where the whole shard costs no more,
/// it is fetched with one request.
struct ShardFetch: Sendable {
    /// What is to be fetched next, with one request.
    enum Part: Sendable {
        case whole
        case run(ShardRanges.Run)
    }

    /// Larger shards are read in parts, even where the whole shard is needed.
    private static let maximumWholeBytes = 64 << 20

    let context: JobContext
    let pack: Pack
    let array: PlannedArray
    let grid: ShardGrid
    let object: ShardObject
    /// Inner chunks that the pack does not hold yet.
    let positions: [[Int]]

    /// - Parameter index: of the shard in the grid of shards.
    init(
        _ index: ZYX<Int>, of array: PlannedArray, grid: ShardGrid, positions: [[Int]], context: JobContext, pack: Pack
    ) throws {
        self.context = context
        self.pack = pack
        self.array = array
        self.grid = grid
        self.positions = positions
        let key = "\(array.plan.key)/\(array.metadata.chunkKey(index.array))"
        let version = try pack.read(PlannedArray.versionKey(key)).flatMap { text in
            try? JSONValue(parsing: text.array).decode(ShardVersion.self)
        }
        object = ShardObject(store: context.store, key: key, version: version)
        // Inner chunks beyond the array are not counted.
        let first = index.zip(array.objectShape, *)
        let inside = first.zip(array.objectShape, +).zip(array.plan.grid.shape, min).zip(first, -)
        isAllNeeded = positions.count == inside.zip(array.chunkShape) { ($0 + $1 - 1) / $1 }.product
    }

    /// Whether all inner chunks that lie in the array are to be fetched.
    private let isAllNeeded: Bool

    private var key: String { object.key }
    private var reader: ShardReader { object.reader(grid) }
    private var wholeLimit: Int { min(Self.maximumWholeBytes, context.memory.download / 2) }

    /// What is to be fetched; nothing where no inner chunk is stored.
    func begin() async throws -> [Part] {
        if isAllNeeded, array.metadata.maximumEncodedByteCount <= wholeLimit { return [.whole] }
        return try await parts()
    }

    /// What is to be fetched by the index.
    private func parts() async throws -> [Part] {
        try await context.downloadBudget.with(4 * grid.indexByteCount) {
            guard !context.stop.isStopped else { return [] }
            guard let ranges = try await ranges() else {
                try await noteAbsent([key])
                context.progress.add(chunks: 0, done: positions.count)
                return []
            }
            let absent = positions.filter { ranges.range(of: $0) == nil }
            try await noteAbsent(absent.map { PlannedArray.key(key, $0) })
            context.progress.add(chunks: 0, done: absent.count)
            let runs = ranges.runs(
                of: positions)
            // A request costs as much as the bytes that are fetched rather than begin one.
            let cost = runs.reduce(grid.indexByteCount) { $0 + $1.range.count + ShardRanges.maximumGap }
            if let size = object.version?.byteCount, size <= min(wholeLimit, cost), !runs.isEmpty { return [.whole] }
            return runs.map { .run($0) }
        }
    }

    /// The index, from the pack where that has it. nil where the store has no such shard.
    private func ranges() async throws -> ShardRanges? {
        let (pack, key, grid, url) = (pack, key, grid, object.url)
        if let version = object.version,
            let index = try await context.state.run({
                try pack.read(PlannedArray.indexKey(key))
            })
        {
            return try index.withSpan { bytes throws(VolumeError) in
                try grid.decodeIndex(bytes, objectByteCount: version.byteCount, key: url)
            }
        }
        guard let answer = try await reader.index() else { return nil }
        let ranges = try answer.bytes.withSpan { bytes throws(VolumeError) in
            try grid.decodeIndex(bytes, objectByteCount: answer.objectByteCount, key: url)
        }
        let version = object.version ?? ShardVersion()
        let text = try JSONValue(encoding: version).canonicalText
        try await noteAnswer()
        try await context.state.run {
            try pack.noteVersion(version.metadata.text, of: key)
            try pack.append(PlannedArray.versionKey(key), ByteBuffer(Array(text.utf8)))
            try pack.append(PlannedArray.indexKey(key), answer.bytes)
        }
        return ranges
    }

    private func noteAnswer() async throws {
        let (pack, served) = (pack, object.served)
        guard let served else { return }
        try await context.state.run { try pack.noteBegan(served) }
    }

    private func noteAbsent(_ keys: [String]) async throws {
        let pack = pack
        try await context.state.run { for key in keys { try pack.noteAbsent(key) } }
    }

    /// Fetches a part and puts it into the pack. Returns the parts to fetch instead where a whole shard turns out to be too large.
    func fetch(_ part: Part) async throws -> [Part] {
        switch part {
        case .whole:
            do {
                try await fetchWhole()
            } catch let error as StoreError where error.code == .tooLarge && object.version == nil {
                // Writers may leave as much unused space between inner chunks as they like.
                return try await parts()
            }
        case .run(let run): try await fetch(run)
        }
        return []
    }

    private func fetchWhole() async throws {
        let (pack, key) = (pack, key)
        let limit = object.version?.byteCount ?? array.metadata.maximumEncodedByteCount
        try await context.downloadBudget.with(limit) {
            guard !context.stop.isStopped else { return }
            let open = positions.filter { !pack.isAbsent(PlannedArray.key(key, $0)) }
            if let bytes = try await object.whole(maximumBytes: limit) {
                let ranges = try ranges(inWhole: bytes)
                try await noteAbsent(open.filter { ranges.range(of: $0) == nil }.map { PlannedArray.key(key, $0) })
                try await noteAnswer()
                let version = object.version?.metadata.text
                try await context.state.run {
                    try pack.append(key, bytes, version: version)
                }
            } else {
                try await noteAbsent([key])
            }
            context.progress.add(chunks: 0, done: open.count)
        }
    }

    /// The index in a whole shard.
    private func ranges(inWhole bytes: ByteBuffer) throws(VolumeError) -> ShardRanges {
        let index = try grid.indexRange(inShardOf: bytes.count, key: object.url)
        return try bytes.withSpan { span throws(VolumeError) in
            try grid.decodeIndex(span.extracting(index), objectByteCount: bytes.count, key: object.url)
        }
    }

    private func fetch(_ run: ShardRanges.Run) async throws {
        try await context.downloadBudget.with(2 * run.range.count) {
            guard !context.stop.isStopped else { return }
            let bytes = try await reader.bytes(run.range)
            let (pack, key) = (pack, key)
            try await noteAnswer()
            try await context.state.run {
                for member in run.members {
                    let lower = member.range.lowerBound - run.range.lowerBound
                    let part = bytes.withUnsafeBytes { ByteBuffer($0[lower..<(lower + member.range.count)]) }
                    try pack.append(PlannedArray.key(key, member.position), part)
                }
            }
            context.progress.add(chunks: 0, done: run.members.count)
        }
    }
}
