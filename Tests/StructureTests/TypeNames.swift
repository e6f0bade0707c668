/// The type names in a Swift file, found by a scan of its words.
///
/// Comments and texts are skipped, but not what is interpolated into texts. A type that is only used through its methods is not
/// seen, and two types of the same name are told apart by file only.
struct TypeNames {
    /// Types at the top level that other files may use.
    private(set) var defined: Set<String> = []
    /// Nested and private types, and generic parameters: they hide types of other files.
    private(set) var own: Set<String> = []
    /// Names with a capital that stand for themselves, not `Other.Name`.
    private(set) var used: Set<String> = []

    private static let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol", "typealias"]

    init(in text: [UInt8]) {
        let code = Self.code(of: text)
        var position = 0
        var isTopLevel = true
        var isPrivate = false
        var isDefinition = false
        while position < code.count {
            let byte = code[position]
            if byte == UInt8(ascii: "\n") {
                isTopLevel = position + 1 < code.count && Self.isWord(code[position + 1])
                isTopLevel = isTopLevel || position + 1 < code.count && code[position + 1] == UInt8(ascii: "@")
                (isPrivate, isDefinition) = (false, false)
            }
            guard Self.isWord(byte) else {
                position += 1
                continue
            }
            let start = position
            while position < code.count, Self.isWord(code[position]) { position += 1 }
            let word = String(decoding: code[start..<position], as: UTF8.self)
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            if isDefinition, isUpper {
                if isTopLevel, !isPrivate { defined.insert(word) } else { own.insert(word) }
            } else if isUpper, start == 0 || code[start - 1] != UInt8(ascii: ".") {
                let isGeneric =
                    start > 0 && code[start - 1] == UInt8(ascii: "<") && position < code.count
                    && code[position] == UInt8(ascii: ":")
                if isGeneric { own.insert(word) } else { used.insert(word) }
            }
            isDefinition = Self.kinds.contains(word)
            isPrivate = isPrivate || word == "private" || word == "fileprivate"
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte >= 0x61 && byte <= 0x7A || byte >= 0x41 && byte <= 0x5A || byte >= 0x30 && byte <= 0x39 || byte == 0x5F
    }

    // MARK: Comments and texts

    /// The delimiter of a text: `"`, `"""`, `#"`.
    private struct Delimiter {
        let quotes: Int
        let hashes: Int
    }

    /// The text with its lines, but without comments and the characters of texts.
    static func code(of text: [UInt8]) -> [UInt8] {
        var code: [UInt8] = []
        code.reserveCapacity(text.count)
        // For each interpolation that is open: its text, and how many of its parentheses are.
        var open: [(text: Delimiter, parentheses: Int)] = []
        var position = 0
        func count(_ character: Unicode.Scalar, at start: Int) -> Int {
            var end = start
            while end < text.count, text[end] == UInt8(ascii: character) { end += 1 }
            return end - start
        }
        /// Goes to the end of a text, or to the start of what is interpolated into it.
        func skip(_ delimiter: Delimiter) {
            code.append(UInt8(ascii: " "))
            while position < text.count {
                switch text[position] {
                case UInt8(ascii: "\\") where count("#", at: position + 1) >= delimiter.hashes:
                    position += 1 + delimiter.hashes
                    if position < text.count, text[position] == UInt8(ascii: "(") {
                        position += 1
                        open.append((delimiter, 1))
                        return
                    }
                    position += 1
                case UInt8(ascii: "\"")
                where count("\"", at: position) >= delimiter.quotes
                    && count("#", at: position + delimiter.quotes) >= delimiter.hashes:
                    position += delimiter.quotes + delimiter.hashes
                    return
                case UInt8(ascii: "\n"):
                    code.append(UInt8(ascii: "\n"))
                    position += 1
                    if delimiter.quotes == 1 { return }
                default: position += 1
                }
            }
        }
        while position < text.count {
            let byte = text[position]
            let next = position + 1 < text.count ? text[position + 1] : 0
            switch byte {
            case UInt8(ascii: "/") where next == UInt8(ascii: "/"):
                while position < text.count, text[position] != UInt8(ascii: "\n") { position += 1 }
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"):
                while position + 1 < text.count, text[position] != UInt8(ascii: "*") || text[position + 1] != byte {
                    position += 1
                }
                position += 2
            case UInt8(ascii: "#"), UInt8(ascii: "\""):
                let hashes = count("#", at: position)
                let quotes = count("\"", at: position + hashes)
                guard quotes > 0 else {
                    position += hashes
                    continue
                }
                // Two quotes are an empty text.
                let delimiter = Delimiter(quotes: quotes >= 3 ? 3 : 1, hashes: hashes)
                position += hashes + delimiter.quotes
                skip(delimiter)
            case UInt8(ascii: "(") where !open.isEmpty:
                open[open.count - 1].parentheses += 1
                code.append(byte)
                position += 1
            case UInt8(ascii: ")") where open.last?.parentheses == 1:
                position += 1
                skip(open.removeLast().text)
            case UInt8(ascii: ")") where !open.isEmpty:
                open[open.count - 1].parentheses -= 1
                code.append(byte)
                position += 1
            default:
                code.append(byte)
                position += 1
            }
        }
        return code
    }
}
