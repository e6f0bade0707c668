internal import Elements

/// How a block of N5 is laid out: a header that says how many elements it has per axis (x first), then the elements,
/// big-endian, encoded by the compression of the array.
public struct N5BlockLayout: Sendable, Equatable {
    /// The compression of what follows the header, in the order of encoding; empty for `raw`.
    public let payloadCodecs: [BytesStage]

    public init(payloadCodecs: [BytesStage]) { self.payloadCodecs = payloadCodecs }

    /// More bytes than a block of this form can sanely have.
    func encodedByteBound(of form: ChunkForm) -> Int {
        let header = 2 + 2 + 4 * form.shape.count + 4
        return payloadCodecs.reduce(form.byteCount) { $1.encodedByteBound(of: $0) } + header
    }

    /// Decodes a whole block to C order, native byte order, padded with the fill value to the shape of `form`.
    func decode(_ encoded: RawSpan, form: ChunkForm, key: String) throws(VolumeError) -> ByteBuffer {
        throw VolumeError(.unsupported, path: key, "N5 blocks are not read")
    }
}
