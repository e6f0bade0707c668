internal import Elements
/// One item of a plan as scheduling, `plan` and `status` need it: a hundred thousand of them fit in memory, and no array of them is read.
struct ItemEntry: Sendable, Hashable {
    /// The name of its files; unique in the job.
    var name: String
    /// Its name within its dataset, as it was planned: another dataset may have an item of that name.
    let ownName: String
    let dataset: String
    /// The alignment it belongs to, e.g. `recon-1`; empty where it has none.
    let alignment: String
    /// Names the item's plan.
    let digest: PlanDigest
    /// Objects that download asks for.
    let chunks: Int
    /// Bytes of those chunks once they are decoded: what the item costs.
    let bytes: Int
    /// Where its plan is in the plan file.
    let offset: Int
    let length: Int
    /// Where it is in the text of the index: what `cristae plan` prints of it, as JSON.
    let summary: Range<Int>

    /// The alignment of what lies in a group of a store.
    static func alignment(ofGroup key: String) -> String { key.pathComponents().dropFirst(2).first ?? "" }

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
    struct Version: Sendable, Hashable {
        let name: String
        let digest: PlanDigest
    }

    var version: Version { Version(name: name, digest: digest) }
}
