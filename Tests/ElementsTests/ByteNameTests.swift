import Elements
import JSONText
import Testing

@Suite struct ByteNameTests {
    private let composed = "caf\u{E9}"
    private let decomposed = "cafe\u{301}"

    @Test func namesAreOneOnlyByteForByte() {
        #expect(composed == decomposed, "what this is about")
        #expect(ByteName(composed) != ByteName(decomposed))
        #expect(Set([composed, decomposed, composed].map { ByteName($0) }).count == 2)
        #expect(
            [composed, decomposed, "a", composed].distinctNames().map { Array($0.utf8) } == [
                Array("a".utf8), Array(decomposed.utf8), Array(composed.utf8),
            ])
        #expect(![composed].hasName(decomposed))
        #expect([composed].hasName(composed))
    }

    @Test func aSlashWithAMarkBehindItIsASlash() {
        #expect("a/\u{301}b//c".pathComponents() == ["a", "\u{301}b", "c"])
        #expect("a//b/".pathComponents(keepingEmpty: true) == ["a", "", "b", ""])
        #expect("/\u{301}x".hasByte("/"))
        #expect("/\u{301}x".hasBytePrefix("/"))
        #expect("x.json".hasByteSuffix(".json"))
        #expect(!"json".hasByteSuffix(".json"))
        #expect("ab\u{301}".droppingBytes(1) == "b\u{301}")
    }

    @Test(arguments: [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (4, "aé"), (6, "aé€"), (9, "aé€")])
    func aPrefixEndsWithAWholeScalar(count: Int, prefix: String) {
        #expect("a\u{E9}€".bytePrefix(count).utf8.elementsEqual(prefix.utf8))
    }

    /// A dictionary would drop one of the two.
    @Test func keysThatAreTheSameTextInOtherBytesAreRefused() throws {
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"caf\u00e9": 1, "cafe\u0301": 2}"#.utf8) }
        #expect(try JSONValue(parsing: #"{"a": 1, "a": 2}"#.utf8) == ["a": 2])
    }
}

@Suite struct SaturatingNumberTests {
    @Test(arguments: [
        (1e300, Int.max), (-1e300, Int.min), (.infinity, Int.max), (-.infinity, Int.min), (.nan, 0), (2.9, 2),
        (-2.9, -2),
        (0x1p63, Int.max), (-0x1p63, Int.min), (0x1p62, 1 << 62),
    ])
    func doubles(value: Double, expected: Int) { #expect(Int(saturating: value) == expected) }

    @Test func sumsAndProducts() {
        #expect(Int.max.saturatingAdd(1) == .max)
        #expect(Int.min.saturatingAdd(-1) == .min)
        #expect(1.saturatingAdd(2) == 3)
        #expect((1 << 40).saturatingMultiply(1 << 40) == .max)
        #expect((1 << 40).saturatingMultiply(-1 << 40) == .min)
    }
}
