/// How the index of a chunk becomes its key, relative to the array.
public struct ChunkKeyEncoding: Sendable, Equatable {
    /// The prefix before the numbers, followed by the separator: `c` in Zarr v3's default encoding.
    public let prefix: String?
    /// `/` or `.`, between the numbers.
    public let separator: String
    /// Whether the last axis comes first: N5 names blocks by x, y, z.
    public let isReversed: Bool

    public init(prefix: String? = nil, separator: String, isReversed: Bool = false) {
        self.prefix = prefix
        self.separator = separator
        self.isReversed = isReversed
    }

    /// `0/1/2`, `0.1.2`, `c/0/1/2`. Without axes it is the prefix, or `0` where there is none.
    public func key(_ index: [Int]) -> String {
        var parts = (isReversed ? index.reversed() : index).map(String.init)
        if let prefix { parts.insert(prefix, at: 0) }
        return parts.isEmpty ? "0" : parts.joined(separator: separator)
    }
}
