public import Arrays
internal import Elements
public import Manifest

/// One item of a plan as scheduling, `plan` and `status` need it: a hundred thousand of them fit in memory, and no array of them is read.
public struct ItemEntry: Sendable, Hashable {
    /// The name of its files; unique in the job.
    public var name: String
    /// Its name within its dataset, as it was planned: another dataset may have an item of that name.
    public let ownName: String
    public let dataset: String
    /// The alignment it belongs to, e.g. `recon-1`; empty where it has none.
    public let alignment: String
    /// Names the item's plan.
    public let digest: PlanDigest
    /// Objects that download asks for.
    public let chunks: Int
    /// Bytes of those chunks once they are decoded: what the item costs.
    public let bytes: Int
    /// Where its plan is in the plan file.
    public let offset: Int
    public let length: Int
    /// Where it is in the text of the index: what `cristae plan` prints of it, as JSON.
    public let summary: Range<Int>

    /// The alignment of what lies in a group of a store.
    public static func alignment(ofGroup key: String) -> String { key.pathComponents().dropFirst(2).first ?? "" }

    /// An item as its dataset's plan has it.
    init(
        name: String, dataset: String, alignment: String, digest: PlanDigest, chunks: Int, bytes: Int, offset: Int,
        length: Int, summary: Range<Int>
    ) {
        (self.name, ownName, self.dataset, self.alignment) = (name, name, dataset, alignment)
        (self.digest, self.chunks, self.bytes) = (digest, chunks, bytes)
        (self.offset, self.length, self.summary) = (offset, length, summary)
    }

    /// An item as it was planned.
    public struct Version: Sendable, Hashable {
        public let name: String
        public let digest: PlanDigest
    }

    public var version: Version { Version(name: name, digest: digest) }
}

extension ItemFilter {
    public func takes(_ item: ItemEntry) -> Bool {
        isEmpty || patterns.contains { $0.takes(item.name, ownName: item.ownName, of: item.dataset) }
    }

    /// Whether what failed is asked for. A dataset that failed as a whole always is: what it holds is not known.
    public func takes(_ failure: Failure) -> Bool {
        failure.item.map { takes($0, of: failure.dataset) } ?? true
    }
}
