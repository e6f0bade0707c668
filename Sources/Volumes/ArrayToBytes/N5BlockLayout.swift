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
        let corner = form.shape.map { _ in 0 }
        block.copyBlock(
            header.shape, from: corner, of: header.shape, into: chunk, at: corner, of: form.shape,
            elementByteCount: form.elementType.byteCount)
        return chunk
    }
}
