internal import Elements
public import Stores
internal import Synchronization
internal import Threads

/// The built-in sample bucket (`sample:`) as a store. Rendering and compression run on the compute threads.
public struct SampleStore: ObjectStore {
    /// Encoded objects kept, in bytes.
    private static let cacheLimit = 32 << 20

    private final class Cache: Sendable {
        let objects = Mutex<(byKey: [String: ByteBuffer], byteCount: Int)>(([:], 0))
    }

    public let url: StoreURL
    private let bucket: SampleBucket
    private let cache = Cache()

    /// - Parameter url: `sample:`, or `sample:folder` for a part of the bucket.
    public init(url: StoreURL = .sample) {
        self.init(url: url, bucket: SampleBucket())
    }

    public init(url: StoreURL = .sample, bucket: SampleBucket) {
        self.url = url
        self.bucket = bucket
    }

    public func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try ObjectKey.check(key, in: url)
        let path = ObjectKey.join(url.prefix, key)
        guard let whole = await ThreadPool.compute.run({ object(path) }) else { return nil }
        let etag = Self.etag(whole)
        try part.check(maximumBytes: maximumBytes, name: url.url(of: key))
        guard let range = part.bytes(of: whole.count) else {
            throw StoreError(
                .badRequest, url: url.url(of: key), message: "\(part) of an object of \(whole.count) bytes",
                httpStatus: 416)
        }
        try checkSize(range.count, maximumBytes, key)
        let bytes = part == .whole ? whole : whole.withUnsafeBytes { ByteBuffer($0[range]) }
        return StoredObject(bytes: bytes, etag: etag, objectByteCount: whole.count)
    }

    public func list(_ prefix: String) async throws(StoreError) -> Listing {
        try ObjectKey.checkFolder(prefix, in: url)
        let folder = ObjectKey.join(url.prefix, prefix)
        return await ThreadPool.compute.run {
            let (folders, names) = bucket.children(of: folder)
            let objects = names.map { name in
                let body = object(ObjectKey.join(folder, name))
                return ListedObject(name: name, size: body?.count, etag: body.map(Self.etag))
            }
            return Listing(prefixes: folders, objects: objects)
        }
    }

    /// The bucket never changes; what there is has to be rendered to be known.
    public func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try ObjectKey.check(key, in: url)
        let path = ObjectKey.join(url.prefix, key)
        let whole = await ThreadPool.compute.run { object(path) }
        return HeadAnswer(metadata: whole.map { ObjectMetadata(etag: Self.etag($0), byteCount: $0.count) })
    }

    private func checkSize(_ count: Int, _ maximumBytes: Int, _ key: String) throws(StoreError) {
        guard count <= maximumBytes else {
            throw StoreError(
                .tooLarge, url: url.url(of: key), message: "\(count) bytes; at most \(maximumBytes) were asked for")
        }
    }

    private func object(_ path: String) -> ByteBuffer? {
        if let known = cache.objects.withLock({ $0.byKey[path] }) { return known }
        guard let made = bucket.object(path) else { return nil }
        cache.objects.withLock { objects in
            if objects.byteCount + made.count > Self.cacheLimit { objects = ([:], 0) }
            if objects.byKey.updateValue(made, forKey: path) == nil { objects.byteCount += made.count }
        }
        return made
    }

    /// A tag that changes with the bytes (64-bit FNV-1a). It cannot be mistaken for an MD5.
    private static func etag(_ bytes: ByteBuffer) -> String {
        let hash = bytes.withUnsafeBytes { bytes in
            bytes.reduce(into: UInt64(0xcbf2_9ce4_8422_2325)) { hash, byte in
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        return "sample-\(String(hash, radix: 16))"
    }
}
