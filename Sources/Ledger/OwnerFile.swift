internal import Elements
internal import Glibc
public import JSONText

/// What an owner file says: who the process is, how often it has shown that it is alive, and how far it is.
///
/// The first line is written once. The second is written again with each beat, always with the same length, so that a reader
/// sees the old one or the new one.
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

    static func firstLine(_ identity: OwnerIdentity) throws(LedgerError) -> [UInt8] {
        do throws(JSONError) {
            return try JSONFile.encode(identity) + [UInt8(ascii: "\n")]
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

    /// Reads an open owner file; nil where it does not hold one (its owner is just writing it).
    init?(_ file: borrowing FileHandle, path: String) throws(LedgerError) {
        let buffer = ByteBuffer(count: 16384)
        let count = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: 0, path: path)
        }
        let lines = buffer.array.prefix(count).split(separator: UInt8(ascii: "\n"))
        guard let first = lines.first, let value = try? JSONValue(parsing: first),
            let identity = try? value.decode(OwnerIdentity.self)
        else { return nil }
        self.identity = identity
        let second = lines.count > 1 ? try? JSONValue(parsing: lines[1]) : nil
        beat = second?["beat"]?.integer ?? 0
        progress = second?["progress"] ?? .null
        modified = file.modified
    }
}

extension FileHandle {
    /// The time of the last change, in seconds.
    var modified: Double {
        var status = stat()
        guard fstat(number, &status) == 0 else { return 0 }
        return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
    }

    /// Device and inode: which file this is, for all processes of one kernel.
    var place: String {
        var status = stat()
        guard fstat(number, &status) == 0 else { return "" }
        return "\(status.st_dev) \(status.st_ino)"
    }
}
