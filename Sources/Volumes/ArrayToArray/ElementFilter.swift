public import Codecs
internal import Elements

/// A filter of numcodecs that turns elements into other elements. It only decodes.
public enum ElementFilter: ChunkDecoder, Equatable {
    /// Differences to the element before; the first one as it is.
    case delta(decoded: StoredType, encoded: StoredType)
    /// `(x - offset) * scale`, rounded.
    case fixedScaleOffset(offset: Double, scale: Double, decoded: StoredType, encoded: StoredType)
    /// Another element type: `astype`, and `quantize`, whose rounding cannot be undone.
    case convert(decoded: StoredType, encoded: StoredType)
    /// Mantissas rounded to `keepBits` bits, which cannot be undone.
    case bitRound(keepBits: Int)

    public var name: String {
        switch self {
        case .delta: "delta"
        case .fixedScaleOffset: "fixedscaleoffset"
        case .convert: "astype"
        case .bitRound: "bitround"
        }
    }

    /// Whether decoding changes nothing.
    var isIdentity: Bool {
        switch self {
        case .bitRound: true
        case .convert(let decoded, let encoded): decoded == encoded
        default: false
        }
    }

    /// The element type after decoding; nil where it does not change.
    var decodedType: StoredType? {
        switch self {
        case .delta(let type, _), .convert(let type, _), .fixedScaleOffset(_, _, let type, _): type
        case .bitRound: nil
        }
    }

    /// The element type after encoding; nil where it does not change.
    var encodedType: StoredType? {
        switch self {
        case .delta(_, let type), .convert(_, let type), .fixedScaleOffset(_, _, _, let type): type
        case .bitRound: nil
        }
    }

    /// Bytes that `byteCount` decoded bytes are encoded to.
    func encodedByteCount(of byteCount: Int) -> Int {
        guard let decodedType, let encodedType else { return byteCount }
        return byteCount / decodedType.elementType.byteCount * encodedType.elementType.byteCount
    }

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        guard let decodedType, let encodedType, !isIdentity else { return try NoCodec().decode(encoded, into: &output) }
        let width = encodedType.elementType.byteCount
        let elements = encoded.byteCount / width
        guard encoded.byteCount % width == 0 else {
            throw CodecError(
                .corrupt, codec: name, "\(encoded.byteCount) bytes are no whole elements of \(width) bytes")
        }
        let (count, overflow) = elements.multipliedReportingOverflow(by: decodedType.elementType.byteCount)
        guard !overflow, count <= output.byteCount else {
            throw CodecError(
                .tooLarge, codec: name, expected: output.byteCount, found: count,
                "decodes to \(count) bytes, but at most \(output.byteCount) are expected")
        }
        ElementKernel(filter: self, decoded: decodedType, encoded: encodedType).decode(encoded, into: &output)
        return count
    }
}
