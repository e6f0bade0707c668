internal import JSONText
public import Stores

/// What tells one version of a shard from another: inner chunks of one must not be read by the index of another.
public struct ShardVersion: Sendable, Equatable, Codable {
    /// The store's mark; nil where it gives none.
    public var etag: String?
    /// Bytes of the whole shard; nil where the store does not say.
    public var byteCount: Int?
    /// When it was last changed, in seconds since 1970 by the store's clock; nil where the store does not say.
    public var modified: Int?

    public init(etag: String? = nil, byteCount: Int? = nil, modified: Int? = nil) {
        (self.etag, self.byteCount, self.modified) = (etag, byteCount, modified)
    }

    public var mark: ObjectMetadata { ObjectMetadata(etag: etag, byteCount: byteCount, modified: modified) }

    /// Whether both say so much that they cannot be of the same version.
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
