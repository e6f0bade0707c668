internal import Codecs
internal import Elements
internal import JSONText

/// What lies beside a pack: which objects the store has proved not to hold, and which version each of the others is. It is appended to,
/// the last line about a key counts, and a torn last line is dropped.
///
/// A line is the CRC-32 of what follows in 8 hexadecimal digits, a space, the key, and nothing more for an absent object; or a tab and
/// `<size> <crc32> <mark>` for one that the pack holds, `- - <mark>` for one that it holds in parts, `- -` for one that is forgotten. A
/// line with an empty key says when the store gave the first answer, in seconds since 1970, or who writes the pack:
/// `owner <generation> <identity>`.
///
/// A whole line that does not match its CRC may have said anything of any object, also that it is forgotten. It is skipped, and the
/// journal is in doubt from then on (``isDoubtful``): all objects have to be compared with the store before they are used.
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

    /// A time before any answer of a store: what was fetched has to be compared with it.
    private static let unknownTime = 0

    private(set) var absent: Set<String> = []
    /// Also of keys that are forgotten.
    private(set) var marks: [String: Mark] = [:]
    private(set) var began: Int?
    /// Who writes the pack, or has published it; nil where that is not said.
    private(set) var owner: OwnerIdentity?
    /// Goes up with each owner.
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

    /// Whether it is not known from which time on the objects were fetched.
    var isDoubtful: Bool { began.map { $0 <= Self.unknownTime } ?? false }

    /// The same knowledge in as few lines as it takes, for the file of another owner.
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

    /// Whether an entry of a pack is what the journal says of it: one that was forgotten, or overtaken by another whose bytes have
    /// not become durable, is not. Nor is one of which nothing was said, for its name may be damaged; only earlier versions said nothing of
    /// some.
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
