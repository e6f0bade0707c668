internal import Codecs
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

    /// The most inner chunks in one shard: their index has 256 MiB.
    static let maximumInnerChunkCount = 1 << 24
    /// The largest shard that is accepted where it can be read in parts: 1 PiB.
    static let maximumShardByteCount = 1 << 50

    /// Inner chunks per axis of a shard of this form, which may have been transposed.
    func gridShape(of form: ChunkForm) -> [Int] { zip(form.shape, innerChunkShape).map { $0 / $1 } }

    /// The form of one inner chunk of a shard of this form.
    func innerForm(of form: ChunkForm) -> ChunkForm {
        ChunkForm(shape: innerChunkShape, elementType: form.elementType, fillValue: form.fillValue)
    }

    /// The form of the index: offset and length for each inner chunk.
    static func indexForm(gridShape: [Int]) -> ChunkForm {
        ChunkForm(
            shape: gridShape + [2], elementType: .uint64, fillValue: [UInt8](repeating: 0xFF, count: 8))
    }

    /// Bytes of the encoded index; nil where they depend on its content, which the specification forbids.
    func indexByteCount(gridShape: [Int]) -> Int? {
        guard case .bytes = indexCodecs.arrayToBytes else { return nil }
        for stage in indexCodecs.arrayToArray {
            guard case .transpose = stage else { return nil }
        }
        var count = gridShape.reduce(16, *)
        for stage in indexCodecs.bytesToBytes {
            switch stage {
            case .checksum: count += ChecksumFilter.byteCount
            case .shuffle: break
            default: return nil
            }
        }
        return count
    }

    /// An upper bound for the bytes of a shard of this form. There may be unused space between inner chunks.
    func encodedByteBound(of form: ChunkForm) -> Int {
        let gridShape = gridShape(of: form)
        let index = indexByteCount(gridShape: gridShape) ?? 0
        let inner = innerForm(of: form).byteCount
        // The headers of codecs enlarge small chunks.
        return 2 * (index + gridShape.reduce(inner + inner / 8 + 512, *)) + 65_536
    }

    /// Decodes the index.
    ///
    /// - Parameters:
    ///   - encoded: the bytes of the index alone.
    ///   - objectByteCount: bytes of the shard; nil where they are not known.
    ///   - key: the shard's key, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the index is damaged, or a range in it is impossible.
    func decodeIndex(
        _ encoded: RawSpan, form: ChunkForm, objectByteCount: Int?, key: String
    ) throws(VolumeError) -> ShardIndex {
        let gridShape = gridShape(of: form)
        let indexKey = "\(key)#index"
        guard let indexByteCount = indexByteCount(gridShape: gridShape), encoded.byteCount == indexByteCount else {
            throw VolumeError(
                .corruptChunk, path: indexKey,
                "\(encoded.byteCount) bytes, expected \(self.indexByteCount(gridShape: gridShape) ?? 0)")
        }
        let decoded = try indexCodecs.decode(encoded, form: Self.indexForm(gridShape: gridShape), key: indexKey)
        let reserved: Range<Int>? =
            isIndexAtStart ? 0..<indexByteCount : objectByteCount.map { ($0 - indexByteCount)..<$0 }
        return try decoded.withUnsafeBytes { bytes throws(VolumeError) in
            try ShardIndex(
                values: bytes.bindMemory(to: UInt64.self), gridShape: gridShape, reserved: reserved,
                objectByteCount: objectByteCount,
                maximumByteCount: innerCodecs.encodedByteBound(of: innerForm(of: form)), key: indexKey)
        }
    }

    /// Decodes a whole shard to C order, native byte order; `form` is that of the shard.
    ///
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the index or an inner chunk is damaged, `.tooLarge` where the shard may only
    ///   be read in parts.
    func decode(_ encoded: RawSpan, form: ChunkForm, key: String) throws(VolumeError) -> ByteBuffer {
        guard form.byteCount <= ChunkForm.maximumByteCount else {
            throw VolumeError(
                .tooLarge, path: key,
                "the shard has \(form.byteCount) bytes when decoded, more than \(ChunkForm.maximumByteCount)")
        }
        let gridShape = gridShape(of: form)
        let count = encoded.byteCount
        guard let indexByteCount = indexByteCount(gridShape: gridShape), indexByteCount <= count else {
            throw VolumeError(
                .corruptChunk, path: key,
                "\(count) bytes, but the index of \(gridShape) inner chunks has "
                    + "\(indexByteCount(gridShape: gridShape) ?? 0)")
        }
        let indexBytes = isIndexAtStart ? 0..<indexByteCount : (count - indexByteCount)..<count
        let index = try decodeIndex(
            encoded.extracting(indexBytes), form: form, objectByteCount: count, key: key)
        let innerForm = innerForm(of: form)
        let assembly = ShardAssembly(gridShape: gridShape, innerForm: innerForm, shape: form.shape)
        let shard = index.storedCount == index.count ? ByteBuffer(count: form.byteCount) : form.filled()
        for number in 0..<index.count {
            guard let range = index.range(number) else { continue }
            let position = assembly.position(number)
            let name = position.map(String.init).joined(separator: "/")
            let inner = try innerCodecs.decode(encoded.extracting(range), form: innerForm, key: "\(key)#\(name)")
            assembly.place(inner, at: position, in: shard)
        }
        return shard
    }
}
