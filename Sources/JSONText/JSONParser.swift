/// Reads a text as JSON (RFC 8259), in time that grows with its length alone.
///
/// Foundation's decoder is unsuitable for values of unknown type: one must try one type after another, and each failure costs as much as
/// the value is deep. 5 KB of nested arrays took it 13 seconds.
struct JSONParser {
    /// The deepest nesting of objects and arrays.
    static let maximumDepth = 256

    private let bytes: [UInt8]
    private let keepsFloats: Bool
    private var position = 0
    private var depth = 0

    /// The document in `bytes`, which may begin with a byte order mark.
    ///
    /// - Parameter keepsFloats: whether a whole number with a point or an exponent stays a float.
    static func parse(_ bytes: [UInt8], keepsFloats: Bool = false) throws(JSONError) -> JSONValue {
        var parser = try JSONParser(bytes, keepsFloats: keepsFloats)
        parser.skipSpace()
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.unexpected("the end of the text") }
        return value
    }

    private init(_ bytes: [UInt8], keepsFloats: Bool) throws(JSONError) {
        self.bytes = bytes
        self.keepsFloats = keepsFloats
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            position = error.byteOffsets.lowerBound
            throw failure("bytes that are not UTF-8")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    // MARK: Values

    private mutating func value() throws(JSONError) -> JSONValue {
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

    /// Of members with the same key the last one counts, as in Python and JavaScript.
    private mutating func object() throws(JSONError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var members: [String: JSONValue] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
            let key = try string()
            guard take(":") else { throw unexpected("\":\"") }
            skipSpace()
            // Two keys that differ only in how an accent is written are equal as `String`. Neither must vanish, so that is an error.
            if let known = members.index(forKey: key), !members[known].key.utf8.elementsEqual(key.utf8) {
                throw failure("two keys that differ only in how accents are written")
            }
            members[key] = try value()
        } while take(",")
        guard take("}") else { throw unexpected("\",\" or \"}\"") }
        return .object(members)
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat {
            skipSpace()
            elements.append(try value())
        } while take(",")
        guard take("]") else { throw unexpected("\",\" or \"]\"") }
        return .array(elements)
    }

    private mutating func enter() throws(JSONError) {
        guard depth < Self.maximumDepth else { throw failure("more than \(Self.maximumDepth) levels of nesting") }
        depth += 1
        position += 1
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let count = text.utf8CodeUnitCount
        let isHere = text.withUTF8Buffer { bytes[position...].prefix(count).elementsEqual($0) }
        guard isHere else { throw unexpected("a value") }
        position += count
        return value
    }

    /// Whole numbers become integers, however they are written, unless floats are kept. Minus zero stays a float.
    private mutating func number() throws(JSONError) -> JSONValue {
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
        guard let value = Double(text), value.isFinite else {
            position = start
            throw failure("a number beyond those of 64 bits")
        }
        if !keepsFloats, let integer = Int(exactly: value), value != 0 || value.sign == .plus {
            return .integer(integer)
        }
        return .number(value)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == start { throw unexpected("a digit") }
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
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
            case 0..<0x20: throw failure("a control character in a string")
            default: position += 1
            }
        }
        position = start
        throw failure("a string without its end")
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
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
            position = start
            throw failure("an unknown escape")
        }
        let high = try hexadecimal()
        var code = high
        if (0xD800..<0xDC00).contains(high), takeByte("\\"), takeByte("u") {
            let low = try hexadecimal()
            if (0xDC00..<0xE000).contains(low) { code = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00) }
        }
        guard let scalar = Unicode.Scalar(code) else {
            position = start
            throw failure("half of a surrogate pair")
        }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw unexpected("a hexadecimal digit")
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

    private func unexpected(_ expected: String) -> JSONError {
        guard let byte = peek else { return failure("the end, expected \(expected)") }
        let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        let found = String(decoding: bytes[position...].prefix(length), as: UTF8.self)
        return failure("\(found.debugDescription), expected \(expected)")
    }

    /// Line and column count from 1, columns in characters (Unicode scalars).
    private func failure(_ found: String) -> JSONError {
        let before = bytes.prefix(position)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let line = before.count { $0 == 0x0A } + 1
        let column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
        return JSONError("line \(line), column \(column): found \(found)")
    }
}
