internal import Glibc

/// Which file something is, and which state of it: device, inode, kind, size and time of the last change.
public struct FileStamp: Sendable, Hashable {
    let device: UInt64
    let inode: UInt64
    let isRegular: Bool
    let size: Int
    /// Seconds by the clock of the file system.
    let modified: Double

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        size = Int(status.st_size)
        modified = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
    }

    /// The stamp of an open file; zeros where `fstat` fails.
    init(of file: borrowing FileHandle) {
        var status = stat()
        _ = fstat(file.number, &status)
        self.init(status)
    }

    var place: String { "\(device) \(inode)" }

    /// Whether both are the same file, changed or not.
    func isSameFile(as other: FileStamp) -> Bool { device == other.device && inode == other.inode }
}
