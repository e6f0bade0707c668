public import Elements

/// Where objects come from. Keys and folders are relative to the store's URL and never leave it.
public protocol ObjectStore: Sendable {
    var url: StoreURL { get }

    /// One object, or nil when the store answered that there is no such object (404): an answer, not an error.
    ///
    /// - Parameters:
    ///   - part: which of its bytes.
    ///   - maximumBytes: more than this is an error, found before memory is allocated.
    /// - Throws: ``StoreError`` for everything else.
    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject?

    /// One level below `prefix` ("" is the root; otherwise a folder path without slash at the end), to the last page.
    /// A missing folder is an empty listing.
    func list(_ prefix: String) async throws(StoreError) -> Listing

    /// What the store says of an object, without its bytes where the store can do that.
    func head(_ key: String) async throws(StoreError) -> HeadAnswer

    /// A page of all objects below a folder; nil where the store cannot list like that. A listing's metadata may differ from those of
    /// ``head(_:)``, so that a difference proves nothing.
    func objects(below prefix: String, after token: String?) async throws(StoreError) -> ObjectPage?
}

extension ObjectStore {
    public func objects(below prefix: String, after token: String?) async throws(StoreError) -> ObjectPage? { nil }

    /// One object, or some of its bytes: as ``get(_:part:maximumBytes:)``.
    ///
    /// - Parameter range: cut at the object's end; nil is the whole object.
    public func get(
        _ key: String, range: Range<Int>?, maximumBytes: Int
    ) async throws(StoreError) -> StoredObject? {
        try await get(key, part: range.map { .range($0) } ?? .whole, maximumBytes: maximumBytes)
    }
}

/// The bytes of an object, or of the part that was asked for.
public struct StoredObject: Sendable {
    public let bytes: ByteBuffer
    /// The bytes as received, where a `Content-Encoding` of gzip has been removed from ``bytes``.
    let received: ByteBuffer?
    /// Without quotes.
    public let etag: String?
    /// Bytes of the whole object as it is stored; nil where the store does not say.
    public let objectByteCount: Int?
    /// When it was last changed, in seconds since 1970 by the store's clock; nil where the store does not say.
    public let modified: Int?
    /// The store's clock when it answered, in seconds since 1970; nil where it does not say.
    public let served: Int?

    public init(
        bytes: ByteBuffer, etag: String?, objectByteCount: Int? = nil, modified: Int? = nil, served: Int? = nil
    ) {
        self.init(bytes: bytes, received: nil, etag, objectByteCount, modified, served)
    }

    private init(
        bytes: ByteBuffer, received: ByteBuffer?, _ etag: String?, _ objectByteCount: Int?, _ modified: Int?,
        _ served: Int?
    ) {
        self.bytes = bytes
        self.received = received
        self.etag = etag
        self.objectByteCount = objectByteCount
        self.modified = modified
        self.served = served
    }

    /// The same object without its coding.
    func with(_ bytes: ByteBuffer, received: ByteBuffer) -> StoredObject {
        StoredObject(bytes: bytes, received: received, etag, objectByteCount, modified, served)
    }

    /// The bytes, where the caller knows whether the object itself is gzip. Some web servers declare the object's own gzip as
    /// `Content-Encoding`; then it must not be removed.
    public func bytes(isGzip: Bool) -> ByteBuffer {
        guard isGzip, let received, !bytes.beginsAsGzip else { return bytes }
        return received
    }

    public var metadata: ObjectMetadata { ObjectMetadata(etag: etag, byteCount: objectByteCount, modified: modified) }
}

extension ByteBuffer {
    /// Whether the bytes begin with gzip's magic number and its only method (RFC 1952).
    var beginsAsGzip: Bool { withUnsafeBytes { $0.starts(with: [0x1F, 0x8B, 8]) } }
}

/// One object in a listing.
public struct ListedObject: Sendable, Equatable {
    /// The last component of the key.
    public let name: String
    /// Bytes; nil where the listing does not say (HTML indexes).
    public let size: Int?
    /// Without quotes.
    public let etag: String?

    public init(name: String, size: Int?, etag: String?) {
        self.name = name
        self.size = size
        self.etag = etag
    }
}

/// What is in one folder.
public struct Listing: Sendable, Equatable {
    /// Names of the child folders, without slashes, sorted by their bytes, each once.
    public var prefixes: [String]
    /// The objects directly in the folder, sorted by name, each once.
    public var objects: [ListedObject]
    /// Names that exist but cannot be part of a key: they have control characters or are not UTF-8. They are in neither of the other lists.
    public var refused: [String]

    public init(prefixes: [String] = [], objects: [ListedObject] = [], refused: [String] = []) {
        self.refused = refused.distinctNames()
        self.prefixes = prefixes.distinctNames()
        var seen = Set<ByteName>()
        self.objects = objects.filter { seen.insert(ByteName($0.name)).inserted }.sorted {
            ByteName($0.name) < ByteName($1.name)
        }
    }
}
