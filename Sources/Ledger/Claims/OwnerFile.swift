internal import Elements
internal import Glibc
public import JSONText

/// What an owner file says: who the process is, how often it has shown that it is alive, and how far it is.
///
/// The first line never changes and carries a checksum of itself. The second line changes with each beat and has a fixed length, so that a
/// reader sees the old one or the new one. A damaged first line counts as unknown, so that a wrong bit never makes an owner look dead or
/// like another one.
public struct OwnerFile: Sendable {
    /// Bytes of the second line.
    private static let beatBytes = 4000

    public let identity: OwnerIdentity
    /// Counts up with each beat.
    public let beat: Int
    /// What the owner tells of its progress; null before the first beat.
    public let progress: JSONValue
    /// Time of the last change, in seconds by the clock of the file system.
    public let modified: Double

    /// The member of the first line that holds the checksum of the others. Earlier versions wrote none.
    private static let checkKey = "check"

    static func firstLine(_ identity: OwnerIdentity) throws(LedgerError) -> [UInt8] {
        do throws(JSONError) {
            guard case .object(var members) = try JSONValue(parsing: try JSONFile.encode(identity)) else {
                throw JSONError("an identity is not an object")
            }
            members[checkKey] = .string(Fingerprint(of: .object(members)).description)
            return Array(JSONValue.object(members).canonicalText.utf8) + [UInt8(ascii: "\n")]
        } catch {
            throw LedgerError(.cannotWrite, path: "work/\(identity.id)", error.description)
        }
    }

    static func secondLine(beat: Int, progress: JSONValue) -> [UInt8] {
        var text = Array(JSONValue.object(["beat": .integer(beat), "progress": progress]).canonicalText.utf8)
        if text.count > beatBytes - 1 {
            text = Array(JSONValue.object(["beat": .integer(beat), "progress": .null]).canonicalText.utf8)
        }
        return text + [UInt8](repeating: UInt8(ascii: " "), count: beatBytes - 1 - text.count) + [UInt8(ascii: "\n")]
    }

    /// What a first line says; nil where it is damaged.
    private static func identity(_ line: some Collection<UInt8>) -> OwnerIdentity? {
        guard let value = try? JSONValue(parsing: Array(line)), case .object(var members) = value else { return nil }
        if let check = members.removeValue(forKey: checkKey) {
            guard check == .string(Fingerprint(of: .object(members)).description) else { return nil }
        }
        guard let identity = try? value.decode(OwnerIdentity.self), identity.hasSafeID else { return nil }
        return identity
    }

    /// Reads an open owner file; nil where it is damaged or is being written.
    init?(_ file: borrowing FileHandle, path: String) throws(LedgerError) {
        let buffer = ByteBuffer(count: 16384)
        let count = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: 0, path: path)
        }
        let lines = buffer.array.prefix(count).split(separator: UInt8(ascii: "\n"))
        guard let first = lines.first, let identity = Self.identity(first) else { return nil }
        self.identity = identity
        let second = lines.count > 1 ? try? JSONValue(parsing: lines[1]) : nil
        beat = second?["beat"]?.integer ?? 0
        progress = second?["progress"] ?? .null
        modified = file.modified
    }
}

extension FileHandle {
    /// Which file this is, and its last change.
    var stamp: FileStamp { FileStamp(of: self) }

    /// The time of the last change, in seconds.
    var modified: Double { stamp.modified }

    /// Device and inode: which file this is, for all processes of one kernel.
    var place: String { stamp.place }
}
