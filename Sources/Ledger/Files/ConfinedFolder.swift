internal import Elements
internal import Glibc
internal import Synchronization

/// A directory that no path leaves. Each path is opened component by component from the directory's descriptor. `..`, absolute parts and
/// symbolic links are refused, so that neither a hostile key nor a planted link leads outside.
///
/// The directory itself may be reached through a link, because the user chose it. All functions block.
public final class ConfinedFolder: Sendable {
    /// The path it was opened with, for messages.
    public let path: String
    let root: FileHandle
    /// The owner in whose folder files are written until they are published; nil without take-over.
    let owner: String?
    /// Where below this directory the owners' folders lie: hidden in the output directory, in sight in the state directory.
    let workFolder: String
    /// Counts the file operations through this value and those made from it.
    public let operations: OperationCounter

    private init(
        path: String, root: consuming FileHandle, owner: String?, workFolder: String, operations: OperationCounter
    ) {
        self.operations = operations
        self.path = path
        self.root = root
        self.owner = owner
        self.workFolder = workFolder
    }

    /// Opens the directory, making it and its parents where they are missing.
    ///
    /// - Throws: ``LedgerError`` `.cannotWrite`.
    public init(creating path: String) throws(LedgerError) {
        self.path = path
        owner = nil
        workFolder = "work"
        operations = OperationCounter()
        var made = path.hasBytePrefix("/") ? "" : "."
        for component in path.pathComponents() {
            made += "/" + component
            guard mkdir(made, 0o777) == 0 || errno == EEXIST || errno == EISDIR || access(made, F_OK) == 0 else {
                throw LedgerError.system(.cannotWrite, path: path, "making the directory \(made)")
            }
        }
        let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw LedgerError.system(.cannotWrite, path: path, "opening the directory") }
        root = FileHandle(number)
        guard faccessat(number, ".", W_OK | X_OK, 0) == 0 else {
            throw LedgerError.system(.cannotWrite, path: path, "access to the directory")
        }
    }

    /// Opens a directory only to look; nil where there is none.
    ///
    /// - Throws: ``LedgerError`` `.cannotRead`.
    public convenience init?(reading path: String) throws(LedgerError) {
        let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if number < 0 && (errno == ENOENT || errno == ENOTDIR) { return nil }
        guard number >= 0 else { throw LedgerError.system(.cannotRead, path: path, "opening the directory") }
        self.init(
            path: path, root: FileHandle(number), owner: nil, workFolder: "work", operations: OperationCounter())
    }

    /// Where below this directory the folder of an owner is.
    func folder(ofOwner id: String) -> String { "\(workFolder)/\(id)" }

    /// The same directory, for an owner. Files are published only while nobody has taken over from the owner.
    func owned(by id: String, workFolder: String) throws(LedgerError) -> ConfinedFolder {
        ConfinedFolder(path: path, root: try duplicateRoot(), owner: id, workFolder: workFolder, operations: operations)
    }

    /// A folder below this one, kept open for many accesses; nil where there is none.
    public func folder(_ relative: String) throws(LedgerError) -> ConfinedFolder? {
        guard let place = try place(of: relative + "/-", creating: false) else { return nil }
        let number = fcntl(place.folder.number, F_DUPFD_CLOEXEC, 0)
        guard number >= 0 else { throw LedgerError.system(.cannotRead, path: path, "dup") }
        return ConfinedFolder(
            path: "\(path)/\(relative)", root: FileHandle(number), owner: nil, workFolder: "work",
            operations: operations)
    }

    private func duplicateRoot() throws(LedgerError) -> FileHandle {
        let number = fcntl(root.number, F_DUPFD_CLOEXEC, 0)
        guard number >= 0 else { throw LedgerError.system(.cannotRead, path: path, "dup") }
        return FileHandle(number)
    }

    /// The components of a path below this directory.
    ///
    /// - Throws: `.unsafePath` for an empty or absolute path, `.`, `..`, empty components, control characters.
    public static func components(of relative: String, in path: String = "") throws(LedgerError) -> [String] {
        let parts = relative.pathComponents(keepingEmpty: true)
        for part in parts {
            guard !part.isEmpty, part != ".", part != "..", part.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
                part.utf8.count <= 255
            else {
                throw LedgerError(.unsafePath, path: path, "the path \(relative.debugDescription) is not safe")
            }
        }
        return parts
    }

    /// A folder below this one, opened, and the name of something in it.
    struct Place: ~Copyable {
        let folder: FileHandle
        let name: String
    }

    /// Opens the folder that holds `relative`; nil where there is none and none is to be made.
    func place(of relative: String, creating: Bool) throws(LedgerError) -> Place? {
        let parts = try Self.components(of: relative, in: path)
        var folder = try duplicateRoot()
        for part in parts.dropLast() {
            operations.note()
            if creating, mkdirat(folder.number, part, 0o777) != 0, errno != EEXIST {
                throw LedgerError.system(.cannotWrite, path: "\(path)/\(relative)", "making the directory \(part)")
            }
            let next = openat(folder.number, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else {
                if !creating && errno == ENOENT { return nil }
                throw LedgerError.system(.cannotWrite, path: "\(path)/\(relative)", "opening the directory \(part)")
            }
            folder = FileHandle(next)
        }
        return Place(folder: folder, name: parts[parts.count - 1])
    }

    /// Bytes of a regular file; nil where there is none.
    public func fileSize(_ relative: String) throws(LedgerError) -> Int? {
        guard let status = try status(of: relative) else { return nil }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// What the file system says of a file or folder; nil where there is none. A link is not followed.
    func status(of relative: String) throws(LedgerError) -> stat? {
        var status = stat()
        let result: Int32
        if try Self.isComponent(relative, in: path) {
            result = fstatat(root.number, relative, &status, AT_SYMLINK_NOFOLLOW)
        } else {
            guard let place = try place(of: relative, creating: false) else { return nil }
            result = fstatat(place.folder.number, place.name, &status, AT_SYMLINK_NOFOLLOW)
        }
        operations.note()
        guard result == 0 else {
            if errno == ENOENT { return nil }
            throw LedgerError.system(.cannotRead, path: "\(path)/\(relative)", "stat")
        }
        return status
    }

    /// Whether a path is a single safe name, so that no folders need opening.
    private static func isComponent(_ relative: String, in path: String) throws(LedgerError) -> Bool {
        var (isOne, hasControl) = (true, false)
        for byte in relative.utf8 {
            if byte == UInt8(ascii: "/") { isOne = false }
            if byte < 0x20 || byte == 0x7F { hasControl = true }
        }
        guard isOne, !relative.isEmpty, !hasControl, relative != ".", relative != "..", relative.utf8.count <= 255
        else {
            _ = try components(of: relative, in: path)
            return false
        }
        return true
    }

    /// The content of a small file; nil where there is none.
    public func read(_ relative: String, maximumBytes: Int = 1 << 30) throws(LedgerError) -> [UInt8]? {
        let full = "\(path)/\(relative)"
        guard let file = try open(relative, flags: O_RDONLY) else { return nil }
        let size = try file.size(path: full)
        guard size <= maximumBytes else {
            throw LedgerError(.corrupt, path: full, "\(size) bytes where at most \(maximumBytes) are expected")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        let count: Int
        do {
            count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0, path: full) }
        } catch let error as LedgerError {
            throw error
        } catch {
            throw LedgerError(.cannotRead, path: full, "\(error)")
        }
        return Array(bytes.prefix(count))
    }

    /// Opens an existing file (or makes one, with `O_CREAT` in `flags`); nil where there is none.
    func open(_ relative: String, flags: Int32) throws(LedgerError) -> FileHandle? {
        let creating = flags & O_CREAT != 0
        guard let place = try place(of: relative, creating: creating) else { return nil }
        operations.note()
        // An open and a read or write: two operations.
        operations.note()
        // O_NONBLOCK: a FIFO in place of a file must not block the job. It has no effect on regular files.
        let number = openat(place.folder.number, place.name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o666)
        guard number >= 0 else {
            if errno == ENOENT && !creating { return nil }
            throw LedgerError.system(creating ? .cannotWrite : .cannotRead, path: "\(path)/\(relative)", "opening")
        }
        return FileHandle(number)
    }

    /// Removes a file; whether there was one.
    @discardableResult
    public func remove(_ relative: String) throws(LedgerError) -> Bool {
        guard let place = try place(of: relative, creating: false) else { return false }
        operations.note()
        if unlinkat(place.folder.number, place.name, 0) == 0 { return true }
        guard errno == ENOENT else {
            throw LedgerError.system(.cannotWrite, path: "\(path)/\(relative)", "removing")
        }
        return false
    }

    /// The names in a folder, sorted unless that does not matter, without `.` and `..`; empty where there is no such folder. "" is the root.
    public func list(_ relative: String = "", isSorted: Bool = true) throws(LedgerError) -> [String] {
        var names: [String] = []
        try forEachName(in: relative) { name in
            names.append(name.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })
        }
        return isSorted ? names.sortedByBytes() : names
    }

    /// Calls `body` with the bytes of each name in a folder, in no order; not at all where there is no such folder.
    public func forEachName(in relative: String, _ body: (Span<UInt8>) -> Void) throws(LedgerError) {
        guard let place = try place(of: relative.isEmpty ? "-" : relative + "/-", creating: false) else { return }
        let number = openat(place.folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Removed since it was opened.
        if number < 0 && errno == ENOENT { return }
        guard number >= 0, let stream = fdopendir(number) else {
            throw LedgerError.system(.cannotRead, path: "\(path)/\(relative)", "listing")
        }
        defer { closedir(stream) }
        var count = 0
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                // ENOENT: the folder has been removed meanwhile. After any other error names may be missing.
                if errno == 0 || errno == ENOENT { break }
                throw LedgerError.system(.cannotRead, path: "\(path)/\(relative)", "listing")
            }
            // Not through a pointer to the field, because the record may be shorter than the field's type.
            let start = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 0)
            let length = strlen(start.assumingMemoryBound(to: CChar.self))
            let dot = UInt8(ascii: ".")
            let bytes = UnsafeRawBufferPointer(start: start, count: length)
            if length <= 2, bytes.allSatisfy({ $0 == dot }) { continue }
            count += 1
            body(bytes.bindMemory(to: UInt8.self).span)
        }
        // A server sends some hundred names at a time.
        operations.note(1 + count / 512)
    }

    /// Writes a small file so that a reader sees the old content or the new one, never half of it, also after a power cut.
    public func write(_ bytes: some Collection<UInt8>, to relative: String) throws(LedgerError) {
        let file = try TemporaryFile(for: relative, in: self, creating: true)
        do throws(LedgerError) {
            try file.write(ByteBuffer(bytes))
            try file.publish()
        } catch {
            file.discard()
            throw error
        }
    }

    /// The same, if the file's content differs. An equal file is not touched.
    public func update(_ bytes: some Collection<UInt8>, to relative: String) throws(LedgerError) {
        if let old = try? read(relative), old.elementsEqual(bytes) { return }
        try write(bytes, to: relative)
    }

    /// Removes temporary files of killed processes from some folders.
    public func removeTemporaries(in folders: [String]) throws(LedgerError) {
        for folder in folders {
            for name in try list(folder) where TemporaryFile.isTemporary(name) {
                try remove(folder.isEmpty ? name : "\(folder)/\(name)")
            }
        }
    }
}

extension ConfinedFolder {
    /// Appends to a file in one write. A process that dies midway leaves a torn last line, which readers must drop.
    public func append(_ bytes: [UInt8], to relative: String) throws(LedgerError) {
        guard let file = try open(relative, flags: O_WRONLY | O_CREAT) else { return }
        let full = "\(path)/\(relative)"
        let end = try file.size(path: full)
        try ByteBuffer(bytes).withUnsafeBytes { content throws(LedgerError) in
            try file.write(content, at: end, path: full)
        }
    }
}

/// Counts file operations: open, transfer, list, stat, rename, link, remove. On a cluster, one metadata server handles all of them for all
/// users.
public final class OperationCounter: Sendable {
    private let counter = Atomic(0)

    /// Operations up to now.
    public var count: Int { counter.load(ordering: .relaxed) }

    func note(_ count: Int = 1) { counter.wrappingAdd(count, ordering: .relaxed) }
}
