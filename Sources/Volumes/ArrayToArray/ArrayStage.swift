internal import Codecs
internal import Elements

/// A stage of a codec chain that turns an array into an array.
public enum ArrayStage: Sendable, Equatable {
    /// Axis `i` of the encoded array is axis `order[i]` of the decoded one (Zarr v3's `transpose`).
    case transpose(order: [Int])
    /// An element-wise filter; elements are in native byte order before and after it.
    case elements(ElementFilter)

    /// The form of the encoded array.
    func encodedForm(of form: ChunkForm) -> ChunkForm {
        switch self {
        case .transpose(let order):
            return ChunkForm(
                shape: order.map { form.shape[$0] }, elementType: form.elementType, fillValue: form.fillValue)
        case .elements(let filter):
            guard let stored = filter.encodedType, stored.elementType != form.elementType else { return form }
            return ChunkForm(
                shape: form.shape, elementType: stored.elementType,
                fillValue: [UInt8](repeating: 0, count: stored.elementType.byteCount))
        }
    }

    /// Decodes a buffer that holds exactly the elements of the encoded form of `form`.
    func decode(_ encoded: ByteBuffer, to form: ChunkForm) throws(CodecError) -> ByteBuffer {
        switch self {
        case .transpose(let order):
            return ElementOrder.untransposed(
                encoded, order: order, shape: form.shape, elementByteCount: form.elementType.byteCount)
        case .elements(let filter):
            guard !filter.isIdentity else { return encoded }
            let decoded = ByteBuffer(count: form.byteCount)
            let count = try encoded.withSpan { source throws(CodecError) in
                try decoded.withMutableSpan { target throws(CodecError) in try filter.decode(source, into: &target) }
            }
            decoded.resize(to: count)
            return decoded
        }
    }
}
