public import Elements

/// The metadata of one stored array, and how its chunks are named and decoded.
///
/// Every value has been checked: the array's and the chunks' byte counts fit an `Int`, a chunk has at least one byte
/// and at most ``ChunkForm/maximumByteCount``, unless it is a shard that can be read in parts (``shardGrid``).
public struct ArrayMetadata: Sendable, Equatable {
    public let format: VolumeFormat
    /// Elements per axis, in the order z, y, x; an axis may be empty, and there may be none.
    public let shape: [Int]
    /// Elements per axis of one stored object (a shard, where chunks are sharded), each at least 1.
    public let chunkShape: [Int]
    public let elementType: ElementType
    /// The element that fills unstored chunks: its bytes in native byte order, zeros where the metadata leave it open.
    public let fillValue: [UInt8]
    /// Whether the fill value is null: unstored elements have no defined value.
    public let fillIsUndefined: Bool
    /// How chunks are named.
    public let chunkKeys: ChunkKeyEncoding
    /// How chunks are encoded.
    public let codecs: CodecChain
    /// Whether each stored chunk is a gzip file.
    public var isGzip: Bool {
        if case .gzip? = codecs.bytesToBytes.last { true } else { false }
    }

    /// The largest array, and the longest axis, that is accepted: far above any real array, and low enough that sums fit.
    static let maximumArrayByteCount = 1 << 62
    /// The largest number of axes.
    public static let maximumRank = 32

    /// The number of axes.
    public var rank: Int { shape.count }

    /// Chunks per axis; without axes there is one chunk.
    public var chunkGridShape: [Int] { zip(shape, chunkShape).map { $0 > 0 ? ($0 - 1) / $1 + 1 : 0 } }

    /// Decoded bytes of one full chunk.
    public var chunkByteCount: Int { chunkShape.reduce(elementType.byteCount, *) }

    /// The form of one full chunk.
    public var chunkForm: ChunkForm {
        ChunkForm(shape: chunkShape, elementType: elementType, fillValue: fillValue)
    }

    /// An upper bound for the bytes of a stored chunk. A larger object is not a chunk.
    public var maximumEncodedByteCount: Int { codecs.encodedByteBound(of: chunkForm) }

    /// The codec with which a writer can store chunks the same way; nil where one codec is not enough.
    public var codecSummary: CodecSummary? { CodecSummary(codecs, elementType: elementType) }

    /// The key of a chunk relative to the array, such as `0/0/0` or `0.0.0`. `index` has one number for each axis.
    public func chunkKey(_ index: [Int]) -> String {
        precondition(index.count == rank, "a chunk index of \(index.count) numbers in an array of \(rank) axes")
        return chunkKeys.key(index)
    }

    /// Decodes one stored chunk to C order, native byte order, full chunk shape.
    ///
    /// - Parameter key: the chunk's key, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the bytes are damaged or do not give exactly
    ///   ``chunkByteCount`` bytes, `.unsupported` where they use a variety of the codec that cannot be read.
    public func decodeChunk(_ encoded: RawSpan, key: String) throws(VolumeError) -> ByteBuffer {
        try codecs.decode(encoded, form: chunkForm, key: key)
    }
}

extension ArrayMetadata {
    /// The same array with its axes in the opposite order, such as z, y, x for an array stored as x, y, z.
    ///
    /// Shape, chunks, keys and element order are reversed. Shards can still be read in parts.
    public var withReversedAxes: ArrayMetadata {
        ArrayMetadata(
            format: format, shape: shape.reversed(), chunkShape: chunkShape.reversed(), elementType: elementType,
            fillValue: fillValue, fillIsUndefined: fillIsUndefined,
            chunkKeys: ChunkKeyEncoding(
                prefix: chunkKeys.prefix, separator: chunkKeys.separator, isReversed: !chunkKeys.isReversed),
            codecs: codecs.afterReversal(ofAxes: rank))
    }
}

extension CodecChain {
    /// The chain after a stage that reverses the axes. Two transpositions become one, or none.
    fileprivate func afterReversal(ofAxes rank: Int) -> CodecChain {
        var order = Array((0..<rank).reversed())
        var stages = arrayToArray[...]
        while case .transpose(let next)? = stages.first {
            order = next.map { order[$0] }
            stages = stages.dropFirst()
        }
        let first: [ArrayStage] = order.elementsEqual(0..<rank) ? [] : [.transpose(order: order)]
        return CodecChain(
            arrayToArray: first + stages, arrayToBytes: arrayToBytes, bytesToBytes: bytesToBytes)
    }
}
