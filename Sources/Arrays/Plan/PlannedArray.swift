public import Elements
public import Geometry
public import Stores
public import Volumes

/// A planned array with its metadata read: which chunks of it are needed, and how they are decoded.
///
/// Where shards can be read in parts, "chunk" means an inner chunk throughout: it is fetched, kept, decoded and counted.
public struct PlannedArray: Sendable {
    public let plan: ArrayPlan
    public let metadata: ArrayMetadata
    /// How shards are divided; nil where chunks are no shards, or cannot be read in parts.
    public let shards: ShardGrid?
    /// Voxels of a chunk.
    public let chunkShape: ZYX<Int>
    /// Voxels of a stored object: a shard, or a chunk.
    public let objectShape: ZYX<Int>
    /// Indices of the chunks that the plan's box touches.
    public let blocks: Box

    public init(_ plan: ArrayPlan, store: StoreURL) throws {
        self.plan = plan
        let path = store.url(of: "\(plan.key)/\(plan.format.arrayMetadataName)")
        let stored = try plan.storedMetadata(path: path)
        metadata = plan.isReversed ? stored.withReversedAxes : stored
        shards = metadata.shardGrid
        guard let objectShape = ZYX(metadata.chunkShape),
            let chunkShape = ZYX(shards?.innerChunkShape ?? metadata.chunkShape)
        else {
            throw VolumeError(.unsupported, path: path, key: "chunks", "\(metadata.chunkShape.count) axes, expected 3")
        }
        self.chunkShape = chunkShape
        self.objectShape = objectShape
        blocks = plan.box.isEmpty ? Box(shape: ZYX(repeating: 0)) : plan.box.blocks(of: chunkShape)
    }

    public var chunkCount: Int { blocks.volume }
    /// Decoded bytes of a chunk.
    public var chunkByteCount: Int { chunkShape.product * metadata.elementType.byteCount }
    /// More bytes than a stored chunk can sanely have.
    public var maximumEncodedByteCount: Int { shards?.maximumEncodedByteCount ?? metadata.maximumEncodedByteCount }
    /// The codec with which a writer can store chunks the same way; nil where one codec is not enough.
    public var codecSummary: CodecSummary? { metadata.innerCodecSummary }

    /// The key of the array's metadata, below the store.
    public var metadataKey: String { "\(plan.key)/\(metadata.format.arrayMetadataName)" }

    /// The indices of all chunks that are needed, in scan order.
    public var chunks: [ZYX<Int>] {
        var indices: [ZYX<Int>] = []
        indices.reserveCapacity(blocks.volume)
        blocks.forEachIndex { indices.append($0) }
        return indices
    }

    /// Decodes a chunk to C order, native byte order, full shape.
    public func decode(_ encoded: RawSpan, key: String) throws(VolumeError) -> ByteBuffer {
        guard let shards else { return try metadata.decodeChunk(encoded, key: key) }
        return try shards.decode(encoded, key: key)
    }

    /// - Throws: ``VolumeError`` where chunks, or the index of a shard, are too large for `limits.memory`.
    public func checkMemory(_ limit: Int, store: StoreURL) throws(VolumeError) {
        let path = store.url(of: metadataKey)
        guard chunkByteCount <= limit / 4 else {
            throw VolumeError(
                .tooLarge, path: path, key: "chunks",
                "a chunk of \(chunkByteCount) bytes needs limits.memory of at least four times that")
        }
        // The bytes, the numbers in them, and the numbers in order.
        guard let shards, shards.indexByteCount > limit / 16 else { return }
        throw VolumeError(
            .tooLarge, path: path, key: "codecs",
            "the index of a shard has \(shards.indexByteCount) bytes, which needs limits.memory of at least 16 times that"
        )
    }

    // MARK: Names

    /// Where an inner chunk lies.
    public struct ShardPlace: Sendable {
        /// The key of the shard, below the store.
        public let key: String
        /// The inner chunk in the shard.
        public let position: [Int]
    }

    /// The shard that a chunk is in; nil where there are none.
    public func place(_ index: ZYX<Int>) -> ShardPlace? {
        guard let place = shards?.place(ofInnerChunk: index.array) else { return nil }
        return ShardPlace(key: "\(plan.key)/\(metadata.chunkKey(place.shard))", position: place.position)
    }

    /// What a chunk is called in a pack: its key below the store; for an inner chunk `<key of the shard>#z/y/x`, counted from the shard's
    /// first one.
    public func key(_ index: ZYX<Int>) -> String {
        guard let place = place(index) else { return "\(plan.key)/\(metadata.chunkKey(index.array))" }
        return Self.key(place.key, place.position)
    }

    public static func key(_ shard: String, _ position: [Int]) -> String {
        "\(shard)#\(position.map(String.init).joined(separator: "/"))"
    }
}

extension ArrayMetadata {
    /// Reads the metadata of an array in one of the formats.
    public init(_ format: VolumeFormat, _ text: [UInt8], path: String) throws(VolumeError) {
        switch format {
        case .zarrV2: try self.init(zarrV2: text, path: path)
        case .zarrV3: try self.init(zarrV3: text, path: path)
        case .n5: try self.init(n5: text, path: path)
        }
    }
}
