public import Elements
internal import JSONText
public import Stores
internal import Synchronization
public import Volumes

/// Parts of one shard in a store, all of one version of it.
public final class ShardObject: Sendable {
    /// Bytes of the parts by which the end of an object is searched where a store does not know suffix ranges.
    private static let probeBytes = 4096

    public let store: any ObjectStore
    /// Below the store.
    public let key: String
    private let known: Mutex<ShardVersion?>
    private let firstAnswer = Mutex<Int?>(nil)

    /// - Parameter version: that of the index, where it was read before.
    public init(store: any ObjectStore, key: String, version: ShardVersion? = nil) {
        self.store = store
        self.key = key
        known = Mutex(version)
    }

    /// The version that the parts read so far are of; nil before the first.
    public var version: ShardVersion? { known.withLock { $0 } }

    /// The time of the first answer, in seconds since 1970 by the store's clock; nil where it does not say.
    public var served: Int? { firstAnswer.withLock { $0 } }

    public var url: String { store.url.url(of: key) }

    /// Reads parts of the shard.
    public func reader(_ grid: ShardGrid) -> ShardReader { ShardReader(grid, key: url, fetch: fetch) }

    /// A part of the shard; nil where there is no such object.
    ///
    /// - Throws: ``ShardChange``, ``StoreError``.
    public func fetch(_ part: ShardReader.Part) async throws -> ShardReader.Answer? {
        let object: StoredObject?
        switch part {
        case .range(let range):
            do throws(StoreError) {
                object = try await store.get(key, range: range, maximumBytes: range.count)
            } catch {
                guard Self.isBeyondEnd(error) else { throw error }
                return ShardReader.Answer(bytes: ByteBuffer(count: 0), objectByteCount: nil)
            }
        case .suffix(let count):
            object = try await suffix(count)
        }
        guard let object = try checked(object) else { return nil }
        return ShardReader.Answer(bytes: object.bytes, objectByteCount: object.objectByteCount)
    }

    /// The whole shard; nil where there is no such object.
    public func whole(maximumBytes: Int) async throws -> ByteBuffer? {
        try checked(try await store.get(key, range: nil, maximumBytes: maximumBytes))?.bytes
    }

    /// The object, if it is of the version of those before.
    private func checked(_ object: StoredObject?) throws(ShardChange) -> StoredObject? {
        let found = object.map { ShardVersion(etag: $0.etag, byteCount: $0.objectByteCount, modified: $0.modified) }
        if let served = object?.served { firstAnswer.withLock { $0 = min($0 ?? served, served) } }
        let before = known.withLock { known in
            let before = known
            known = before ?? found
            return before
        }
        if let before, found.map({ before.differs(from: $0) }) ?? true {
            throw ShardChange(url: url, expected: before, found: found)
        }
        return object
    }

    private func suffix(_ count: Int) async throws -> StoredObject? {
        do throws(StoreError) {
            return try await store.get(key, part: .suffix(count), maximumBytes: count)
        } catch {
            if Self.isBeyondEnd(error) {
                return StoredObject(bytes: ByteBuffer(count: 0), etag: nil, objectByteCount: 0)
            }
            guard [.badRequest, .unsupported, .tooLarge].contains(error.code) else { throw error }
        }
        // Not every store knows suffix ranges.
        guard let size = try await searchedSize() else { return nil }
        guard size > 0, let object = try await store.get(key, range: max(0, size - count)..<size, maximumBytes: count)
        else { return StoredObject(bytes: ByteBuffer(count: 0), etag: nil, objectByteCount: size) }
        return StoredObject(
            bytes: object.bytes, etag: object.etag, objectByteCount: size, modified: object.modified,
            served: object.served)
    }

    private func searchedSize() async throws -> Int? {
        let (store, key) = (store, key)
        return try await ObjectEnd(probeByteCount: Self.probeBytes, name: url) { offset in
            do throws(StoreError) {
                let range = offset..<(offset + Self.probeBytes)
                return try await store.get(key, range: range, maximumBytes: Self.probeBytes)?.bytes.count
            } catch {
                // What a store says to a range beyond the end.
                guard offset > 0, error.httpStatus == 416 || error.code == .badRequest else { throw error }
                return 0
            }
        }.search()
    }

    private static func isBeyondEnd(_ error: StoreError) -> Bool {
        error.code == .badRequest && [200, 206, 416].contains(error.httpStatus ?? 0)
    }
}

/// Tells versions of a shard apart. The index of one version must not be used to read inner chunks of another.
public struct ShardVersion: Sendable, Equatable, Codable {
    /// The store's ETag; nil where it gives none.
    public var etag: String?
    /// Bytes of the whole shard; nil where the store does not say.
    public var byteCount: Int?
    /// When it was last changed, in seconds since 1970 by the store's clock; nil where the store does not say.
    public var modified: Int?

    public init(etag: String? = nil, byteCount: Int? = nil, modified: Int? = nil) {
        (self.etag, self.byteCount, self.modified) = (etag, byteCount, modified)
    }

    public var metadata: ObjectMetadata { ObjectMetadata(etag: etag, byteCount: byteCount, modified: modified) }

    /// Whether they prove that the versions differ. What one of them does not know proves nothing.
    func differs(from other: ShardVersion) -> Bool {
        func differ<Mark: Equatable>(_ first: Mark?, _ second: Mark?) -> Bool {
            guard let first, let second else { return false }
            return first != second
        }
        return differ(etag, other.etag) || differ(byteCount, other.byteCount)
    }
}

extension ShardVersion: CustomStringConvertible {
    public var description: String {
        "ETag \(etag.map { "\"\($0)\"" } ?? "unknown"), \(byteCount.map(String.init) ?? "unknown") bytes"
    }
}

/// A shard was replaced while it was read.
public struct ShardChange: Error, CustomStringConvertible {
    /// The shard's URL.
    public let url: String
    public let expected: ShardVersion
    /// nil where the shard is gone.
    public let found: ShardVersion?

    public var description: String {
        "\(url): the shard changed while it was read: its index is of the version with \(expected), the store now has "
            + (found.map { "one with \($0)" } ?? "none")
    }
}

/// Finds the size of an object by asking for small parts of it, for stores that do not say it.
struct ObjectEnd: Sendable {
    /// Bytes of a part.
    let probeByteCount: Int
    /// What messages call the object.
    let name: String
    /// How many bytes there are from an offset on, at most ``probeByteCount``; 0 beyond the end, nil where there is no object.
    let probe: @Sendable (Int) async throws -> Int?

    /// Larger objects are refused: with a server that answers every range, the search would not end.
    private static let maximumByteCount = 1 << 50

    /// Doubles an offset until nothing is there, then closes in on the end.
    func search() async throws -> Int? {
        guard let first = try await probe(0) else { return nil }
        guard first == probeByteCount else { return first }
        var full = 0
        var beyond = probeByteCount
        while true {
            guard beyond <= Self.maximumByteCount else {
                throw StoreError(.tooLarge, url: name, message: "more than \(Self.maximumByteCount) bytes")
            }
            guard let found = try await probe(beyond) else { return nil }
            if found > 0 && found < probeByteCount { return beyond + found }
            if found == 0 { break }
            (full, beyond) = (beyond, beyond * 2)
        }
        // A whole part lies at `full`, nothing at `beyond`; both are multiples of a part.
        while beyond - full > probeByteCount {
            let middle = full + (beyond - full) / probeByteCount / 2 * probeByteCount
            guard let found = try await probe(middle) else { return nil }
            if found > 0 && found < probeByteCount { return middle + found }
            if found == 0 { beyond = middle } else { full = middle }
        }
        return full + probeByteCount
    }
}
