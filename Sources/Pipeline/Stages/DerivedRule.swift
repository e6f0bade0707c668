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

    /// Whether the statistics of a converted file say that all of its labels are the store's own. A volume's masks are always derived.
    static func isStored(_ stat: Record, of convert: Record, _ plan: ItemPlan) -> Bool {
        if plan.derived.isEmpty { return true }
        guard plan.kind != .volume, let labels = labels(stat, of: convert, plan) else { return false }
        return labels.values.allSatisfy { $0["derived_from"] == nil }
    }

    /// What statistics of some version say of the labels of a converted file; nil where they are another file's.
    static func labels(_ stat: Record, of convert: Record, _ plan: ItemPlan) -> [String: JSONValue]? {
        let versions = 1...max(1, Stat.settings.version)
        guard versions.contains(where: { stat.fingerprint == Stat.fingerprint(plan, convert: convert, version: $0) })
        else { return nil }
        return stat.result["labels"]?.object
    }
}
