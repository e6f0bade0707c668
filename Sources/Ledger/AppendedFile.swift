public import Elements
internal import Glibc

/// A file that is appended to, and goes on at a length that was durable once. All functions block; one task at a time writes.
public final class AppendedFile: Sendable {
    /// The file, for messages.
    public let path: String
    private let file: FileHandle

    /// Opens the file at `relative`, making it where there is none, and cuts it to `length` bytes.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where it has fewer bytes than that.
    public init(opening relative: String, in folder: ConfinedFolder, length: Int) throws(LedgerError) {
        path = "\(folder.path)/\(relative)"
        guard let opened = try folder.open(relative, flags: O_RDWR | O_CREAT) else {
            throw LedgerError(.cannotWrite, path: path, "the file could not be opened")
        }
        file = opened
        let size = try file.size(path: path)
        guard size >= length else {
            throw LedgerError(.corrupt, path: path, "\(size) bytes where at least \(length) were written")
        }
        if size > length { try file.truncate(to: length, path: path) }
    }

    /// Writes all of `bytes` at `offset`.
    public func write(_ bytes: ByteBuffer, at offset: Int) throws(LedgerError) {
        try bytes.withUnsafeBytes { content throws(LedgerError) in
            try file.write(content, at: offset, path: path)
        }
    }

    /// Reads exactly `count` bytes at `offset`.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where the file ends before.
    public func read(count: Int, at offset: Int) throws(LedgerError) -> ByteBuffer {
        let bytes = ByteBuffer(count: count)
        let found = try bytes.withUnsafeMutableBytes { content throws(LedgerError) in
            try file.read(into: content, at: offset, path: path)
        }
        guard found == count else {
            throw LedgerError(.corrupt, path: path, "\(found) bytes at \(offset) where \(count) were written")
        }
        return bytes
    }

    /// Makes what was written durable.
    public func sync() throws(LedgerError) { try file.sync(path: path) }
}
