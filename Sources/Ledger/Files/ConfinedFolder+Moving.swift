internal import CRename
internal import Elements
internal import Glibc

/// Makes, moves and removes folders and names, for owners and claims. It relies only on what `link`, `rename`, `mkdir` and `O_EXCL`
/// guarantee over NFS and Lustre too. It does not even assume that a successful `link` has made a hard link.
extension ConfinedFolder {
    /// Renames, also into another folder of the same file system; false where the source or the target folder does not exist.
    func rename(_ from: String, to: String, in other: ConfinedFolder? = nil) throws(LedgerError) -> Bool {
        guard let source = try place(of: from, creating: false),
            let target = try (other ?? self).place(of: to, creating: false)
        else { return false }
        operations.note()
        if renameat(source.folder.number, source.name, target.folder.number, target.name) == 0 { return true }
        guard Self.isGone(errno) else { throw LedgerError.system(.cannotWrite, path: "\(path)/\(from)", "renaming") }
        return false
    }

    /// How an attempt to give a file a second name ended.
    enum Linked {
        case made
        /// The name is taken.
        case taken
        /// The file, or the folder of the new name, does not exist.
        case gone
        /// The file system does not support it.
        case unsupported
        /// The new name exists now, but is not the same file. Some file systems make symbolic links instead of hard links.
        case somethingElse
    }

    /// Links a file to a second name, if that is free. If the server's answer was lost, a second look decides.
    ///
    /// - Parameter isProven: whether this file system is known to make hard links, so that the new name need not be checked.
    func link(
        _ from: String, to: String, in other: ConfinedFolder, isProven: Bool
    ) throws(LedgerError) -> Linked {
        guard let source = try place(of: from, creating: false), let target = try other.place(of: to, creating: false)
        else { return .gone }
        operations.note()
        if linkat(source.folder.number, source.name, target.folder.number, target.name, 0) == 0 {
            if isProven { return .made }
            operations.note()
            guard let found = Self.stamp(of: target) else { return .gone }
            if found.isRegular, found.isSameFile(as: Self.stamp(of: source) ?? found) { return .made }
            return .somethingElse
        }
        switch errno {
        case EEXIST:
            guard let found = Self.stamp(of: target), let own = Self.stamp(of: source) else { return .taken }
            return own.isSameFile(as: found) ? .made : .taken
        case EPERM, EOPNOTSUPP, ENOSYS, EXDEV, EMLINK: return .unsupported
        case let number where Self.isGone(number): return .gone
        default: throw LedgerError.system(.cannotWrite, path: "\(other.path)/\(to)", "linking")
        }
    }

    /// Renames a file into another folder, if the new name is free there. If the server's answer was lost, a second look decides.
    func renameToFreeName(_ from: String, to: String, in other: ConfinedFolder) throws(LedgerError) -> Linked {
        guard let source = try place(of: from, creating: false), let target = try other.place(of: to, creating: false)
        else { return .gone }
        operations.note()
        let file = Self.stamp(of: source)
        if cristae_rename_to_free_name(source.folder.number, source.name, target.folder.number, target.name) == 0 {
            return .made
        }
        switch errno {
        case EEXIST:
            guard let file, let found = Self.stamp(of: target) else { return .taken }
            return file.isSameFile(as: found) ? .made : .taken
        case EINVAL, EPERM, EOPNOTSUPP, ENOSYS: return .unsupported
        case let number where Self.isGone(number): return .gone
        default: throw LedgerError.system(.cannotWrite, path: "\(other.path)/\(to)", "renaming")
        }
    }

    private static func stamp(of place: borrowing Place) -> FileStamp? {
        var status = stat()
        guard fstatat(place.folder.number, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return FileStamp(status)
    }

    /// Makes a folder and its parents; whether it was not there before.
    @discardableResult
    func makeFolder(_ relative: String) throws(LedgerError) -> Bool {
        // Another process may remove an empty parent at the same moment.
        for _ in 0..<100 {
            guard let place = try place(of: relative, creating: true) else { continue }
            if mkdirat(place.folder.number, place.name, 0o777) == 0 { return true }
            if errno == EEXIST { return false }
            guard errno == ENOENT else {
                throw LedgerError.system(.cannotWrite, path: "\(path)/\(relative)", "making the directory")
            }
        }
        throw LedgerError(.cannotWrite, path: "\(path)/\(relative)", "the directory vanishes while it is made")
    }

    /// Removes an empty folder; whether it is gone.
    @discardableResult
    func removeEmptyFolder(_ relative: String) throws(LedgerError) -> Bool {
        guard let place = try place(of: relative, creating: false) else { return true }
        return unlinkat(place.folder.number, place.name, AT_REMOVEDIR) == 0 || errno == ENOENT
    }

    /// Removes a folder with its content, also what others add meanwhile. It may hold files, and folders of files.
    ///
    /// Over NFS, a removed file that a process of this machine has open stays in the folder as `.nfs…` until it is closed. This waits for that
    /// for a while. If the process is suspended, such files are moved into the folder `refuge`, which is the caller's own.
    ///
    /// - Returns: false where the folder remains with only such files in it.
    @discardableResult
    func removeFolder(_ relative: String, refuge: String? = nil) throws(LedgerError) -> Bool {
        var pauses = 0
        for _ in 0..<1000 {
            for name in try list(relative) {
                let path = "\(relative)/\(name)"
                guard let place = try place(of: path, creating: false) else { continue }
                if unlinkat(place.folder.number, place.name, 0) == 0 || errno == ENOENT || errno == EBUSY {
                    continue
                }
                guard errno == EISDIR || errno == EPERM else {
                    throw LedgerError.system(.cannotWrite, path: "\(self.path)/\(path)", "removing")
                }
                try removeFolder(path, refuge: refuge)
            }
            if try removeEmptyFolder(relative) { return true }
            let rest = try list(relative)
            if !rest.isEmpty, rest.allSatisfy({ $0.hasPrefix(".nfs") }) {
                if pauses == 50, let refuge {
                    for name in rest {
                        _ = try? rename("\(relative)/\(name)", to: refuge.isEmpty ? name : "\(refuge)/\(name)")
                    }
                }
                if pauses == 100 { return false }
                pauses += 1
                usleep(10_000)
            }
        }
        throw LedgerError(.cannotWrite, path: "\(path)/\(relative)", "the folder cannot be emptied")
    }

    /// The same, for a folder that nobody else works in.
    public func removeTree(_ relative: String) throws(LedgerError) { try removeFolder(relative) }

    /// Makes an empty file, where there is none.
    public func touch(_ relative: String) throws(LedgerError) {
        _ = try open(relative, flags: O_WRONLY | O_CREAT)
    }

    /// Time of the last change of a file or folder, in nanoseconds by the clock of the file system; nil where there is none.
    public func changed(_ relative: String) throws(LedgerError) -> Int? {
        guard let status = try status(of: relative) else { return nil }
        // A file may have any time. From the year 2262 on, its nanoseconds do not fit in 64 bits.
        return Int(status.st_mtim.tv_sec).saturatingMultiply(1_000_000_000).saturatingAdd(Int(status.st_mtim.tv_nsec))
    }

    /// Whether an error number means that the path was renamed or removed meanwhile.
    static func isGone(_ number: Int32) -> Bool { number == ENOENT || number == ESTALE || number == ENOTDIR }
}
