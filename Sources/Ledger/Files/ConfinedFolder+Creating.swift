internal import Elements
internal import Glibc

extension ConfinedFolder {
    /// Makes a small file, unless there is one of that name. Of several processes that do this at once, one makes it. It comes into being whole
    /// and durable; only where the file system has no hard links may a reader find it empty for a moment, or a power cut leave it so.
    ///
    /// - Returns: false where somebody has the name.
    public func create(_ bytes: [UInt8], at relative: String) throws(LedgerError) -> Bool {
        // Somebody may remove the folder, while it is still empty, at the same moment.
        for _ in 0..<100 {
            do throws(LedgerError) {
                let file = try TemporaryFile(for: relative, in: self, creating: true)
                defer { file.discard() }
                try file.write(ByteBuffer(bytes))
                try file.flush()
                switch try file.publishFirst() {
                case .made: return true
                case .taken: return false
                case .unsupported: return try createInPlace(bytes, at: relative)
                case .somethingElse:
                    try remove(relative)
                    return try createInPlace(bytes, at: relative)
                case .gone: continue
                }
            } catch {
                guard let number = error.errorNumber, Self.isGone(number) else { throw error }
            }
        }
        throw LedgerError(.cannotWrite, path: "\(path)/\(relative)", "the folder vanishes while a file is made in it")
    }

    private func createInPlace(_ bytes: [UInt8], at relative: String) throws(LedgerError) -> Bool {
        let full = "\(path)/\(relative)"
        do throws(LedgerError) {
            guard let file = try open(relative, flags: O_WRONLY | O_CREAT | O_EXCL) else { return false }
            try ByteBuffer(bytes).withUnsafeBytes { content throws(LedgerError) in
                try file.write(content, at: 0, path: full)
            }
            try file.sync(path: full)
            return true
        } catch {
            if error.errorNumber == EEXIST { return false }
            throw error
        }
    }
}

extension TemporaryFile {
    /// Gives the file a second name, which is its final one, if nobody has that name. What was written has been flushed before.
    func publishFirst() throws(LedgerError) -> ConfinedFolder.Linked {
        if linkat(place.folder.number, temporaryName, target.folder.number, target.name, 0) == 0 {
            var status = stat()
            // Some file systems make a symbolic link of it, which would lead nowhere when the temporary name is gone.
            guard fstatat(target.folder.number, target.name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return .gone }
            if status.st_mode & S_IFMT != S_IFREG {
                unlinkat(target.folder.number, target.name, 0)
                return .unsupported
            }
            try target.folder.sync(path: finalPath)
            return .made
        }
        switch errno {
        case EEXIST: return .taken
        case EPERM, EOPNOTSUPP, ENOSYS, EXDEV, EMLINK: return .unsupported
        case let number where ConfinedFolder.isGone(number): return .gone
        default: throw LedgerError.system(.cannotWrite, path: finalPath, "linking")
        }
    }
}
