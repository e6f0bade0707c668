/// Walks over a JSON text beside the value that was read from it, and makes numbers that are written with a point or an exponent
/// floating-point again where they are whole: `8.0` is not `8` to everybody.
///
/// The text has been read without complaint before, so that its form is not checked here.
struct NumberKinds {
    private let text: [UInt8]
    private var position = 0

    init(_ text: [UInt8]) { self.text = text }

    /// The value with its whole floating-point numbers as ``JSONValue/number(_:)``.
    static func restored(_ value: JSONValue, from text: [UInt8]) -> JSONValue {
        // The parser also takes UTF-16 and UTF-32, which are full of zeros: those texts are left alone.
        guard !text.contains(0) else { return value }
        var walk = NumberKinds(text)
        return walk.restored(value)
    }

    private mutating func restored(_ value: JSONValue) -> JSONValue {
        skipBlanks()
        switch peek {
        case UInt8(ascii: "{"):
            var members = value.object ?? [:]
            forEachElement(until: UInt8(ascii: "}")) { walk in
                let key = walk.key()
                walk.skipBlanks()
                walk.position += 1
                let member = walk.restored(members[key] ?? .null)
                if members[key] != nil { members[key] = member }
            }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            let known = value.array ?? []
            forEachElement(until: UInt8(ascii: "]")) { walk in
                elements.append(walk.restored(known.indices.contains(elements.count) ? known[elements.count] : .null))
            }
            return elements.count == known.count ? .array(elements) : value
        case UInt8(ascii: "\""):
            skipString()
            return value
        default:
            let start = position
            while let byte = peek, !Self.isEnd(byte) { position += 1 }
            let isFloat = text[start..<position].contains { [0x2E, 0x45, 0x65].contains($0) }
            switch value {
            case .integer(let number) where isFloat: return .number(Double(number))
            case .unsigned(let number) where isFloat: return .number(Double(number))
            default: return value
            }
        }
    }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    private static func isEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") || byte <= 0x20
    }

    private mutating func skipBlanks() {
        while let byte = peek, byte <= 0x20 { position += 1 }
    }

    /// Steps over an object or a list; `body` is called at the first byte of each element.
    private mutating func forEachElement(until end: UInt8, _ body: (inout NumberKinds) -> Void) {
        position += 1
        while true {
            skipBlanks()
            guard let byte = peek else { return }
            if byte == end {
                position += 1
                return
            }
            let start = position
            if byte == UInt8(ascii: ",") { position += 1 } else { body(&self) }
            guard position > start else { return }
        }
    }

    /// The key that begins here.
    private mutating func key() -> String {
        let start = position
        skipString()
        let quoted = text[start..<position]
        guard quoted.contains(UInt8(ascii: "\\")) else {
            return String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
        }
        return (try? JSONValue(parsing: quoted))?.string ?? ""
    }

    private mutating func skipString() {
        position += 1
        while let byte = peek, byte != UInt8(ascii: "\"") { position += byte == UInt8(ascii: "\\") ? 2 : 1 }
        position = min(position + 1, text.count)
    }
}
