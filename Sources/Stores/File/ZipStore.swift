internal import Codecs
internal import Elements
internal import Foundation
internal import Threads
internal import ZipFiles

/// The objects of a ZIP file (zarr-python's `ZipStore`), read-only. Our own threads read it.
final class ZipStore: ObjectStore {
    /// The URL of the file, with the folder in it.
    let url: StoreURL
    private let counter: TransferCounter
    private let path: String
    /// A folder in the file; "" is all of it.
    private let root: String
    private let descriptor: Int32
    private let byteCount: Int
    private let tree: ZipTree

    /// The ZIP file that a `file:` URL names, or lies in; nil where it names something else.
    ///
    /// - Throws: ``StoreError/Code/file`` where the file cannot be read, or is no ZIP file.
    init?(url: StoreURL, counter: TransferCounter) throws(StoreError) {
        var path = ""
        var rest = url.prefix.pathComponents()[...]
        var status = stat()
        repeat {
            guard url.scheme == .file, let name = rest.popFirst() else { return nil }
            path += "/\(name)"
            guard stat(path, &status) == 0 else { return nil }
        } while status.st_mode & S_IFMT != S_IFREG
        guard path.lowercased().hasSuffix(".zip") else { return nil }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(.file, url: url.description, message: "open: errno \(errno)") }
        do throws(StoreError) {
            let name = url.description
            let directory = try ZipDirectory.read(byteCount: Int(status.st_size)) { range throws(StoreError) in
                try Self.read(range, of: descriptor, name: name).array
            }
            switch directory {
            case .success(let directory): tree = ZipTree(directory)
            case .failure(let error): throw StoreError(.file, url: "file://\(path)", message: error.message)
            }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.url = url
        self.counter = counter
        self.path = path
        byteCount = Int(status.st_size)
        root = rest.joined(separator: "/")
    }

    deinit { close(descriptor) }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try ObjectKey.check(key, in: url)
        try part.check(maximumBytes: maximumBytes, name: url.url(of: key))
        guard let entry = tree.entry(ObjectKey.join(root, key)) else { return nil }
        return try await ThreadPool.files.run { () throws(StoreError) in
            try self.object(entry, part: part, maximumBytes: maximumBytes, name: self.url.url(of: key))
        }
    }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        try ObjectKey.checkFolder(prefix, in: url)
        let folder = ObjectKey.join(root, prefix)
        let children = tree.children(of: folder)
        counter.addRequest()
        return Listing(
            prefixes: children.folders.filter(ObjectKey.isName),
            objects: children.objects.filter(ObjectKey.isName).map { name in
                let entry = tree.entry(ObjectKey.join(folder, name))
                return ListedObject(name: name, size: entry?.byteCount, etag: entry.map(Self.etag))
            })
    }

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try ObjectKey.check(key, in: url)
        let entry = tree.entry(ObjectKey.join(root, key))
        return HeadAnswer(metadata: entry.map { ObjectMetadata(etag: Self.etag($0), byteCount: $0.byteCount) })
    }

    private static func etag(_ entry: ZipDirectory.Entry) -> String {
        "\(String(entry.crc32, radix: 16))-\(String(entry.byteCount, radix: 16))"
    }

    private func object(
        _ entry: ZipDirectory.Entry, part: ObjectPart, maximumBytes: Int, name: String
    ) throws(StoreError) -> StoredObject {
        guard entry.method == 0 || entry.method == 8, !entry.isEncrypted else {
            throw StoreError(
                .unsupported, url: name,
                message: entry.isEncrypted ? "the entry is encrypted" : "ZIP's compression method \(entry.method)")
        }
        guard entry.method == 8 || entry.storedByteCount == entry.byteCount else {
            throw StoreError(
                .file, url: name, message: "\(entry.storedByteCount) bytes for an entry of \(entry.byteCount) bytes")
        }
        guard let range = part.bytes(of: entry.byteCount) else {
            throw StoreError(
                .badRequest, url: name, message: "\(part) of an entry of \(entry.byteCount) bytes", httpStatus: 416)
        }
        // Deflate expands one byte to at most 1032 bytes.
        let inflatedLimit = min(Self.maximumInflatedBytes, 1032 * entry.storedByteCount)
        guard range.count <= maximumBytes, entry.method == 0 || entry.byteCount <= inflatedLimit else {
            throw StoreError(
                .tooLarge, url: name, message: "\(entry.byteCount) bytes; at most \(maximumBytes) are allowed")
        }
        // The local header repeats the name and has an extra field of its own.
        let header = try Self.read(
            entry.headerOffset..<min(entry.headerOffset + ZipFormat.localHeaderSize, byteCount), of: descriptor,
            name: name
        ).array
        guard let local = ZipFormat.LocalHeader(header[...]),
            entry.headerOffset + local.contentOffset <= byteCount - entry.storedByteCount
        else { throw StoreError(.file, url: name, message: "its header in the ZIP file is damaged") }
        let start = entry.headerOffset + local.contentOffset

        let bytes: ByteBuffer
        if entry.method == 0 {
            bytes = try Self.read(start + range.lowerBound..<start + range.upperBound, of: descriptor, name: name)
        } else {
            let all = try inflated(start..<start + entry.storedByteCount, entry, name)
            bytes = range.count == all.count ? all : all.withUnsafeBytes { ByteBuffer($0[range]) }
        }
        if part == .whole, bytes.withSpan({ Checksum.crc32($0) }) != entry.crc32 {
            throw StoreError(.file, url: name, message: "\(bytes.count) bytes that do not match their CRC")
        }
        counter.addRequest()
        counter.addBytes(bytes.count)
        return StoredObject(bytes: bytes, etag: Self.etag(entry), objectByteCount: entry.byteCount)
    }

    /// Larger entries that are compressed cannot be read in parts, and are refused.
    private static let maximumInflatedBytes = 1 << 30

    /// Wraps the deflate stream in a gzip header and trailer, so that the gzip codec can decode it.
    private func inflated(
        _ range: Range<Int>, _ entry: ZipDirectory.Entry, _ name: String
    ) throws(StoreError) -> ByteBuffer {
        let stream = try Self.read(range, of: descriptor, name: name)
        let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        let size = UInt32(truncatingIfNeeded: entry.byteCount)
        let trailer = [entry.crc32, size].flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
        let member = ByteBuffer(count: header.count + stream.count + trailer.count)
        member.withUnsafeMutableBytes { target in
            target.copyBytes(from: header)
            stream.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: target[header.count...]).copyMemory(from: source)
            }
            UnsafeMutableRawBufferPointer(rebasing: target[(header.count + stream.count)...]).copyBytes(from: trailer)
        }
        let result = ByteBuffer(count: entry.byteCount)
        do {
            let count = try member.withSpan { bytes throws(CodecError) in
                try result.withMutableSpan { output throws(CodecError) in
                    try GzipCodec().decode(bytes, into: &output)
                }
            }
            guard count == entry.byteCount else {
                throw StoreError(.file, url: name, message: "\(count) of \(entry.byteCount) bytes came out of it")
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.file, url: name, message: "\(error)")
        }
        return result
    }

    private static func read(
        _ range: Range<Int>, of descriptor: Int32, name: String
    ) throws(StoreError) -> ByteBuffer {
        let buffer = ByteBuffer(count: range.count)
        try buffer.withUnsafeMutableBytes { (target) throws(StoreError) in
            var filled = 0
            while filled < range.count {
                let step = pread(
                    descriptor, target.baseAddress.map { $0 + filled }, range.count - filled,
                    off_t(range.lowerBound + filled))
                if step < 0, errno == EINTR { continue }
                guard step > 0 else {
                    throw StoreError(
                        .file, url: name, message: "the ZIP file ends after \(range.lowerBound + filled) bytes")
                }
                filled += step
            }
        }
        return buffer
    }
}
