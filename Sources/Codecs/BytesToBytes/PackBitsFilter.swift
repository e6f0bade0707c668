/// Booleans packed to bits: numcodecs' `packbits`, whose first byte says how many bits of the last one are padding.
public struct PackBitsFilter: ChunkDecoder, Equatable {
    public let name = "packbits"

    public init() {}

    /// Bytes that `count` booleans are stored in.
    public static func encodedByteCount(of count: Int) -> Int { count / 8 + (count % 8 > 0 ? 1 : 0) + 1 }

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        guard encoded.byteCount > 0 else {
            throw CodecError(
                .tooShort, codec: name, expected: 1, found: 0, "0 bytes, but the first one is always there")
        }
        let padding = Int(encoded.unsafeLoad(as: UInt8.self))
        let bits = (encoded.byteCount - 1) * 8
        guard padding < 8, padding <= bits else {
            throw CodecError(.corrupt, codec: name, "\(padding) bits of padding in \(bits) bits")
        }
        let count = bits - padding
        guard count <= output.byteCount else {
            throw .tooLarge(codec: name, capacity: output.byteCount, found: count)
        }
        encoded.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { target in
                for index in 0..<count { target[index] = source[1 + index / 8] >> UInt8(7 - index % 8) & 1 }
            }
        }
        return count
    }
}
