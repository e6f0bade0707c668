internal import Elements
internal import Geometry
internal import JSONText
internal import Ledger
internal import Manifest
internal import Planning

/// What `crops.json` tells of a crop beside what is in its file: which others it overlaps, and which side of a training it is on.
///
/// That is no part of the HDF5 files: their bytes do not depend on other crops.
struct CropRelations: Sendable {
    private let split: Manifest.Split?
    /// The classes that are asked for by name.
    private let named: [String]
    /// The groups of each dataset.
    private let groups: [ByteName: CropGroups]

    /// - Parameter plans: of all datasets of the job; all of their crops count, whatever `only` says.
    init(_ plans: [PlanFile], _ manifest: Manifest) throws(JSONError) {
        split = manifest.split
        named = manifest.namedClasses
        var groups: [ByteName: CropGroups] = [:]
        for plan in plans {
            let places = try plan.places().map { place in
                var place = place
                place.alignment = ItemEntry.alignment(ofGroup: "\(place.alignment)/labels")
                return place
            }
            groups[ByteName(plan.plan.dataset)] = CropGroups(places)
        }
        self.groups = groups
    }

    /// An entry of `crops.json` with what is known of its crop. Regions and volumes have no group.
    ///
    /// - Parameter convert: the record of the crop's conversion.
    func added(to entry: JSONValue, of item: ItemEntry, convert: Record?) -> JSONValue {
        guard var members = entry.object else { return entry }
        let relations = entry["crop_id"]?.integer.map { cropID in
            groups[ByteName(item.dataset)]?[item.ownName, alignment: item.alignment]
                ?? CropGroups.Relations(group: cropID, overlaps: [], duplicateOf: nil)
        }
        members["group"] = relations.map { .integer($0.group) } ?? .null
        members["overlaps_with"] = .array(
            (relations?.overlaps ?? []).map { ["crop_id": .integer($0.cropID), "fraction": .number($0.fraction)] })
        members["duplicate_of"] = relations?.duplicateOf.map { .integer($0) } ?? .null
        members["not_annotated"] = .array(notAnnotated(entry, convert).map { .string($0) })
        if let split {
            members["split"] =
                relations.map {
                    .string(TrainingSide(dataset: item.dataset, group: $0.group, split: split).rawValue)
                } ?? .null
        }
        return .object(members)
    }

    /// The classes that nobody has annotated in an item: those that could not be derived, and of those that are asked for by name the ones that
    /// it does not hold. In a volume labels are named by their paths: it holds what there is.
    private func notAnnotated(_ entry: JSONValue, _ convert: Record?) -> [String] {
        let recorded = (convert?.result["not_annotated"]?.array ?? []).compactMap(\.string)
        guard entry["raw"]?["dtype"] != nil, let labels = entry["labels"]?.object else { return recorded }
        let missing = named.filter { labels[$0] == nil && !recorded.hasName($0) }
        return (recorded + missing).sortedByBytes()
    }
}
