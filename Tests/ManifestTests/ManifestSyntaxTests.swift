import Foundation
import JSONText
import Testing

@testable import Manifest

@Suite struct ManifestSyntaxTests {
    @Test(arguments: [
        ("", "found an empty file, expected a JSON object"),
        (" \n\t", "found an empty file"),
        ("[]", "found an empty array, expected a JSON object"),
        ("\"sample:\"", "found \"sample:\", expected a JSON object"),
        ("null", "found null, expected a JSON object"),
        ("{\n  // the store\n  \"source\": \"sample:\"\n}", "found a comment at line 2, column 3"),
        ("{\"a\": /* x */ 1}", "JSON has no comments"),
        ("# config\n{}", "found a comment at line 1, column 1"),
        ("{\n  \"source\": \"sample:\",\n}", "found \"}\" at line 3, column 1, expected a key after the comma"),
        ("{\"datasets\": [\"a\",]}", "found \"]\" at line 1, column 19, expected a value after the comma"),
        ("{\"a\": 1", "found the end of the file at line 1, column 8"),
        ("{\"a\" 1}", "found \"1\" at line 1, column 6, expected \":\" after the key"),
        ("{a: 1}", "found \"a\" at line 1, column 2, expected a key in double quotes"),
        ("{'a': 1}", "expected a key in double quotes"),
        ("{\"a\": 1} {}", "expected the end of the file"),
        ("{\"a\": 01}", "found \"1\" at line 1, column 8"),
        ("{\"a\": .5}", "expected a value"),
        ("{\"a\": 1.}", "expected a digit"),
        ("{\"a\": +1}", "expected a value"),
        ("{\"a\": NaN}", "expected a value"),
        ("{\"a\": True}", "expected a value"),
        ("{\"a\": nul}", "expected a value"),
        ("{\"é\": \"é\" x}", "found \"x\" at line 1, column 11"),
        ("{\"a\": \"x\ny\"}", "a control character in a string at line 1, column 9"),
        ("{\"a\": \"x}", "a string without its end at line 1, column 7"),
        ("{\"a\": \"\\x\"}", "an unknown escape"),
        ("{\"a\": \"\\u12g4\"}", "four hexadecimal digits"),
        ("{\"a\": \"\\ud800\"}", "half of a surrogate pair"),
        ("{\"a\": \"\\ud800\\u0041\"}", "half of a surrogate pair"),
        ("{\"a\": " + String(repeating: "[", count: 100_000), "more than 32 levels of nesting"),
    ])
    func whatIsNoJSONIsToldWithItsPlace(_ text: String, _ message: String) throws {
        let error = try ManifestFixture.fault(of: text)
        #expect(error.path == "$")
        #expect("\(error)".contains(message), "\(error)")
        #expect(!"\(error)".contains("\n"))
    }

    @Test func bytesThatAreNotUTF8AreFound() throws {
        let error = try ManifestFixture.fault(ofBytes: Array("{\n\"a\": \"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8))
        #expect(error.path == "$")
        #expect(error.found == "bytes that are not UTF-8 at line 2, column 7")
    }

    @Test func textOfAnotherEncodingIsRefused() throws {
        let utf16 = ManifestFixture.text().utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(try ManifestFixture.fault(ofBytes: utf16).path == "$")
    }

    @Test(arguments: [
        (#"{"job": "a", "source": "sample:", "job": "b"}"#, "$.job", "lines 1 and 1"),
        ("{\"limits\": {\"memory\": 1,\n\"memory\": 1}}", "$.limits.memory", "lines 1 and 2"),
        (#"{"job": "a", "\u006aob": "b"}"#, "$.job", "the key twice"),
        (#"{"x": [{}, {"k": 1, "k": 2}]}"#, "$.x[1].k", "the key twice"),
        (#"{"z": 1, "z": 2, "b": {"c": 1, "c": 1}, "a": 1, "a": 2}"#, "$.a", "expected each key once"),
    ])
    func aKeyGivenTwiceIsAnError(_ text: String, _ path: String, _ message: String) throws {
        let error = try ManifestFixture.fault(of: text)
        #expect(error.path == path)
        #expect("\(error)".contains(message), "\(error)")
    }

    @Test func noTruncatedTextIsTakenForAWhole() throws {
        let text = Array(try ManifestFixture.manifest().json(relativeTo: ManifestFixture.folder).prettyText.utf8)
        for length in 0..<text.count {
            let error = try ManifestFixture.fault(ofBytes: Array(text[..<length]))
            #expect(error.path == "$", "\(length) bytes")
        }
    }

    /// One byte of a good text replaced: the outcome is a manifest or an error on one line, whatever the byte.
    @Test(arguments: Array("\0\"\\{],0#".utf8) + [0xFF])
    func noDamagedByteGoesWrong(_ byte: UInt8) throws {
        let text = Array(try ManifestFixture.manifest().json(relativeTo: ManifestFixture.folder).canonicalText.utf8)
        var refused = 0
        for position in text.indices {
            var damaged = text
            damaged[position] = byte
            do throws(ManifestError) {
                _ = try Manifest(parsing: damaged, folder: ManifestFixture.folder)
            } catch {
                refused += 1
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(refused > text.count / 4)
    }

    @Test func escapesAreRead() throws {
        let manifest = try ManifestFixture.manifest(["job": #""\u00e9\ud83d\ude00 \"x\"""#])
        #expect(manifest.job == "é😀 \"x\"")
    }

    @Test func aFileThatCannotBeReadIsTold() throws {
        try ManifestFixture.withFolder { folder in
            let missing = #expect(throws: ManifestError.self) { try Manifest.load(path: folder + "/config.json") }
            #expect(missing?.path == "$")
            #expect(missing?.description.contains("found no file of this name") == true)
            let isFolder = #expect(throws: ManifestError.self) { try Manifest.load(path: folder) }
            #expect(isFolder?.found == "a folder")
            let large = folder + "/large.json"
            try Data(repeating: 0x20, count: Manifest.maximumSize + 1).write(to: URL(fileURLWithPath: large))
            let tooLarge = #expect(throws: ManifestError.self) { try Manifest.load(path: large) }
            #expect(tooLarge?.found.contains("more than 4194304 bytes") == true)
        }
    }
}
