internal import JSONText
internal import Ledger
internal import Planning

/// In earlier versions a voxel of a derived label was background where its source says nothing; now it is unknown (DESIGN, section 4).
///
/// The key is part of the fingerprint of every item whose labels may have to be derived. Whether one was derived is known only after that:
/// where none was, the file that an earlier version has made stays as it is.
enum DerivedRule {
    static func keys(_ plan: ItemPlan) -> [String: JSONValue] {
        plan.derived.isEmpty ? [:] : ["derived_unknown": 1]
    }
}
