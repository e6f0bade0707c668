public import Elements

/// Reads inner chunks of one shard by ranges: its index, then only the bytes that are needed.
public struct ShardReader: Sendable {
    /// A part of an object.
    public enum Part: Sendable, Hashable {
        case range(Range<Int>)
        /// The last bytes; the whole object where it has fewer.
        case suffix(Int)
    }

    /// The bytes of a part.
    public struct Answer: Sendable {
        /// What was asked for, cut at the object's end.
        public let bytes: ByteBuffer
        /// Bytes of the whole object; nil where the store does not say. It is needed for a suffix: without it, an index at the end cannot be
        /// told from another object's.
        public let objectByteCount: Int?

        public init(bytes: ByteBuffer, objectByteCount: Int?) {
            self.bytes = bytes
            self.objectByteCount = objectByteCount
        }
    }

    /// Fetches a part of the shard; nil where there is no such object.
    public typealias Fetch = @Sendable (Part) async throws -> Answer?

    public let grid: ShardGrid
    /// The shard's key, for messages.
    public let key: String
    private let fetch: Fetch

    /// Nil where the array's chunks are no shards, or cannot be read in parts.
    public init?(_ metadata: ArrayMetadata, key: String, fetch: @escaping Fetch) {
        guard let grid = metadata.shardGrid else { return nil }
        self.init(grid, key: key, fetch: fetch)
    }

    public init(_ grid: ShardGrid, key: String, fetch: @escaping Fetch) {
        self.grid = grid
        self.key = key
        self.fetch = fetch
    }

    /// Fetches the index: one request. Nil where there is no shard: all its inner chunks are unstored.
    ///
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the object is too short for its index, or as
    ///   ``ShardGrid/decodeIndex(_:objectByteCount:key:)``, `.unsupported` where the size of an object with the index at
    ///   its end is not known; what `fetch` throws.
    public func ranges() async throws -> ShardRanges? {
        guard let answer = try await index() else { return nil }
        return try answer.bytes.withSpan { bytes throws(VolumeError) in
            try grid.decodeIndex(bytes, objectByteCount: answer.objectByteCount, key: key)
        }
    }

    /// Fetches the index as it is encoded: as ``ranges()``, which decodes it.
    public func index() async throws -> Answer? {
        let count = grid.indexByteCount
        guard let answer = try await fetch(grid.isIndexAtStart ? .range(0..<count) : .suffix(count)) else { return nil }
        guard grid.isIndexAtStart || answer.objectByteCount != nil else {
            throw VolumeError(.unsupported, path: key, "the store does not say how many bytes the shard has")
        }
        guard answer.bytes.count == count else {
            throw VolumeError(
                .corruptChunk, path: key, "the shard has \(answer.bytes.count) bytes, but its index alone has \(count)")
        }
        return answer
    }

    /// Fetches and decodes one inner chunk; nil where it is unstored.
    ///
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the shard ends before the inner chunk does, or its bytes
    ///   are damaged; what `fetch` throws.
    public func innerChunk(_ position: [Int], in ranges: ShardRanges) async throws -> ByteBuffer? {
        guard let range = ranges.range(of: position) else { return nil }
        let bytes = try await bytes(range)
        return try bytes.withSpan { bytes throws(VolumeError) in try decode(bytes, at: position) }
    }

    /// Fetches the bytes of a run: one request.
    ///
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the shard ends before the run does; what `fetch` throws.
    public func bytes(_ range: Range<Int>) async throws -> ByteBuffer {
        guard !range.isEmpty else { return ByteBuffer(count: 0) }
        let answer = try await fetch(.range(range))
        guard let bytes = answer?.bytes, bytes.count == range.count else {
            throw VolumeError(
                .corruptChunk, path: key,
                "the shard gave \(answer?.bytes.count ?? 0) bytes of the \(range.count) at offset \(range.lowerBound), "
                    + "where its index has inner chunks")
        }
        return bytes
    }

    /// Decodes an inner chunk to C order, native byte order, full shape.
    ///
    /// - Throws: ``VolumeError`` as ``ArrayMetadata/decodeChunk(_:key:)`` does.
    public func decode(_ encoded: RawSpan, at position: [Int]) throws(VolumeError) -> ByteBuffer {
        let name = position.map(String.init).joined(separator: "/")
        return try grid.decode(encoded, key: "\(key)#\(name)")
    }
}
