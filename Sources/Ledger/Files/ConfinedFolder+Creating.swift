internal import Elements
internal import Glibc

extension ConfinedFolder {
    /// Makes a small file, unless the name is taken. Of several processes that try at once, one succeeds. The file appears complete and
    /// durable. Only on a file system without hard links may a reader find it empty for a moment, or a power cut leave it empty.
    ///
    /// - Returns: false where the name is taken.
    public func create(_ bytes: [UInt8], at relative: String) throws(LedgerError) -> Bool {
        // Another process may remove the still empty folder at the same moment.
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
    /// Links the flushed file to its final name, if that is free.
    func publishFirst() throws(LedgerError) -> ConfinedFolder.Linked {
        if linkat(place.folder.number, temporaryName, target.folder.number, target.name, 0) == 0 {
            var status = stat()
            // Some file systems make a symbolic link, which would break when the temporary name is removed.
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
