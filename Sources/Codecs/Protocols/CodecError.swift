/// Why bytes could not be decoded or encoded.
public struct CodecError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The encoded bytes break the rules of their format.
        case corrupt
        /// The result is larger than the output (decoding), or the input larger than the format holds (encoding).
        case tooLarge
        /// The encoded bytes end before the format says they may.
        case tooShort
        /// The decoded bytes do not match the stored checksum.
        case checksum
        /// A parameter, or a variant of the format, that this codec does not support.
        case unsupported
    }

    public let code: Code
    /// The name of the codec, as in ``ChunkCodec/name``.
    public let codec: String
    /// The expected or allowed number of bytes, for errors about sizes.
    public let expected: Int?
    /// The found or announced number of bytes, where it is known.
    public let found: Int?
    /// One line without the codec's name.
    public let message: String

    public init(_ code: Code, codec: String, expected: Int? = nil, found: Int? = nil, _ message: String) {
        self.code = code
        self.codec = codec
        self.expected = expected
        self.found = found
        self.message = message
    }

    public var description: String { "\(codec): \(message)" }

    /// The result does not fit. `found`: the size that the encoded bytes announce, if they do.
    static func tooLarge(codec: String, capacity: Int, found: Int?) -> CodecError {
        let size = found.map { "\($0) bytes" } ?? "more bytes"
        return CodecError(
            .tooLarge, codec: codec, expected: capacity, found: found,
            "decodes to \(size), but at most \(capacity) are expected")
    }
}
