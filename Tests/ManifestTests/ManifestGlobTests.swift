import Testing

@testable import Manifest

@Suite struct ManifestGlobTests {
    @Test(arguments: [
        ("jrc_hela-2", "jrc_hela-2", true), ("jrc_hela-2", "jrc_hela-22", false), ("jrc_hela-2", "jrc_hela-", false),
        ("*", "", true), ("*", "anything/at all", true), ("?", "", false), ("?", "é", true), ("?", "ab", false),
        ("jrc_*", "jrc_", true), ("jrc_*", "jrc", false), ("*-2", "jrc_hela-2", true), ("*-2", "jrc_hela-2-3", false),
        ("a*b*c", "aXbYc", true), ("a*b*c", "abbc", true), ("a*b*c", "acb", false), ("**a**", "bab", true),
        ("a*", "A", false), ("[a-c]", "b", true), ("[a-c]", "d", false), ("[a-cx]", "x", true), ("[!a-c]", "b", false),
        ("[!a-c]", "d", true), ("[^a-c]", "d", true), ("[!a]", "", false), ("crop_[0-9]", "crop_7", true),
        ("crop_[0-9]", "crop_77", false), ("[]a]", "]", true), ("[!]a]", "]", false), ("[a-]", "-", true),
        ("[-a]", "-", true), ("[*]", "*", true), ("[*]", "x", false), ("[?]", "x", false), ("[a!]", "!", true),
        ("\\*", "*", true), ("\\*", "x", false), ("[\\]]", "]", true), ("a]", "a]", true), (".*", "a", false),
        ("[α-ω]", "λ", true),
    ])
    func aPatternMatchesWholeNames(_ pattern: String, _ name: String, _ isMatch: Bool) throws {
        #expect(try Glob(pattern).matches(name) == isMatch)
    }

    @Test(arguments: [
        ("", "empty"), ("[", "without its"), ("[]", "without its"), ("[!]", "without its"), ("[a", "without its"),
        ("[z-a]", "backwards"), ("a\\", "backslash"), ("[[:alpha:]]", "character class"),
    ])
    func whatIsNoPatternIsRefused(_ pattern: String, _ message: String) throws {
        let error = #expect(throws: GlobError.self) { try Glob(pattern) }
        #expect(error?.description.contains(message) == true)
    }

    /// A matcher that tries every way would take longer than the universe on this.
    @Test func manyStarsDoNotExplode() throws {
        let glob = try Glob(String(repeating: "a*", count: 60) + "b")
        #expect(!glob.matches(String(repeating: "a", count: 4000)))
        #expect(glob.matches(String(repeating: "a", count: 4000) + "b"))
    }

    @Test func itSaysWhetherItMayStandForSeveralNames() throws {
        #expect(try Glob("jrc_*").hasWildcards)
        #expect(try Glob("[ab]").hasWildcards)
        #expect(try !Glob("jrc_hela-2").hasWildcards)
        #expect(try !Glob("a\\*").hasWildcards)
    }
}
