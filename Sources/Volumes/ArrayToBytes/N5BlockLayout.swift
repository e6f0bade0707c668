internal import Elements

/// How a block of N5 is laid out: a header that says how many elements it has per axis (x first), then the elements,
/// big-endian, encoded by the compression of the array.
public struct N5BlockLayout: Sendable, Equatable {
    /// The compression of what follows the header, in the order of encoding; empty for `raw`.
    public let payloadCodecs: [BytesStage]

    public init(payloadCodecs: [BytesStage]) { self.payloadCodecs = payloadCodecs }

    /// An upper bound for the bytes of a block of this form.
    func encodedByteBound(of form: ChunkForm) -> Int {
        let header = 2 + 2 + 4 * form.shape.count + 4
        return payloadCodecs.reduce(form.byteCount) { $1.encodedByteBound(of: $0) } + header
    }

    /// Decodes a whole block to C order, native byte order, padded with the fill value to the shape of `form`.
    ///
    /// The block's first element is the chunk's first: blocks are cut at the end of an axis, never at its start.
    func decode(_ encoded: RawSpan, form: ChunkForm, key: String) throws(VolumeError) -> ByteBuffer {
        let header = try N5BlockHeader(encoded, blockSize: form.shape, key: key)
        let payload = encoded.extracting(header.byteCount..<encoded.byteCount)
        let blockForm = ChunkForm(shape: header.shape, elementType: form.elementType, fillValue: form.fillValue)
        let chain = CodecChain(arrayToBytes: .bytes(isBigEndian: true), bytesToBytes: payloadCodecs)
        let block = try chain.decode(payload, form: blockForm, key: key)
        guard header.shape != form.shape else { return block }
        let chunk = form.filled()
        Self.place(block, shape: header.shape, in: chunk, shape: form.shape, form.elementType.byteCount)
        return chunk
    }

    /// Copies a block to the origin of a chunk. No extent of the block is larger than the chunk's.
    private static func place(
        _ block: ByteBuffer, shape blockShape: [Int], in chunk: ByteBuffer, shape chunkShape: [Int],
        _ elementByteCount: Int
    ) {
        // The last axis on which they differ. From it on both are contiguous, so one run covers it and all later axes.
        guard let split = blockShape.indices.last(where: { blockShape[$0] != chunkShape[$0] }) else { return }
        let runBytes = blockShape[split...].reduce(elementByteCount, *)
        let chunkRunBytes = chunkShape[split...].reduce(elementByteCount, *)
        block.withUnsafeBytes { source in
            chunk.withUnsafeMutableBytes { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for run in 0..<blockShape[..<split].reduce(1, *) {
                    var rest = run
                    var place = 0
                    var stride = 1
                    for axis in (0..<split).reversed() {
                        place += rest % blockShape[axis] * stride
                        rest /= blockShape[axis]
                        stride *= chunkShape[axis]
                    }
                    (to + place * chunkRunBytes).copyMemory(from: from + run * runBytes, byteCount: runBytes)
                }
            }
        }
    }
}
