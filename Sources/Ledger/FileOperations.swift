internal import Synchronization

/// Counts what this process asks of the file systems of its directories: each opening, listing, renaming, linking, removing, reading,
/// writing and flushing. On a cluster the metadata server answers all of it, for everybody.
public enum FileOperations {
    private static let counter = Atomic(0)

    /// Operations up to now.
    public static var count: Int { counter.load(ordering: .relaxed) }

    static func note(_ count: Int = 1) { counter.wrappingAdd(count, ordering: .relaxed) }
}
