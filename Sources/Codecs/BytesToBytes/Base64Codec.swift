/// The base64 of RFC 4648, with padding. It only decodes.
public struct Base64Codec: ChunkDecoder, Equatable {
    public let name = "base64"

    public init() {}

    /// Characters that `byteCount` bytes are encoded to.
    public static func encodedByteCount(of byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try encoded.decode(into: &output) { source, target throws(CodecError) in try decode(source, into: target) }
    }

    private func decode(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        let padding = source.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard source.count % 4 == 0 else {
            throw CodecError(.tooShort, codec: name, "\(source.count) characters are no whole groups of four")
        }
        let count = source.count / 4 * 3 - padding
        guard count <= target.count else { throw .tooLarge(codec: name, capacity: target.count, found: count) }
        var bits: UInt32 = 0
        var written = 0
        for (index, character) in source.dropLast(padding).enumerated() {
            guard let value = Self.value(of: character) else {
                throw CodecError(.corrupt, codec: name, "byte \(character) at offset \(index)")
            }
            bits = bits << 6 | value
            // Each character but the first of a group completes a byte.
            guard index % 4 > 0 else { continue }
            target[written] = UInt8(truncatingIfNeeded: bits >> UInt32(2 * (3 - index % 4)))
            written += 1
        }
        return written
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character) - 97 + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character) - 48 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
