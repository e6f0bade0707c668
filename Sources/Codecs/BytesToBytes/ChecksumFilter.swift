/// A checksum of four bytes, little-endian, before or after the bytes that it was made from.
///
/// numcodecs puts `crc32` and `adler32` at the start by default, `crc32c`, `fletcher32` and `jenkins_lookup3` at the end. Zarr v3 puts
/// `crc32c` at the end. Checksums are checked when reading and never written.
public struct ChecksumFilter: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case crc32, adler32, crc32c, fletcher32
        case lookup3 = "jenkins_lookup3"
    }

    public let kind: Kind
    /// Whether the checksum comes before the bytes.
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

    /// Checks the checksum, and returns the range of the bytes themselves.
    ///
    /// - Throws: ``CodecError`` with code `.tooShort` below four bytes, `.checksum` where the checksum is wrong.
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
