internal import Elements

/// Reads a text as JSON (RFC 8259), in time that grows with its length alone.
///
/// Foundation's decoder is no choice for values of unknown type: it is asked for one type after another, and each refusal costs as much
/// as the value is deep. It took 13 seconds for 5 KB of nested arrays.
struct JSONParser {
    /// How a text is read.
    struct Options {
        /// Whether a whole number that is written with a point or an exponent stays a float.
        var keepsFloats = false
        /// Whether a number beyond the range of a Double is infinity. Otherwise it is an error.
        var takesInfinity = false
        /// Whether a key that is given twice is noted with its place. Otherwise the last value stands, as in Python and JavaScript.
        var notesRepeatedKeys = false
        /// Objects and arrays within each other: hostile text must not exhaust the stack.
        var maximumDepth = 256
    }

    private let bytes: [UInt8]
    private let options: Options
    private var position = 0
    private var depth = 0
    /// The way to the value that is read; kept where repeated keys are noted.
    private var steps: [JSONPath.Step] = []
    /// The first repeated key by path, and the offsets of both keys.
    private var repeated: (path: JSONPath, first: Int, second: Int)?

    /// The document in `bytes`, which may begin with a byte order mark.
    static func parse(_ bytes: [UInt8], _ options: Options) throws(JSONSyntaxError) -> JSONDocument {
        var parser = try JSONParser(bytes, options)
        parser.skipSpace()
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == parser.bytes.count else { throw parser.unexpected("the end of the file") }
        let repeated = parser.repeated.map {
            JSONDocument.RepeatedKey(
                path: $0.path, first: parser.place(of: $0.first), second: parser.place(of: $0.second))
        }
        return JSONDocument(value: value, repeatedKey: repeated)
    }

    private init(_ bytes: [UInt8], _ options: Options) throws(JSONSyntaxError) {
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        self.options = options
        do {
            _ = try UTF8Span(validating: self.bytes.span)
        } catch {
            throw failure(
                at: error.byteOffsets.lowerBound, "bytes that are not UTF-8", expected: "JSON text in UTF-8")
        }
    }

    // MARK: Values

    private mutating func value() throws(JSONSyntaxError) -> JSONValue {
        switch peek {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw unexpected("a value")
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var members: [String: JSONValue] = [:]
        var offsets: [String: Int] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else {
                throw unexpected(peek == UInt8(ascii: "}") ? "a key after the comma" : "a key in double quotes")
            }
            let start = position
            let key = try string()
            if options.notesRepeatedKeys {
                steps.append(.key(key))
                if let first = offsets.updateValue(start, forKey: key) { noteRepetition(first: first, second: start) }
            } else if let known = members.index(forKey: key), !members[known].key.utf8.elementsEqual(key.utf8) {
                // A dictionary takes the two for one key, and one of the values would vanish.
                throw failure(
                    at: start, "two keys that differ only in how accents are written", expected: "each key once")
            }
            guard take(":") else { throw unexpected("\":\" after the key") }
            skipSpace()
            members[key] = try value()
            if options.notesRepeatedKeys { steps.removeLast() }
        } while take(",")
        guard take("}") else { throw unexpected("\",\" or \"}\"") }
        return .object(members)
    }

    private mutating func noteRepetition(first: Int, second: Int) {
        let path = JSONPath(root: JSONPath.document.root, steps: steps)
        if repeated.map({ path < $0.path }) ?? true { repeated = (path, first, second) }
    }

    private mutating func array() throws(JSONSyntaxError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat {
            skipSpace()
            if peek == UInt8(ascii: "]") { throw unexpected("a value after the comma") }
            if options.notesRepeatedKeys { steps.append(.index(elements.count)) }
            elements.append(try value())
            if options.notesRepeatedKeys { steps.removeLast() }
        } while take(",")
        guard take("]") else { throw unexpected("\",\" or \"]\"") }
        return .array(elements)
    }

    private mutating func enter() throws(JSONSyntaxError) {
        guard depth < options.maximumDepth else {
            throw failure(
                at: position, "more than \(options.maximumDepth) levels of nesting",
                expected: "at most \(options.maximumDepth)")
        }
        depth += 1
        position += 1
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let count = text.utf8CodeUnitCount
        let isHere = text.withUTF8Buffer { bytes[position...].prefix(count).elementsEqual($0) }
        guard isHere else { throw unexpected("a value") }
        position += count
        return value
    }

    /// Whole numbers are integers, however they are written, unless floats are kept; minus zero is not, as integers have none.
    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = position
        let isNegative = takeByte("-")
        if !takeByte("0") { try digits() }
        var isWhole = true
        if takeByte(".") {
            isWhole = false
            try digits()
        }
        if takeByte("e") || takeByte("E") {
            isWhole = false
            if !takeByte("+") { _ = takeByte("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text), !isNegative || value != 0 { return .integer(value) }
        if isWhole, !isNegative, let value = UInt64(text) { return .unsigned(value) }
        guard let value = Double(text), value.isFinite || options.takesInfinity else {
            throw failure(at: start, "a number beyond those of 64 bits", expected: "a smaller one")
        }
        if !options.keepsFloats, let integer = Int(exactly: value), value != 0 || value.sign == .plus {
            return .integer(integer)
        }
        return .number(value)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == start { throw unexpected("a digit") }
    }

    // MARK: Strings

    private mutating func string() throws(JSONSyntaxError) -> String {
        let start = position
        position += 1
        var text = ""
        var runStart = position
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                text += String(decoding: bytes[runStart..<position], as: UTF8.self)
                position += 1
                return text
            case UInt8(ascii: "\\"):
                text += String(decoding: bytes[runStart..<position], as: UTF8.self)
                text.unicodeScalars.append(try escape())
                runStart = position
            case 0..<0x20:
                throw failure(at: position, "a control character in a string", expected: "an escape such as \\n")
            default: position += 1
            }
        }
        throw failure(at: start, "a string without its end", expected: "a closing quote")
    }

    private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let start = position
        position += 1
        guard let byte = peek else { throw unexpected("an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default:
            throw failure(
                at: start, "an unknown escape", expected: "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
        }
        let high = try hexadecimal()
        var code = high
        if (0xD800..<0xDC00).contains(high), takeByte("\\"), takeByte("u") {
            let low = try hexadecimal()
            if (0xDC00..<0xE000).contains(low) { code = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00) }
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw failure(at: start, "half of a surrogate pair", expected: "a character")
        }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw unexpected("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    // MARK: Bytes

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Consumes `mark` if it is next after white space.
    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        return takeByte(mark)
    }

    private mutating func takeByte(_ mark: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    // MARK: Errors

    private func unexpected(_ expected: String) -> JSONSyntaxError {
        guard let byte = peek else { return failure(at: position, "the end of the file", expected: expected) }
        let rest = bytes[position...]
        if byte == UInt8(ascii: "#") || rest.starts(with: "//".utf8) || rest.starts(with: "/*".utf8) {
            return failure(at: position, "a comment", expected: "\(expected); JSON has no comments")
        }
        let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        let found = QuotedText(String(decoding: rest.prefix(length), as: UTF8.self))
        return failure(at: position, "\(found)", expected: expected)
    }

    private func failure(at offset: Int, _ found: String, expected: String) -> JSONSyntaxError {
        JSONSyntaxError(found: found, expected: expected, place: place(of: offset))
    }

    private func place(of offset: Int) -> JSONPlace {
        let before = bytes.prefix(offset)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return JSONPlace(
            line: before.count { $0 == 0x0A } + 1, column: before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1)
    }
}
