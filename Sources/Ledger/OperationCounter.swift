internal import Synchronization

/// Counts what is asked of a file system: each opening, transfer, listing, look, renaming, linking and removing. On a cluster one metadata
/// server answers all of it, for everybody.
public final class OperationCounter: Sendable {
    private let counter = Atomic(0)

    /// Operations up to now.
    public var count: Int { counter.load(ordering: .relaxed) }

    func note(_ count: Int = 1) { counter.wrappingAdd(count, ordering: .relaxed) }
}
