import JSONText
import Testing

@Suite struct JSONFloatTests {
    private static let texts: [(text: String, expected: JSONValue)] = [
        ("8.0", .number(8)), ("8", .integer(8)), ("-0.0", .number(-0.0)), ("8e0", .number(8)),
        ("1E3", .number(1000)), ("0.5", .number(0.5)), ("18446744073709551615", .unsigned(.max)),
        ("true", .bool(true)), ("null", .null), ("\"8.0\"", .string("8.0")),
        (" [8.0 , 4,[ 1.0],{} , []] ", [.number(8), 4, [.number(1)], [:], []]),
        (
            #"{"a":8.0,"b":{"c":[1.0,2]},"d\n\"}":2.0,"e":"{1.0","\u00e9":3.0}"#,
            ["a": .number(8), "b": ["c": [.number(1), 2]], "d\n\"}": .number(2), "e": "{1.0", "é": .number(3)]
        ),
        (#"{"é":4.0, "x\\":[5.0]}"#, ["é": .number(4), "x\\": [.number(5)]]),
    ]

    @Test(arguments: texts)
    func wholeFloatsStayFloats(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsingWithFloats: Array(text.utf8)) == expected)
    }

    /// RFC 8259 has UTF-8 alone.
    @Test func otherEncodingsAreRefused() {
        let bytes = Array("{\"a\": [8.0, \"\u{2200}]\"]}".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        #expect(throws: JSONError.self) { try JSONValue(parsingWithFloats: bytes) }
    }

    @Test func badTextsAreRefused() {
        for text in ["", "{", "[1.0", "{\"a\":1.0", "8.", "nul"] {
            #expect(throws: JSONError.self) { try JSONValue(parsingWithFloats: Array(text.utf8)) }
        }
    }
}
