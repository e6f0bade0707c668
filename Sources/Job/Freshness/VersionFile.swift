public import Ledger

/// `state/versions/<item>`: which version of each object an item was made from, a line each, so that `--refresh` needs no pack. It is
/// read in parts: a volume has objects by the million.
public struct VersionFile: Sendable {
    private static let magic = "cristae versions 2"
    /// Of earlier versions, whose lines have no checksums.
    private static let oldMagic = "cristae versions 1"
    private static let partBytes = 256 << 10

    /// Gives so many bytes from so far on; fewer only at the end.
    private let read: @Sendable (_ count: Int, _ offset: Int) throws(LedgerError) -> [UInt8]
    private let start: Int
    /// Where it ends; nil is the end of the file.
    private let end: Int?
    /// Whether each line must have a checksum.
    private let isChecked: Bool

    public static func path(of item: String) -> String { "versions/\(item)" }

    /// The first line: of what the versions are.
    public static func head(_ fingerprint: Fingerprint, isChecked: Bool = true) -> [UInt8] {
        Array("\(isChecked ? magic : oldMagic) \(fingerprint)\n".utf8)
    }

    /// Opens the versions of an item; nil where there are none of this download. Blocks.
    public init?(of item: String, fingerprint: Fingerprint, in state: ConfinedFolder) throws(LedgerError) {
        guard let file = try PublishedBytes(opening: Self.path(of: item), in: state) else { return nil }
        let head = Self.head(fingerprint)
        let found = try file.read(count: head.count, at: 0)
        isChecked = found == head
        guard isChecked || found == Self.head(fingerprint, isChecked: false) else { return nil }
        read = { (count, offset) throws(LedgerError) in try file.read(count: count, at: offset) }
        (start, end) = (head.count, nil)
    }

    /// Lines without a first one, `length` bytes of them. Those that an earlier version has written have no checksums.
    public init(
        length: Int, lines read: @escaping @Sendable (_ count: Int, _ offset: Int) throws(LedgerError) -> [UInt8]
    ) {
        self.read = read
        (start, end, isChecked) = (0, length, false)
    }

    /// Lines that are in memory.
    public init(lines: [UInt8]) {
        self.init(length: lines.count) { (count, offset) throws(LedgerError) in
            Array(lines[min(offset, lines.count)..<min(offset + count, lines.count)])
        }
    }

    /// A place between two lines.
    public struct Position: Sendable {
        fileprivate let offset: Int
    }

    public var first: Position { Position(offset: start) }

    /// Some versions from a place on, and the next place; nil at the end. Blocks.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` for a line that is none.
    public func part(at position: Position) throws(LedgerError) -> (versions: [ObjectVersion], next: Position)? {
        let limit = end.map { max(0, min(Self.partBytes, $0 - position.offset)) } ?? Self.partBytes
        let part = try read(limit, position.offset)
        guard let last = part.lastIndex(of: UInt8(ascii: "\n")) else {
            guard part.isEmpty else { throw Self.damage(position.offset) }
            return nil
        }
        var versions: [ObjectVersion] = []
        for line in part[..<last].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard let version = ObjectVersion(line: line, isChecked: isChecked) else {
                throw Self.damage(position.offset)
            }
            versions.append(version)
        }
        return (versions, Position(offset: position.offset + last + 1))
    }

    private static func damage(_ offset: Int) -> LedgerError {
        LedgerError(.corrupt, path: "versions", "no version of an object stands at \(offset)")
    }
}
