import Codecs
import TestSupport
import Testing

/// Check values of the algorithms' authors, and sums that numcodecs wrote.
@Suite struct ChecksumTests {
    private static let digits = Array("123456789".utf8)
    /// 4353 bytes: 17 times 0 to 255, then `x`.
    private static let long = (0..<17).flatMap { _ in UInt8.min...UInt8.max } + Array("x".utf8)

    @Test func crc32cOfCheckValuesAndOfParts() {
        #expect(Checksum.crc32c(Self.digits.span.bytes) == 0xE306_9283)
        // RFC 3720, B.4.
        let zeros = [UInt8](repeating: 0, count: 32)
        let ones = [UInt8](repeating: 0xFF, count: 32)
        let rising = (0..<32).map { UInt8($0) }
        #expect(Checksum.crc32c(zeros.span.bytes) == 0x8A91_36AA)
        #expect(Checksum.crc32c(ones.span.bytes) == 0x62A8_AB43)
        #expect(Checksum.crc32c(rising.span.bytes) == 0x46DD_794E)
        let nothing: [UInt8] = []
        #expect(Checksum.crc32c(nothing.span.bytes) == 0)
        let whole = Checksum.crc32c(Self.long.span.bytes)
        for cut in [0, 1, 7, 8, 9, 4096, 4353] {
            let head = Checksum.crc32c(Self.long.span.bytes.extracting(0..<cut))
            #expect(Checksum.crc32c(Self.long.span.bytes.extracting(cut..<4353), continuing: head) == whole)
        }
    }

    @Test(arguments: [
        ("a", 0x6100_6100), ("abc", 0x25C5_C462), ("abcde", 0x4FF0_29C7), ("abcdefgh", 0xE1EB_9195),
        ("123456789", 0x09DF_09D5),
    ])
    func fletcher32OfNumcodecs(text: String, sum: UInt32) {
        #expect(Checksum.fletcher32(Array(text.utf8).span.bytes) == sum)
    }

    @Test func sumsOfManyBytes() {
        #expect(Checksum.fletcher32(Self.long.span.bytes) == 0xD817_3C3C)
        #expect(Checksum.lookup3(Self.long.span.bytes) == 0xED4A_AF77)
        #expect(Checksum.adler32(Self.long.span.bytes) == 4_272_715_889)
    }

    @Test(arguments: [
        ("", 0xDEAD_BEEF), ("a", 0x58D6_8708), ("abc", 0x0E39_7631), ("abcde", 0x026D_72DE),
        ("abcdefgh", 0x2995_C3BE), ("123456789", 0x845D_9A96),
    ])
    func lookup3OfNumcodecs(text: String, sum: UInt32) {
        #expect(Checksum.lookup3(Array(text.utf8).span.bytes) == sum)
    }

    /// The values of xxHash's own sanity check for the texts of its documentation.
    @Test func xxHash32() {
        let nothing: [UInt8] = []
        #expect(Checksum.xxHash32(nothing.span.bytes) == 0x02CC_5D05)
        #expect(Checksum.xxHash32(Array("abc".utf8).span.bytes) == 0x32D1_53FF)
        #expect(Checksum.xxHash32(Array("Nobody inspects the spammish repetition".utf8).span.bytes) == 0xE229_3B2F)
    }

    @Test func filtersFindTheirPayload() throws {
        let sum: [UInt8] = [0x83, 0x92, 0x06, 0xE3]
        let atEnd = Self.digits + sum
        let atStart = sum + Self.digits
        let filter = ChecksumFilter(.crc32c)
        #expect(try filter.payload(of: atEnd.span.bytes) == 0..<9)
        #expect(try ChecksumFilter(.crc32c, isAtStart: true).payload(of: atStart.span.bytes) == 4..<13)
        #expect(try errorCode { _ = try filter.payload(of: atStart.span.bytes) } == .checksum)
        #expect(try errorCode { _ = try filter.payload(of: Array(atEnd[..<3]).span.bytes) } == .tooShort)
        #expect(ChecksumFilter(.crc32).isAtStart)
        #expect(!ChecksumFilter(.fletcher32).isAtStart)
    }
}
