/// One item of a plan as scheduling, `plan` and `status` need it: a hundred thousand of them fit in memory, and no array of them is read.
struct ItemEntry: Sendable, Hashable {
    /// The name of its files; unique in the job.
    var name: String
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

    /// An item as it was planned.
    struct Version: Sendable, Hashable {
        let name: String
        let digest: PlanDigest
    }

    /// Its name within its dataset: without its ``suffix(_:_:)``, where it has one.
    var ownName: String {
        let suffix = Self.suffix(dataset, alignment)
        guard name.utf8.count > suffix.utf8.count, name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else {
            return name
        }
        return String(name.utf8.dropLast(suffix.utf8.count)) ?? name
    }

    /// What makes the name of an item unique where another dataset has one of that name.
    static func suffix(_ dataset: String, _ alignment: String) -> String { "_\(dataset)_\(alignment)" }

    var version: Version { Version(name: name, digest: digest) }
}
