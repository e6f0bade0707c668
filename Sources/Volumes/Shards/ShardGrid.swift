public import Elements

/// How the chunks of a sharded array are divided, if a shard can be read in parts. That needs array → array stages that only transpose, and
/// no stage after `sharding_indexed`.
public struct ShardGrid: Sendable, Equatable {
    /// Elements of an inner chunk per axis of the array.
    public let innerChunkShape: [Int]
    /// Inner chunks of a shard per axis of the array.
    public let gridShape: [Int]
    /// Bytes of the encoded index.
    public let indexByteCount: Int
    /// Whether the index lies at the start of a shard rather than at its end.
    public let isIndexAtStart: Bool
    /// How inner chunks are encoded, in the axes of the array.
    public let innerCodecs: CodecChain
    /// The form of an inner chunk, in the axes of the array.
    public let innerForm: ChunkForm

    private let layout: ShardLayout
    /// The form of a shard after its transposition.
    private let encodedForm: ChunkForm
    /// Steps in the index from one inner chunk to the next along each axis of the array.
    private let steps: [Int]

    /// Nil where chunks are no shards, or cannot be read in parts.
    init?(_ codecs: CodecChain, form: ChunkForm) {
        guard case .sharding(let layout) = codecs.arrayToBytes, codecs.bytesToBytes.isEmpty else { return nil }
        // Axis i of the encoded shard is axis order[i] of the array.
        var order = Array(form.shape.indices)
        for stage in codecs.arrayToArray {
            guard case .transpose(let next) = stage else { return nil }
            order = next.map { order[$0] }
        }
        let encodedForm = codecs.forms(of: form).last ?? form
        let encodedGrid = layout.gridShape(of: encodedForm)
        guard let indexByteCount = layout.indexByteCount(gridShape: encodedGrid) else { return nil }
        var innerChunkShape = form.shape
        var gridShape = form.shape
        var steps = [Int](repeating: 1, count: order.count)
        var step = 1
        for (encodedAxis, axis) in order.enumerated().reversed() {
            innerChunkShape[axis] = layout.innerChunkShape[encodedAxis]
            gridShape[axis] = encodedGrid[encodedAxis]
            steps[axis] = step
            step *= encodedGrid[encodedAxis]
        }
        self.innerChunkShape = innerChunkShape
        self.gridShape = gridShape
        self.indexByteCount = indexByteCount
        isIndexAtStart = layout.isIndexAtStart
        innerCodecs = CodecChain(
            arrayToArray: codecs.arrayToArray + layout.innerCodecs.arrayToArray,
            arrayToBytes: layout.innerCodecs.arrayToBytes, bytesToBytes: layout.innerCodecs.bytesToBytes)
        innerForm = ChunkForm(
            shape: innerChunkShape, elementType: form.elementType, fillValue: form.fillValue)
        self.layout = layout
        self.encodedForm = encodedForm
        self.steps = steps
    }

    /// Inner chunks of a shard.
    public var count: Int { gridShape.reduce(1, *) }

    /// An upper bound for the bytes of an encoded inner chunk.
    public var maximumEncodedByteCount: Int { innerCodecs.encodedByteBound(of: innerForm) }

    /// Decodes one inner chunk to C order, native byte order, full shape.
    ///
    /// - Parameter key: the inner chunk, for messages.
    /// - Throws: ``VolumeError`` as ``ArrayMetadata/decodeChunk(_:key:)`` does.
    public func decode(_ encoded: RawSpan, key: String) throws(VolumeError) -> ByteBuffer {
        try innerCodecs.decode(encoded, form: innerForm, key: key)
    }

    /// The shard of an inner chunk, and the chunk's position in it. `index` counts inner chunks along each axis from the array's origin.
    public func place(ofInnerChunk index: [Int]) -> (shard: [Int], position: [Int]) {
        (zip(index, gridShape).map { $0 / $1 }, zip(index, gridShape).map { $0 % $1 })
    }

    /// Decodes the index of a shard.
    ///
    /// - Parameters:
    ///   - encoded: the first or last ``indexByteCount`` bytes of the shard.
    ///   - objectByteCount: bytes of the shard; nil where they are not known.
    ///   - key: the shard's key, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the index is damaged, or a range in it overflows, reaches
    ///   beyond the shard or into the index, is longer than an inner chunk can be, or overlaps another one.
    public func decodeIndex(
        _ encoded: RawSpan, objectByteCount: Int?, key: String
    ) throws(VolumeError) -> ShardRanges {
        let index = try layout.decodeIndex(
            encoded, form: encodedForm, objectByteCount: objectByteCount, key: key)
        return ShardRanges(index: index, gridShape: gridShape, steps: steps)
    }
}

extension ArrayMetadata {
    /// How chunks are divided where they are shards that can be read in parts; nil otherwise.
    public var shardGrid: ShardGrid? { ShardGrid(codecs, form: chunkForm) }

    /// Elements per axis of what is decoded at once: an inner chunk (of the outermost shards) where chunks can be read in
    /// parts, otherwise a chunk.
    public var innerChunkShape: [Int] { shardGrid?.innerChunkShape ?? chunkShape }

    /// The codec with which a writer can store inner chunks the same way; nil where one codec is not enough. Without shards this is
    /// ``codecSummary``.
    public var innerCodecSummary: CodecSummary? {
        shardGrid.map { CodecSummary($0.innerCodecs, elementType: elementType) } ?? codecSummary
    }

    /// Decodes one inner chunk to C order, native byte order, full shape. Without inner chunks it decodes a chunk.
    ///
    /// - Parameter key: the inner chunk, for messages.
    /// - Throws: ``VolumeError`` as ``decodeChunk(_:key:)`` does.
    public func decodeInnerChunk(_ encoded: RawSpan, key: String) throws(VolumeError) -> ByteBuffer {
        guard let shardGrid else { return try decodeChunk(encoded, key: key) }
        return try shardGrid.decode(encoded, key: key)
    }
}
