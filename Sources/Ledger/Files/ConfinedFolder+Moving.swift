internal import CRename
internal import Elements
internal import Glibc

/// Making, moving and removing folders and names: what owners and claims are built on. Only what `link`, `rename`, `mkdir` and
/// `O_EXCL` promise is relied on, also over NFS and Lustre, and not even that a `link` which succeeds has made a hard link.
extension ConfinedFolder {
    /// Renames, also into another folder of the same file system; false where there was nothing to rename, or no folder to rename it into.
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
        /// Somebody has the name already.
        case taken
        /// The file to be linked, or the folder of the name, is not there.
        case gone
        /// The file system cannot do it.
        case unsupported
        /// Under the new name there is something now, but it is not the file: some file systems make symbolic links of hard links.
        case somethingElse
    }

    /// Gives a file a second name in a folder, if nobody has that name. Where the answer of a server was lost, a second look tells.
    ///
    /// - Parameter isProven: whether this file system is known to make hard links, so that it need not be looked at what was made.
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

    /// Renames a file into another folder, if nobody has the new name there. Where the answer of a server was lost, a second look tells.
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
        // Somebody may remove an empty parent at the same moment.
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

    /// Removes a folder with all that is in it, also what somebody still puts there. What lies below it is files and folders of files.
    ///
    /// Over NFS, a removed file that a process of this machine has open stays in the folder as `.nfs…` until it is closed. That is waited
    /// for a while. Where the process sleeps, such files are moved into the folder `refuge`, which is the caller's own.
    ///
    /// - Returns: false where the folder is still there, with nothing but such files in it.
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
        // A file may bear any time: seconds beyond the year 2262 are more nanoseconds than a number holds.
        return Int(status.st_mtim.tv_sec).saturatingMultiply(1_000_000_000).saturatingAdd(Int(status.st_mtim.tv_nsec))
    }

    /// What a server says of a path that has been renamed or removed meanwhile.
    static func isGone(_ number: Int32) -> Bool { number == ENOENT || number == ESTALE || number == ENOTDIR }
}
