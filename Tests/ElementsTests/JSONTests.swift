import JSONText
import Testing

@Suite struct JSONTests {
    @Test func integersStayIntegers() throws {
        let value = try JSONValue(parsing: #"{"a":18446744073709551615,"b":-3,"c":2.5,"d":8.0,"e":true,"f":null}"#.utf8)
        #expect(value["a"] == .unsigned(.max))
        #expect(value["b"] == -3)
        #expect(value["c"] == 2.5)
        #expect(value["d"]?.integer == 8)
        #expect(value["e"] == true)
        #expect(value["f"]?.isNull == true)
        #expect(value["g"] == nil)
    }

    @Test func canonicalTextIsSortedAndPlain() throws {
        let value: JSONValue = ["b": [1, 2.5, nil], "a": "x/y", "c": .number(.nan)]
        #expect(value.canonicalText == #"{"a":"x/y","b":[1,2.5,null],"c":null}"#)
        #expect(try JSONValue(parsing: value.canonicalText.utf8).canonicalText == value.canonicalText)
    }

    @Test(arguments: ["", "{", "[1 2]", "{\"a\":}", "nul", "\u{FF}", "{} x"])
    func brokenTextIsOneLine(text: String) {
        #expect { try JSONValue(parsing: text.utf8) } throws: { !"\($0)".contains("\n") }
    }

    @Test func deepNestingIsNoCrash() throws {
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 200_000).utf8) }
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "["), count: depth) + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        let deepest = try JSONValue(parsing: nested(256))
        #expect(try JSONValue(parsing: deepest.canonicalText.utf8) == deepest)
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(257)) }
    }

    /// Reading takes time for each byte, not for each byte at each depth: this took hours once.
    @Test(.timeLimit(.minutes(5))) func deepNumbersAreReadAtOnce() throws {
        let numbers = [String](repeating: "1.5", count: 200_000).joined(separator: ",")
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let (opening, closing) = (String(repeating: open, count: 250), String(repeating: close, count: 250))
            var value = try JSONValue(parsing: (opening + "[" + numbers + "]" + closing).utf8)
            while let inner = value["a"] ?? (value.array?.count == 1 ? value[0] : nil) { value = inner }
            #expect(value.array?.count == 200_000)
        }
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-7", .integer(-7)), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .unsigned(1 << 63)),
            ("18446744073709551616", .number(0x1p64)), ("8.0", .integer(8)), ("1e2", .integer(100)),
            ("1E-2", .number(0.01)), ("-0.5e+1", .integer(-5)),
            ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
            ("\"\"", .string("")), ("\"\\u00e9\\n\\/\\\"\\\\\"", .string("é\n/\"\\")),
            ("\"\\ud83d\\ude00 \u{1F600}\"", .string("\u{1F600} \u{1F600}")), ("\"\\u0000\"", .string("\0")),
            (" [ 1 , { } ] \n", .array([.integer(1), .object([:])])), ("\u{FEFF}{\"a\":null}", .object(["a": .null])),
            ("{\"a\":1,\"\\u0061\":2}", .object(["a": .integer(2)])),
        ] as [(String, JSONValue)])
    func textsAndTheirValues(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text.utf8) == value)
        #expect(try JSONValue(parsing: value.canonicalText.utf8) == value)
    }

    /// Integers have no minus zero, but floats have, and a fill value may be one.
    @Test(arguments: ["-0", "-0.0", "-0e5"])
    func minusZeroKeepsItsSign(text: String) throws {
        let value = try JSONValue(parsing: text.utf8)
        #expect(value.double?.sign == .minus)
        #expect(value.integer == 0)
        #expect(try JSONValue(parsing: value.canonicalText.utf8).double?.sign == .minus)
    }

    @Test(
        arguments: [
            ("", "line 1, column 1: found the end of the file, expected a value"),
            ("[1,]", "column 4: found \"]\", expected a value"),
            ("{\"a\":1,}", "column 8: found \"}\", expected a key"), ("[1\n2]", "line 2, column 1: found \"2\""),
            ("{a:1}", "expected a key in double quotes"), ("{\"a\" 1}", "expected \":\""), ("01", "expected the end"),
            ("1.", "expected a digit"), (".5", "expected a value"), ("+1", "expected a value"),
            ("1e", "expected a digit"),
            ("-", "expected a digit"), ("1e999", "a number beyond"), ("NaN", "expected a value"),
            ("nul", "expected a value"),
            ("\"a", "a string without its end"), ("\"\\x\"", "an unknown escape"),
            ("\"\\u12g4\"", "four hexadecimal digits"),
            ("\"\\ud800\"", "half of a surrogate pair"), ("\"\\ud800\\u0041\"", "half of a surrogate pair"),
            ("\"\\udc00\"", "half of a surrogate pair"), ("\"a\tb\"", "a control character"), ("[1] é", "found \"é\""),
            ("\"\\", "an escape"), ("// a\n1", "expected a value"),
        ])
    func whatIsNoJSONIsNamed(text: String, message: String) throws {
        let error = try #require(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
        #expect(error.description.contains(message), "\(error)")
    }

    @Test func bytesThatAreNoUTF8AreRefused() throws {
        let error = try #require(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0x61, 0xFF, 0x22]) }
        #expect(error.description == "line 1, column 3: found bytes that are not UTF-8, expected JSON text in UTF-8")
    }

    @Test func linesAreAddedAsTheyAre() {
        let value: JSONValue = ["a": 1]
        #expect(
            value.prettyText(adding: "z", lines: ["[1]", "2"])
                == "{\n  \"a\" : 1,\n  \"z\" : [\n    [1],\n    2\n  ]\n}")
        #expect(value.prettyText(adding: "z", lines: []) == "{\n  \"a\" : 1,\n  \"z\" : []\n}")
    }
}
