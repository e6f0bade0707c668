/// A group or dataset inside a group.
public struct Child: Sendable, Hashable {
    public let name: String
    /// False for a dataset.
    public let isGroup: Bool

    public init(name: String, isGroup: Bool) {
        self.name = name
        self.isGroup = isGroup
    }
}
