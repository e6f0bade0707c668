internal import Glibc

/// A lock on a whole open file, held as long as the file is open.
///
/// No lock keeps two processes apart here, because locks cannot be trusted on NFS and Lustre. A lock only proves that its holder is gone,
/// between processes of one kernel that see the same file. So a container that was killed and started again need not wait until its
/// old claims run out.
enum FileLock {
    // <fcntl.h> shows them only with _GNU_SOURCE.
    private static let getLock: Int32 = 36
    private static let setLock: Int32 = 37

    private static func description() -> flock {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        return lock
    }

    /// Locks the file for as long as it is open; whether that worked.
    static func take(_ file: borrowing FileHandle) -> Bool {
        var lock = description()
        return fcntl(file.number, setLock, &lock) == 0
    }

    /// Whether somebody holds the file locked; nil where that cannot be known.
    static func isHeld(_ file: borrowing FileHandle) -> Bool? {
        var lock = description()
        guard fcntl(file.number, getLock, &lock) == 0 else { return nil }
        return lock.l_type != Int16(F_UNLCK)
    }
}
