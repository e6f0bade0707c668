internal import Elements

/// How a shard of Zarr v3 is laid out: inner chunks anywhere in the object, and an index of their offsets and lengths
/// at one of its ends.
public struct ShardLayout: Sendable, Equatable {
    /// Elements of an inner chunk per axis; each divides the shard's.
    public let innerChunkShape: [Int]
    /// How each inner chunk is encoded.
    public let innerCodecs: CodecChain
    /// How the index is encoded: pairs of 64-bit numbers, offset and length, for each inner chunk in C order.
    public let indexCodecs: CodecChain
    public let isIndexAtStart: Bool

    public init(innerChunkShape: [Int], innerCodecs: CodecChain, indexCodecs: CodecChain, isIndexAtStart: Bool) {
        self.innerChunkShape = innerChunkShape
        self.innerCodecs = innerCodecs
        self.indexCodecs = indexCodecs
        self.isIndexAtStart = isIndexAtStart
    }

    /// More bytes than a shard of this form can sanely have.
    func encodedByteBound(of form: ChunkForm) -> Int {
        form.byteCount + form.byteCount / 16 + 65_536
    }

    /// Decodes a whole shard to C order, native byte order; `form` is that of the shard.
    func decode(_ encoded: RawSpan, form: ChunkForm, key: String) throws(VolumeError) -> ByteBuffer {
        throw VolumeError(.unsupported, path: key, "sharded chunks are not read")
    }
}
