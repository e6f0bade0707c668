internal import Elements
internal import Foundation
internal import Threads

/// A folder of the file system. Files are read by threads of our own.
struct FileStore: ObjectStore {
    let url: StoreURL
    private let counter: TransferCounter

    init(url: StoreURL, counter: TransferCounter) {
        self.url = url
        self.counter = counter
    }

    private var root: String { "/" + url.prefix }

    /// Symbolic links are followed; everything but regular files (pipes, devices) is refused, a folder is no object.
    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try ObjectKey.check(key, in: url)
        try part.check(maximumBytes: maximumBytes, name: url.url(of: key))
        if Task.isCancelled { throw StoreError(.cancelled, url: url.url(of: key), message: "cancelled") }
        return try await ThreadPool.files.run { () throws(StoreError) -> StoredObject? in
            try read(key, part: part, maximumBytes: maximumBytes)
        }
    }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        try ObjectKey.checkFolder(prefix, in: url)
        return try await ThreadPool.files.run { () throws(StoreError) -> Listing in try entries(prefix) }
    }

    func mark(of key: String) async throws(StoreError) -> MarkAnswer {
        try ObjectKey.check(key, in: url)
        return try await ThreadPool.files.run { () throws(StoreError) -> MarkAnswer in
            let name = url.url(of: key)
            let now = Self.now
            var status = stat()
            counter.addRequest()
            guard stat(absolute(ObjectKey.join(root == "/" ? "" : root, key)), &status) == 0 else {
                let _: StoredObject? = try missing(name, errno)
                return MarkAnswer(mark: nil, served: now)
            }
            guard !isFolder(status) else { return MarkAnswer(mark: nil, served: now) }
            try checkIsFile(status, name)
            let size = Int(status.st_size)
            return MarkAnswer(
                mark: ObjectMark(etag: mark(status), byteCount: size, modified: modified(status)), served: now)
        }
    }

    private static var now: Int { Int(Date().timeIntervalSince1970) }

    /// Renaming and linking change a file's place in the tree without a change of its content's time.
    private func modified(_ status: stat) -> Int { max(Int(status.st_mtim.tv_sec), Int(status.st_ctim.tv_sec)) }

    private func read(_ key: String, part: ObjectPart, maximumBytes: Int) throws(StoreError) -> StoredObject? {
        let path = ObjectKey.join(root == "/" ? "" : root, key)
        let name = url.url(of: key)
        var status = stat()
        // Before open(2), which for a device may do something.
        guard stat(absolute(path), &status) == 0 else { return try missing(name, errno) }
        guard !isFolder(status) else { return nil }
        try checkIsFile(status, name)

        let descriptor = open(absolute(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return try missing(name, errno) }
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
            bytes: buffer, etag: mark(status), objectByteCount: size, modified: modified(status), served: Self.now)
    }

    private func entries(_ prefix: String) throws(StoreError) -> Listing {
        let name = url.url(of: prefix)
        let folder = absolute(ObjectKey.join(root == "/" ? "" : root, prefix))
        guard let stream = opendir(folder) else {
            let code = errno
            if code != ENOTDIR { let _: StoredObject? = try missing(name, code) }
            return Listing()
        }
        defer { closedir(stream) }
        counter.addRequest()
        var prefixes: [String] = []
        var objects: [ListedObject] = []
        errno = 0
        while let entry = readdir(stream) {
            let child = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            if let child, ObjectKey.isName(child), stat(folder + "/" + child, &status) == 0 {
                if isFolder(status) {
                    prefixes.append(child)
                } else if isFile(status) {
                    objects.append(ListedObject(name: child, size: Int(status.st_size), etag: mark(status)))
                }
            }
            errno = 0
        }
        guard errno == 0 else { throw failure(name, "readdir", errno) }
        return Listing(prefixes: prefixes, objects: objects)
    }

    private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "/" + path }

    /// nil for what a store calls "no such object", as long as the root itself is there.
    private func missing(_ name: String, _ code: Int32) throws(StoreError) -> StoredObject? {
        guard code == ENOENT || code == ENOTDIR else { throw failure(name, "open", code) }
        var status = stat()
        guard stat(root, &status) == 0, isFolder(status) else {
            throw StoreError(.noSuchStore, url: name, message: "the folder \(root) does not exist")
        }
        return nil
    }

    private func checkIsFile(_ status: stat, _ name: String) throws(StoreError) {
        guard isFile(status) else {
            throw StoreError(.file, url: name, message: "not a regular file (mode \(String(status.st_mode, radix: 8)))")
        }
    }

    private func isFolder(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
    private func isFile(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFREG }

    /// Changes with the file's content, as far as the file system knows: time of change in ns, which file it is, and size.
    private func mark(_ status: stat) -> String {
        let time = UInt64(bitPattern: Int64(status.st_mtim.tv_sec)) &* 1_000_000_000 &+ UInt64(status.st_mtim.tv_nsec)
        return [time, UInt64(status.st_ino), UInt64(status.st_size)].map { String($0, radix: 16) }.joined(
            separator: "-")
    }

    private func failure(_ name: String, _ call: String, _ code: Int32) -> StoreError {
        StoreError(.file, url: name, message: "\(call): \(String(cString: strerror(code)))")
    }
}
