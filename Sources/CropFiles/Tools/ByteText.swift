internal import JSONText
internal import Manifest

/// A count of bytes as people write it: `1GiB`, `512MiB`.
public struct ByteText: Sendable, Hashable, CustomStringConvertible {
    /// 1 GiB.
    public static let standard = ByteText(bytes: 1 << 30)

    public let bytes: Int

    public var description: String { ByteCount.json(bytes).string ?? "\(bytes)B" }

    private init(bytes: Int) { self.bytes = bytes }

    /// nil where the text is no count of bytes with a unit.
    public init?(_ text: String) {
        guard let bytes = ByteCount.parse(text) else { return nil }
        self.bytes = bytes
    }
}
