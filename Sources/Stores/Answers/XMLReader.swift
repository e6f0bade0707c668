internal import Elements

/// Reads untrusted XML in one pass: no tree, no recursion, no entities that the document defines. Time and memory are proportional to the
/// text.
struct XMLReader {
    /// Why a text cannot be read.
    enum Fault: Error, Equatable {
        case malformed(String)
        /// It ends in its middle.
        case torn
    }

    /// An element that has ended.
    struct Element {
        /// Names without their prefixes, from the outermost element to this one.
        let path: [String]
        /// The element's own text, without that of its child elements.
        let text: String
    }

    /// The deepest nesting; listings have four levels.
    static let maximumDepth = 16
    private static let maximumByteName = 128
    /// The longest tag in bytes, with its attributes, which are ignored.
    private static let maximumTagBytes = 64 << 10
    /// The longest text of an element, in bytes. A key has at most 1 KiB, and 3 KiB when encoded.
    private static let maximumTextBytes = 64 << 10

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var path: [String] = []
    private var names: [UnsafeBufferPointer<UInt8>] = []
    private var texts: [[UInt8]] = []
    private var hasEnded = false

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Calls `take` for each element when it ends, the outermost one last.
    static func read(_ text: ByteBuffer, _ take: (Element) -> Void) throws(Fault) {
        try text.withUnsafeBytes { (bytes) throws(Fault) in
            try bytes.withMemoryRebound(to: UInt8.self) { (bytes) throws(Fault) in
                var reader = XMLReader(bytes)
                try reader.run(take)
            }
        }
    }

    private mutating func run(_ take: (Element) -> Void) throws(Fault) {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "<") {
                try markup(take)
            } else {
                try text()
            }
        }
        guard hasEnded else { throw .torn }
    }

    // MARK: Markup

    private mutating func markup(_ take: (Element) -> Void) throws(Fault) {
        guard position + 1 < bytes.count else { throw .torn }
        switch bytes[position + 1] {
        case UInt8(ascii: "?"): try skip(to: "?>")
        case UInt8(ascii: "!"):
            if begins("<!--") {
                try skip(to: "-->")
            } else if begins("<![CDATA["), !path.isEmpty {
                let start = position + 9
                try skip(to: "]]>")
                try append(UnsafeBufferPointer(rebasing: bytes[start..<(position - 3)]))
            } else {
                // No entity definitions: with them a small text could expand to a huge one.
                guard bytes.count - position >= 9 else { throw .torn }
                throw .malformed("it has a document type")
            }
        case UInt8(ascii: "/"): try endTag(take)
        default: try startTag(take)
        }
    }

    private mutating func startTag(_ take: (Element) -> Void) throws(Fault) {
        guard !hasEnded else { throw .malformed("there is an element after the outermost one") }
        guard path.count < Self.maximumDepth else {
            throw .malformed("more than \(Self.maximumDepth) elements within one another")
        }
        let start = position + 1
        let name = try name(at: start)
        var index = start + name.count
        var quote: UInt8?
        while true {
            guard index - start <= Self.maximumTagBytes else {
                throw .malformed("a tag of more than \(Self.maximumTagBytes) bytes")
            }
            guard index < bytes.count else { throw .torn }
            let byte = bytes[index]
            index += 1
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: "<") {
                throw .malformed("a tag in a tag")
            } else if byte == UInt8(ascii: ">") {
                break
            }
        }
        names.append(name)
        path.append(try Self.string(name[(name.lastIndex(of: UInt8(ascii: ":")).map { $0 + 1 } ?? 0)...]))
        texts.append([])
        let isEmpty = bytes[index - 2] == UInt8(ascii: "/")
        position = index
        if isEmpty { try end(take) }
    }

    private mutating func endTag(_ take: (Element) -> Void) throws(Fault) {
        let name = try name(at: position + 2)
        guard let open = names.last, open.elementsEqual(name) else {
            throw .malformed("an end tag without its beginning")
        }
        position += 2 + name.count
        while position < bytes.count, bytes[position] <= UInt8(ascii: " ") { position += 1 }
        guard position < bytes.count else { throw .torn }
        guard bytes[position] == UInt8(ascii: ">") else { throw .malformed("an end tag that does not end") }
        position += 1
        try end(take)
    }

    private mutating func end(_ take: (Element) -> Void) throws(Fault) {
        take(Element(path: path, text: try Self.string(texts.removeLast())))
        path.removeLast()
        names.removeLast()
        hasEnded = path.isEmpty
    }

    private func name(at start: Int) throws(Fault) -> UnsafeBufferPointer<UInt8> {
        var end = start
        while end < bytes.count, end - start <= Self.maximumByteName {
            switch bytes[end] {
            case 0...UInt8(ascii: " "), UInt8(ascii: ">"), UInt8(ascii: "/"):
                guard end > start else { throw .malformed("a tag without a name") }
                return UnsafeBufferPointer(rebasing: bytes[start..<end])
            case UInt8(ascii: "<"), UInt8(ascii: "&"), UInt8(ascii: "\""), UInt8(ascii: "'"):
                throw .malformed("a bad name of an element")
            default: end += 1
            }
        }
        if end == bytes.count { throw .torn }
        throw .malformed("a name of more than \(Self.maximumByteName) bytes")
    }

    private func begins(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    }

    private mutating func skip(to end: StaticString) throws(Fault) {
        let length = end.utf8CodeUnitCount
        position += 2
        while position + length <= bytes.count {
            if begins(end) {
                position += length
                return
            }
            position += 1
        }
        throw .torn
    }

    // MARK: Text

    private mutating func text() throws(Fault) {
        var end = position
        while end < bytes.count, bytes[end] != UInt8(ascii: "<"), bytes[end] != UInt8(ascii: "&") { end += 1 }
        try append(UnsafeBufferPointer(rebasing: bytes[position..<end]))
        position = end
        if end < bytes.count, bytes[end] == UInt8(ascii: "&") { try reference() }
    }

    private mutating func append(_ piece: UnsafeBufferPointer<UInt8>) throws(Fault) {
        guard let last = texts.indices.last else {
            guard piece.allSatisfy({ $0 <= UInt8(ascii: " ") }) else {
                throw .malformed("text outside the outermost element")
            }
            return
        }
        texts[last] += piece
        guard texts[last].count <= Self.maximumTextBytes else {
            throw .malformed("more than \(Self.maximumTextBytes) bytes of text in one element")
        }
    }

    /// `&amp;`, `&#38;`, `&#x26;`
    private mutating func reference() throws(Fault) {
        let rest = bytes[(position + 1)...].prefix(12)
        guard let end = rest.firstIndex(of: UInt8(ascii: ";")) else {
            if position + 13 > bytes.count { throw .torn }
            throw .malformed("an entity that does not end")
        }
        let name = try Self.string(rest[..<end])
        var scalar: Unicode.Scalar?
        switch name {
        case "amp": scalar = "&"
        case "lt": scalar = "<"
        case "gt": scalar = ">"
        case "quot": scalar = "\""
        case "apos": scalar = "'"
        default:
            if name.hasPrefix("#x") {
                scalar = UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
            } else if name.hasPrefix("#") {
                scalar = UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
            }
        }
        guard let scalar, let last = texts.indices.last else { throw .malformed("an unknown entity") }
        texts[last] += Array(String(scalar).utf8)
        position = end + 1
    }

    private static func string(_ bytes: some Collection<UInt8>) throws(Fault) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("text that is no UTF-8") }
        return text
    }
}

extension XMLReader {
    /// The name of the outermost element, found without parsing; nil where the text is no XML.
    static func rootName(_ bytes: ByteBuffer) -> String? {
        bytes.withUnsafeBytes { text in
            var index = text.startIndex
            while let open = text[index...].firstIndex(of: UInt8(ascii: "<")), open + 1 < text.endIndex {
                switch text[open + 1] {
                case UInt8(ascii: "?"), UInt8(ascii: "!"):
                    guard let close = text[open...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
                    index = close + 1
                default:
                    let name = text[(open + 1)...].prefix {
                        $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "/")
                    }
                    return name.count <= 64 ? String(decoding: name, as: UTF8.self) : nil
                }
            }
            return nil
        }
    }
}
