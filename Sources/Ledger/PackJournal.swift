internal import Codecs
internal import Elements

/// What lies beside a pack: which objects the store has proved not to hold, and which version each of the others is. It is appended to,
/// the last line about a key counts, and a torn last line is dropped.
///
/// A line is the CRC-32 of what follows in 8 hexadecimal digits, a space, the key, and nothing more for an absent object; or a tab and
/// `<size> <crc32> <mark>` for one that the pack holds, `- - <mark>` for one that it holds in parts, `- -` for one that is forgotten. The
/// line with an empty key says when the store gave the first answer, in seconds since 1970.
struct PackJournal: Sendable {
    /// The version of an object.
    struct Mark: Sendable {
        /// Of the entry with the object's bytes; nil where the pack holds it in parts, or where it is forgotten.
        var entry: (size: Int, crc32: UInt32)?
        /// nil where the store gave none, or where it is forgotten.
        var text: String?
    }

    enum Line {
        case absent(String)
        case stored(String, size: Int, crc32: UInt32, mark: String?)
        case marked(String, String)
        case forgotten(String)
        case began(Int)

        private var text: String {
            switch self {
            case .absent(let key): key
            case .stored(let key, let size, let crc32, let mark):
                "\(key)\t\(size) \(String(crc32, radix: 16))\(mark.map { " \($0)" } ?? "")"
            case .marked(let key, let mark): "\(key)\t- - \(mark)"
            case .forgotten(let key): "\(key)\t- -"
            case .began(let seconds): "\t\(seconds)"
            }
        }

        var bytes: [UInt8] { PackJournal.bytes(Array(text.utf8)) }

        init?(_ text: Substring) {
            guard let tab = text.firstIndex(of: "\t") else {
                self = .absent(String(text))
                return
            }
            let (key, value) = (String(text[..<tab]), text[text.index(after: tab)...])
            guard !key.isEmpty else {
                guard let seconds = Int(value) else { return nil }
                self = .began(seconds)
                return
            }
            let parts = value.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count >= 2 else { return nil }
            let mark = parts.count == 3 ? String(parts[2]) : nil
            if parts[0] == "-" {
                self = mark.map { .marked(key, $0) } ?? .forgotten(key)
            } else if let size = Int(parts[0]), let crc32 = UInt32(parts[1], radix: 16) {
                self = .stored(key, size: size, crc32: crc32, mark: mark)
            } else {
                return nil
            }
        }
    }

    private(set) var absent: Set<String> = []
    /// Also of keys that are forgotten.
    private(set) var marks: [String: Mark] = [:]
    private(set) var began: Int?
    /// Where the next line goes.
    var end = 0

    /// Reads all whole lines.
    init(of file: borrowing FileHandle, path: String) throws(LedgerError) {
        let buffer = ByteBuffer(count: try file.size(path: path))
        let count = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: 0, path: path)
        }
        buffer.resize(to: count)
        for line in buffer.array.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard end + line.count < count, line.count > 9 else { break }
            let text = Array(line.dropFirst(9))
            guard Self.bytes(text).dropLast().elementsEqual(line),
                let read = Line(Substring(String(decoding: text, as: UTF8.self)))
            else { break }
            take(read)
            end += line.count + 1
        }
    }

    mutating func take(_ line: Line) {
        switch line {
        case .absent(let key): absent.insert(key)
        case .stored(let key, let size, let crc32, let mark):
            absent.remove(key)
            marks[key] = Mark(entry: (size, crc32), text: mark)
        case .marked(let key, let mark): marks[key] = Mark(entry: nil, text: mark)
        case .forgotten(let key):
            absent.remove(key)
            marks[key] = Mark()
        case .began(let seconds): began = seconds
        }
    }

    /// Whether an entry of a pack is what the journal says of it: one that was forgotten, or overtaken by another whose bytes have
    /// not become durable, is not. One of which nothing was said is taken as it is.
    func admits(_ key: String, _ entry: ZipFormat.Entry) -> Bool {
        guard let mark = marks[key] else { return true }
        guard let known = mark.entry else { return false }
        return known == (entry.size, entry.crc32)
    }

    private static func bytes(_ text: [UInt8]) -> [UInt8] {
        let sum = ByteBuffer(text).withSpan { Checksum.crc32($0) }
        let digits = String(sum, radix: 16)
        return Array("\(String(repeating: "0", count: 8 - digits.count))\(digits) ".utf8) + text + [UInt8(ascii: "\n")]
    }
}
