/// A group or dataset inside a group.
public struct Child: Sendable, Hashable {
    public let name: String
    /// False for a dataset.
    public let isGroup: Bool
    /// Whether it is the group that it was found in, or one that group lies in: who follows it never arrives.
    public let leadsBack: Bool

    public init(name: String, isGroup: Bool, leadsBack: Bool = false) {
        self.name = name
        self.isGroup = isGroup
        self.leadsBack = leadsBack
    }
}
