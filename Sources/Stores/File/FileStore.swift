internal import Elements
internal import Foundation
internal import Threads

/// A folder of the file system. Our own threads read the files.
struct FileStore: PagedStore {
    let url: StoreURL
    private let counter: TransferCounter

    init(url: StoreURL, counter: TransferCounter) {
        self.url = url
        self.counter = counter
    }

    private var root: String { "/" + url.prefix }

    var server: String { root }

    /// Does nothing, because each call asks the file system anyway.
    func probe() async throws(StoreError) {}

    /// Symbolic links are followed. Folders, pipes and devices are refused; they do not count as absent. Only a missing directory entry proves
    /// that an object is not stored.
    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try ObjectKey.check(key, in: url)
        try part.check(maximumBytes: maximumBytes, name: url.url(of: key))
        if Task.isCancelled { throw StoreError(.cancelled, url: url.url(of: key), message: "cancelled") }
        return try await ThreadPool.files.run { () throws(StoreError) -> StoredObject? in
            try read(key, part: part, maximumBytes: maximumBytes)
        }
    }

    func listPage(_ prefix: String, after token: String?) async throws(StoreError) -> ListingPage {
        try ObjectKey.checkFolder(prefix, in: url)
        return try await ThreadPool.files.run { () throws(StoreError) -> ListingPage in try entries(prefix) }
    }

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try ObjectKey.check(key, in: url)
        return try await ThreadPool.files.run { () throws(StoreError) -> HeadAnswer in
            let name = url.url(of: key)
            let now = Self.now
            var status = stat()
            counter.addRequest()
            let path = path(of: key)
            guard stat(path, &status) == 0 else {
                try proveAbsence(of: path, name, errno)
                return HeadAnswer(metadata: nil, served: now)
            }
            try checkIsFile(status, name)
            let size = Int(status.st_size)
            return HeadAnswer(
                metadata: ObjectMetadata(etag: etag(status), byteCount: size, modified: modified(status)), served: now)
        }
    }

    private static var now: Int { Int(Date().timeIntervalSince1970) }

    /// Includes the change time, because renaming and linking leave the modification time as it is.
    private func modified(_ status: stat) -> Int { max(Int(status.st_mtim.tv_sec), Int(status.st_ctim.tv_sec)) }

    private func read(_ key: String, part: ObjectPart, maximumBytes: Int) throws(StoreError) -> StoredObject? {
        let path = path(of: key)
        let name = url.url(of: key)
        var status = stat()
        // Checked before open(2), because opening a device may have side effects.
        guard stat(path, &status) == 0 else {
            try proveAbsence(of: path, name, errno)
            return nil
        }
        try checkIsFile(status, name)

        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            try proveAbsence(of: path, name, errno)
            return nil
        }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else { throw failure(name, "fstat", errno) }
        try checkIsFile(status, name)

        let size = Int(status.st_size)
        guard let range = part.bytes(of: size) else {
            throw StoreError(
                .badRequest, url: name,
                message: "the range begins beyond the end of the object, which has \(size) bytes",
                httpStatus: 416)
        }
        let (first, count) = (range.lowerBound, range.count)
        guard count <= maximumBytes else {
            throw StoreError(
                .tooLarge, url: name, message: "the file has \(size) bytes; at most \(maximumBytes) are allowed")
        }
        let buffer = ByteBuffer(count: count)
        try buffer.withUnsafeMutableBytes { (target) throws(StoreError) in
            var filled = 0
            while filled < count {
                let step = pread(
                    descriptor, target.baseAddress.map { $0 + filled }, count - filled, off_t(first + filled))
                if step < 0, errno == EINTR { continue }
                guard step >= 0 else { throw failure(name, "read", errno) }
                guard step > 0 else {
                    throw StoreError(.shortBody, url: name, message: "the file ended after \(filled) of \(count) bytes")
                }
                filled += step
            }
        }
        counter.addRequest()
        counter.addBytes(count)
        return StoredObject(
            bytes: buffer, etag: etag(status), objectByteCount: size, modified: modified(status), served: Self.now)
    }

    private func entries(_ prefix: String) throws(StoreError) -> ListingPage {
        let name = url.url(of: prefix)
        let folder = path(of: prefix)
        guard let stream = opendir(folder) else {
            let code = errno
            var status = stat()
            // A file has no children.
            if code == ENOTDIR, stat(folder, &status) == 0, isFile(status) { return ListingPage() }
            try proveAbsence(of: folder, name, code)
            return ListingPage()
        }
        defer { closedir(stream) }
        counter.addRequest()
        var prefixes: [String] = []
        var objects: [ListedObject] = []
        var refused: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let child = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            if let child, [".", ".."].contains(child) {
                errno = 0
                continue
            }
            if child.map(ObjectKey.isName) != true {
                refused.append(
                    child
                        ?? withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                        })
            }
            if let child, ObjectKey.isName(child) {
                if stat(folder + "/" + child, &status) != 0 {
                    // A broken link, or something that cannot be examined. It is listed, and reading it gives the reason.
                    objects.append(ListedObject(name: child, size: nil, etag: nil))
                    prefixes.append(child)
                } else if isFolder(status) {
                    prefixes.append(child)
                } else if isFile(status) {
                    objects.append(ListedObject(name: child, size: Int(status.st_size), etag: etag(status)))
                }
            }
            errno = 0
        }
        guard errno == 0 else { throw failure(name, "readdir", errno) }
        return ListingPage(prefixes: prefixes, objects: objects, refused: refused)
    }

    private func path(of key: String) -> String { key.isEmpty ? root : root == "/" ? "/" + key : "\(root)/\(key)" }

    /// Returns if the file system has no entry of this name in an existing folder.
    ///
    /// - Throws: for every other reason that a file cannot be opened: a broken link, a file in a folder's place, no permission.
    private func proveAbsence(of path: String, _ name: String, _ code: Int32) throws(StoreError) {
        guard [ENOENT, ENOTDIR, ELOOP].contains(code) else { throw failure(name, "open", code) }
        var status = stat()
        guard stat(root, &status) == 0, isFolder(status) else {
            if stat(root, &status) != 0, ![ENOENT, ENOTDIR].contains(errno) { throw failure(name, "stat", errno) }
            throw StoreError(.noSuchStore, url: name, message: "the folder \(root) does not exist")
        }
        // Goes from the end of the path to its beginning. The first entry that exists says why the next one does not.
        let whole = path
        var path = Substring(path)
        while path.utf8.count > root.utf8.count {
            if lstat(String(path), &status) == 0 {
                if status.st_mode & S_IFMT == S_IFLNK {
                    let target = Self.target(of: String(path))
                    guard stat(String(path), &status) == 0 else {
                        throw StoreError(
                            .file, url: name,
                            message: "the symbolic link \(path) leads to \(target): \(String(cString: strerror(errno)))"
                        )
                    }
                }
                guard path.utf8.count < whole.utf8.count else {
                    throw StoreError(.busyFile, url: name, message: "it has come into being just now")
                }
                if isFolder(status) { return }
                throw StoreError(
                    .file, url: name,
                    message: "\(path) lies in the way of the key: it is \(Self.kind(status)), not a folder")
            }
            guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw failure(name, "lstat", errno) }
            guard let slash = path.utf8.lastIndex(of: ObjectKey.slash) else { break }
            path = path[..<slash]
        }
    }

    /// The target of a symbolic link.
    private static func target(of path: String) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { target in
            target.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), target.count) } ?? 0
        }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private static func kind(_ status: stat) -> String {
        switch status.st_mode & S_IFMT {
        case S_IFREG: "a file"
        case S_IFDIR: "a folder"
        case S_IFIFO: "a pipe"
        case S_IFCHR, S_IFBLK: "a device"
        case S_IFSOCK: "a socket"
        default: "of mode \(String(status.st_mode, radix: 8))"
        }
    }

    private func checkIsFile(_ status: stat, _ name: String) throws(StoreError) {
        guard isFile(status) else {
            throw StoreError(.file, url: name, message: "not a regular file: it is \(Self.kind(status))")
        }
    }

    private func isFolder(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
    private func isFile(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFREG }

    /// Changes when the file's content does, as far as the file system can tell: modification time in ns, inode and size.
    private func etag(_ status: stat) -> String {
        let time = UInt64(bitPattern: Int64(status.st_mtim.tv_sec)) &* 1_000_000_000 &+ UInt64(status.st_mtim.tv_nsec)
        return [time, UInt64(status.st_ino), UInt64(status.st_size)].map { String($0, radix: 16) }.joined(
            separator: "-")
    }

    private func failure(_ name: String, _ call: String, _ code: Int32) -> StoreError {
        StoreError(Self.code(code), url: name, message: "\(call): \(String(cString: strerror(code)))")
    }

    /// The error code for an errno. Faults of network file systems and full tables of open files are temporary.
    static func code(_ errno: Int32) -> StoreError.Code {
        [ESTALE, ETIMEDOUT, EAGAIN, EINTR, EMFILE, ENFILE, ENOMEM].contains(errno) ? .busyFile : .file
    }
}
