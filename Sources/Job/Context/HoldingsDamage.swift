public import Arrays

/// What was downloaded of an item is not what was written.
public struct HoldingsDamage: Error {
    /// So often is what is damaged fetched again within one run.
    public static let maximumHealings = 3

    /// What it is to the item where it does not heal.
    public let failure: Failure

    public init(failure: Failure) {
        self.failure = failure
    }
}
