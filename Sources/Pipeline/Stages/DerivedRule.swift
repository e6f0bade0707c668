internal import JSONText
internal import Ledger

/// In earlier versions a voxel of a derived label was background where its source says nothing; now it is unknown (DESIGN, section 4).
///
/// The key is part of the fingerprint of every item whose labels may have to be derived. Whether one was derived is known only after that:
/// where none was, the file that an earlier version has made stays as it is.
enum DerivedRule {
    static func keys(_ plan: ItemPlan) -> [String: JSONValue] {
        plan.derived.isEmpty ? [:] : ["derived_unknown": 1]
    }

    /// Whether the statistics of a converted file say that all of its labels are the store's own.
    static func isStored(_ stat: Record, of convert: Record, _ plan: ItemPlan) -> Bool {
        let versions = 1...max(1, Stat.settings.version)
        guard versions.contains(where: { stat.fingerprint == Stat.fingerprint(plan, convert: convert, version: $0) }),
            let labels = stat.result["labels"]?.object
        else { return false }
        return labels.values.allSatisfy { $0["derived_from"] == nil }
    }
}
