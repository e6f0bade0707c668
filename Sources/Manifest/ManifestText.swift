import JSONText

/// Reads the manifest's text as strict JSON (RFC 8259), and says where it is not.
///
/// `JSONValue(parsing:)` serves what programs wrote. A manifest is written by hand: it needs the line and column of a
/// slip, and a key that is given twice must not silently lose one of its values.
struct ManifestText {
    /// Objects and arrays within each other; the manifest itself needs four.
    static let maximumDepth = 32

    private let bytes: [UInt8]
    private var position = 0
    private var duplicate: Duplicate?

    /// A key that is given twice: where it is, and the offsets of both.
    private struct Duplicate {
        let path: JSONPath
        let first: Int
        let second: Int
    }

    /// The document in `bytes`.
    ///
    /// - Throws: ``ManifestProblem`` at `$` with line and column, or at the path of a key that is given twice.
    static func parse(_ bytes: [UInt8]) throws(ManifestProblem) -> JSONValue {
        var text = try ManifestText(bytes)
        return try text.document()
    }

    private init(_ bytes: [UInt8]) throws(ManifestProblem) {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        self.bytes = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(3)) : bytes
        do {
            _ = try UTF8Span(validating: self.bytes.span)
        } catch {
            throw failure(
                at: error.byteOffsets.lowerBound, found: "bytes that are not UTF-8", expected: "JSON text in UTF-8")
        }
    }

    private mutating func document() throws(ManifestProblem) -> JSONValue {
        skipSpace()
        guard position < bytes.count else {
            throw ManifestProblem(path: .document, found: "an empty file", expected: "a JSON object")
        }
        let value = try value(at: .document)
        skipSpace()
        guard position == bytes.count else { throw unexpected("the end of the file") }
        if let duplicate {
            let lines = "lines \(place(of: duplicate.first).line) and \(place(of: duplicate.second).line)"
            throw ManifestProblem(
                path: duplicate.path, found: "the key twice (\(lines))", expected: "each key once")
        }
        return value
    }

    private mutating func value(at path: JSONPath) throws(ManifestProblem) -> JSONValue {
        switch peek {
        case UInt8(ascii: "{"): return try object(at: path)
        case UInt8(ascii: "["): return try array(at: path)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw unexpected("a value")
        }
    }

    private mutating func object(at path: JSONPath) throws(ManifestProblem) -> JSONValue {
        try enter(path)
        var members: [String: JSONValue] = [:]
        var offsets: [String: Int] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else {
                throw unexpected(peek == UInt8(ascii: "}") ? "a key after the comma" : "a key in double quotes")
            }
            let offset = position
            let key = try string()
            if let first = offsets.updateValue(offset, forKey: key) {
                let found = Duplicate(path: path.key(key), first: first, second: offset)
                if duplicate.map({ found.path < $0.path }) ?? true { duplicate = found }
            }
            guard take(":") else { throw unexpected("\":\" after the key") }
            skipSpace()
            members[key] = try value(at: path.key(key))
        } while take(",")
        guard take("}") else { throw unexpected("\",\" or \"}\"") }
        return .object(members)
    }

    private mutating func array(at path: JSONPath) throws(ManifestProblem) -> JSONValue {
        try enter(path)
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat {
            skipSpace()
            if peek == UInt8(ascii: "]") { throw unexpected("a value after the comma") }
            elements.append(try value(at: path.index(elements.count)))
        } while take(",")
        guard take("]") else { throw unexpected("\",\" or \"]\"") }
        return .array(elements)
    }

    private mutating func string() throws(ManifestProblem) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                let scalar = try escape()
                text.append(contentsOf: Array(String(scalar).utf8))
            case 0..<0x20:
                throw failure(at: position, found: "a control character in a string", expected: "an escape such as \\n")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw failure(at: start, found: "a string without its end", expected: "a closing quote")
    }

    private mutating func escape() throws(ManifestProblem) -> Unicode.Scalar {
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
                at: start, found: "an unknown escape", expected: "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
        }
        let high = try hexadecimal()
        var code = high
        if (0xD800..<0xDC00).contains(high), bytes[position...].starts(with: Array("\\u".utf8)) {
            position += 2
            let low = try hexadecimal()
            if (0xDC00..<0xE000).contains(low) { code = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00) }
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw failure(at: start, found: "half of a surrogate pair", expected: "a character")
        }
        return scalar
    }

    private mutating func hexadecimal() throws(ManifestProblem) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw unexpected("four hexadecimal digits") }
        position += 4
        return code
    }

    private mutating func number() throws(ManifestProblem) -> JSONValue {
        let start = position
        _ = takeRaw("-")
        if !takeRaw("0") { try digits() }
        var isWhole = true
        if takeRaw(".") {
            isWhole = false
            try digits()
        }
        if takeRaw("e") || takeRaw("E") {
            isWhole = false
            if !takeRaw("+") { _ = takeRaw("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        if isWhole, let value = UInt64(text) { return .unsigned(value) }
        return .number(Double(text) ?? .nan)
    }

    private mutating func digits() throws(ManifestProblem) {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == start { throw unexpected("a digit") }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(ManifestProblem) -> JSONValue {
        guard bytes[position...].starts(with: Array(text.utf8)) else { throw unexpected("a value") }
        position += text.utf8.count
        return value
    }

    /// Takes the bracket of an object or array.
    private mutating func enter(_ path: JSONPath) throws(ManifestProblem) {
        guard path.steps.count < ManifestText.maximumDepth else {
            throw failure(
                at: position, found: "more than \(ManifestText.maximumDepth) levels of nesting",
                expected: "a manifest, which needs four")
        }
        position += 1
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Takes `mark` where it comes next after white space.
    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        return takeRaw(mark)
    }

    private mutating func takeRaw(_ mark: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func unexpected(_ expected: String) -> ManifestProblem {
        guard position < bytes.count else {
            return failure(at: position, found: "the end of the file", expected: expected)
        }
        let mark = bytes[position]
        let isComment =
            mark == UInt8(ascii: "#") || bytes[position...].starts(with: [0x2F, 0x2F])
            || bytes[position...].starts(with: [0x2F, 0x2A])
        if isComment { return failure(at: position, found: "a comment", expected: "\(expected); JSON has no comments") }
        let length = mark < 0x80 ? 1 : mark < 0xE0 ? 2 : mark < 0xF0 ? 3 : 4
        let shown = QuotedText(String(decoding: bytes[position...].prefix(length), as: UTF8.self))
        return failure(at: position, found: "\(shown)", expected: expected)
    }

    private func failure(at offset: Int, found: String, expected: String) -> ManifestProblem {
        let place = place(of: offset)
        return ManifestProblem(
            path: .document, found: "\(found) at line \(place.line), column \(place.column)", expected: expected)
    }

    /// Line and column of a byte, both from 1; columns count characters (Unicode scalars).
    private func place(of offset: Int) -> (line: Int, column: Int) {
        let before = bytes.prefix(offset)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let line = before.count { $0 == 0x0A } + 1
        let column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
        return (line, column)
    }
}
