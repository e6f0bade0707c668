internal import Codecs
internal import Elements
internal import JSONText

/// The file beside a pack: which objects the store proved absent, and the version of each other object. It is appended to. The last line
/// about a key counts, and a torn last line is dropped.
///
/// A line begins with the CRC-32 of what follows, in 8 hexadecimal digits, a space, and the key. For an absent object nothing follows. Else
/// a tab follows, and then `<size> <crc32> <mark>` for an object in the pack, `- - <mark>` for one that the pack holds in parts, `- -` for
/// a forgotten one. A line with an empty key says when the store first answered, in seconds since 1970, or who writes the pack: `owner
/// <generation> <identity>`.
///
/// A complete line with a wrong CRC may have concerned any object, or forgotten it. The line is skipped, and the journal becomes doubtful
/// (``isDoubtful``): all objects must be compared with the store before use.
struct PackJournal: Sendable {
    /// The version of an object.
    struct Mark: Sendable {
        /// The entry with the object's bytes; nil where the pack holds parts of the object, or where it is forgotten.
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
        case owner(OwnerIdentity, generation: Int)

        private var text: String {
            switch self {
            case .absent(let key): key
            case .stored(let key, let size, let crc32, let mark):
                "\(key)\t\(size) \(String(crc32, radix: 16))\(mark.map { " \($0)" } ?? "")"
            case .marked(let key, let mark): "\(key)\t- - \(mark)"
            case .forgotten(let key): "\(key)\t- -"
            case .began(let seconds): "\t\(seconds)"
            case .owner(let identity, let generation): "\towner \(generation) \(PackJournal.text(of: identity))"
            }
        }

        var bytes: [UInt8] { PackJournal.bytes(Array(text.utf8)) }

        init?(_ text: String) {
            guard let tab = text.utf8.firstIndex(of: UInt8(ascii: "\t")) else {
                self = .absent(text)
                return
            }
            let (key, value) = (String(text[..<tab]), text[text.utf8.index(after: tab)...])
            let parts = value.utf8.split(
                separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false
            ).map(Substring.init)
            if key.utf8.isEmpty {
                if parts.count == 1, let seconds = Int(value) {
                    self = .began(seconds)
                } else if parts.count == 3, parts[0] == "owner", let generation = Int(parts[1]),
                    let identity = try? JSONFile.decode(OwnerIdentity.self, from: Array(parts[2].utf8))
                {
                    self = .owner(identity, generation: generation)
                } else {
                    return nil
                }
                return
            }
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

    /// Earlier than any answer of a store, so that all objects are compared with it.
    private static let unknownTime = 0

    private(set) var absent: Set<String> = []
    /// Includes forgotten keys.
    private(set) var marks: [String: Mark] = [:]
    private(set) var began: Int?
    /// Who writes the pack, or has published it; nil where it is unknown.
    private(set) var owner: OwnerIdentity?
    /// Incremented by each owner.
    private(set) var generation = 0
    /// Where the next line goes.
    var end = 0

    /// Nothing is known.
    init() {}

    /// Reads all whole lines.
    init(of file: borrowing FileHandle, path: String) throws(LedgerError) {
        let buffer = ByteBuffer(count: try file.size(path: path))
        let count = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: 0, path: path)
        }
        buffer.resize(to: count)
        var isDamaged = false
        for line in buffer.array.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard end + line.count < count else { break }
            end += line.count + 1
            let text = Array(line.dropFirst(9))
            if line.count > 9, Self.bytes(text).dropLast().elementsEqual(line),
                let text = String(validating: text, as: UTF8.self),
                let read = Line(text)
            {
                take(read)
            } else {
                isDamaged = true
            }
        }
        if isDamaged { began = Self.unknownTime }
    }

    /// Whether the time of the first fetch is unknown.
    var isDoubtful: Bool { began.map { $0 <= Self.unknownTime } ?? false }

    /// The same content in as few lines as possible, for another owner's file.
    func lines(of identity: OwnerIdentity, generation: Int) -> [UInt8] {
        var bytes = Line.owner(identity, generation: generation).bytes
        if let began { bytes += Line.began(began).bytes }
        for (key, mark) in marks.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let line: Line =
                if let entry = mark.entry {
                    .stored(key, size: entry.size, crc32: entry.crc32, mark: mark.text)
                } else if let text = mark.text {
                    .marked(key, text)
                } else {
                    .forgotten(key)
                }
            bytes += line.bytes
        }
        for key in absent.sorted() { bytes += Line.absent(key).bytes }
        return bytes
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
        case .owner(let identity, let generation): (owner, self.generation) = (identity, generation)
        }
    }

    /// Whether an entry of a pack matches the journal. A forgotten entry does not match. Nor does one that was replaced, even if the bytes of
    /// the new entry were lost. Nor does an entry without a line, because its name may be damaged; only journals of earlier versions lack
    /// lines.
    func admits(_ key: String, _ entry: PackIndex.Entry) -> Bool {
        guard let mark = marks[key] else { return generation == 0 }
        guard let known = mark.entry else { return false }
        return known == (entry.size, entry.crc32)
    }

    private static func text(of identity: OwnerIdentity) -> String {
        (try? JSONFile.encode(identity)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func bytes(_ text: [UInt8]) -> [UInt8] {
        Array("\(LineChecksum.digits(of: text)) ".utf8) + text + [UInt8(ascii: "\n")]
    }
}
