/// A checksum of four bytes, little-endian, before or after the bytes that it was made from.
///
/// numcodecs has `crc32` and `adler32` at the start unless told otherwise, `crc32c`, `fletcher32` and
/// `jenkins_lookup3` at the end, where Zarr v3 has `crc32c` too. Checked when reading; never written.
public struct ChecksumFilter: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case crc32, adler32, crc32c, fletcher32
        case lookup3 = "jenkins_lookup3"
    }

    public let kind: Kind
    /// Whether the checksum stands before the bytes.
    public let isAtStart: Bool
    /// What the checksum starts from, for `jenkins_lookup3` alone.
    public let initial: UInt32

    public init(_ kind: Kind, isAtStart: Bool? = nil, initial: UInt32 = 0) {
        self.kind = kind
        self.initial = initial
        self.isAtStart = isAtStart ?? (kind == .crc32 || kind == .adler32)
    }

    /// Bytes of the checksum.
    public static let byteCount = 4

    /// Where the bytes themselves stand, once the checksum has been found to be theirs.
    ///
    /// - Throws: ``CodecError`` with code `.tooShort` below four bytes, `.checksum` where the checksum is another's.
    public func payload(of encoded: RawSpan) throws(CodecError) -> Range<Int> {
        let count = encoded.byteCount - Self.byteCount
        guard count >= 0 else {
            throw CodecError(
                .tooShort, codec: kind.rawValue, expected: Self.byteCount, found: encoded.byteCount,
                "\(encoded.byteCount) bytes, but the checksum alone has \(Self.byteCount)")
        }
        let payload = isAtStart ? Self.byteCount..<encoded.byteCount : 0..<count
        let stored = UInt32(
            littleEndian: encoded.unsafeLoadUnaligned(fromByteOffset: isAtStart ? 0 : count, as: UInt32.self))
        let computed = checksum(of: encoded.extracting(payload))
        guard stored == computed else {
            throw CodecError(
                .checksum, codec: kind.rawValue,
                "the checksum of \(count) bytes is \(computed), but \(stored) is stored")
        }
        return payload
    }

    private func checksum(of bytes: RawSpan) -> UInt32 {
        switch kind {
        case .crc32: Checksum.crc32(bytes)
        case .adler32: Checksum.adler32(bytes)
        case .crc32c: Checksum.crc32c(bytes)
        case .fletcher32: Checksum.fletcher32(bytes)
        case .lookup3: Checksum.lookup3(bytes, initial: initial)
        }
    }
}
