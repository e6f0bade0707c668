internal import Elements
internal import Glibc

/// Files that a user names. A FIFO, a device or a socket in place of a file is refused without waiting for it.
public enum RegularFile {
    /// The first bytes of a file, links followed.
    ///
    /// - Throws: ``LedgerError`` `.cannotRead` where there is no readable regular file.
    public static func bytes(at path: String, atMost count: Int) throws(LedgerError) -> [UInt8] {
        // O_NONBLOCK, because opening a FIFO waits for a writer.
        let number = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard number >= 0 else { throw LedgerError.system(.cannotRead, path: path, "opening") }
        let file = FileHandle(number)
        var status = stat()
        guard fstat(number, &status) == 0 else { throw LedgerError.system(.cannotRead, path: path, "stat") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LedgerError(.cannotRead, path: path, "it is \(kind(status)), not a regular file")
        }
        let buffer = ByteBuffer(count: min(count, max(0, Int(status.st_size))))
        let found = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: 0, path: path)
        }
        buffer.resize(to: found)
        return buffer.array
    }

    /// In words, what is at a path instead of a regular file; nil for a regular file, or nothing.
    public static func otherKind(at path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return nil }
        return kind(status)
    }

    /// In words, what kind of file it is.
    static func kind(_ status: stat) -> String {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: "a folder"
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        case S_IFREG: "a regular file"
        default: "something else"
        }
    }
}
