internal import Arrays
public import Elements
public import JSONText
public import Ledger
public import Manifest
public import Stores

/// An item that a job leaves out. It is no failure, and it has no file.
public struct LeftOut: Sendable, Hashable, Codable {
    public enum Reason: String, Sendable, Hashable, Codable, CaseIterable {
        /// An array would have to be upsampled by more than `resize.max_upsampling`.
        case tooCoarse = "too_coarse"
        /// Nobody has annotated any of the classes in it.
        case notAnnotated = "not_annotated"

        /// In a line of counts.
        public var words: String {
            switch self {
            case .tooCoarse: "too coarse"
            case .notAnnotated: "not annotated"
            }
        }
    }

    /// The name that the item's files would have.
    public var name: String
    public var dataset: String
    /// nil where the item is no ground-truth crop.
    public var cropID: Int?
    public var reason: Reason
    /// One line: what was found, what is allowed, and what would take the item in.
    public var message: String
    /// Of the array that is too coarse; nm, z, y, x.
    public var voxelSize: [Double]?
    /// nm, z, y, x.
    public var target: [Double]?
    /// The largest ratio of source to target voxel.
    public var factor: Double?
    public var maxUpsampling: Double?
    /// The classes that the item would have held.
    public var classes: [String]

    public var description: String { "\(name): left out: \(message)" }

    /// By name, as lists have them.
    public var order: (ByteName, ByteName) { (ByteName(name), ByteName(dataset)) }

    /// An element of `txt/left_out.json`.
    public var json: JSONValue {
        func numbers(_ values: [Double]?) -> JSONValue { values.map { .array($0.map { .number($0) }) } ?? .null }
        return [
            "name": .string(name), "dataset": .string(dataset), "crop_id": cropID.map { .integer($0) } ?? .null,
            "reason": .string(reason.rawValue), "message": .string(message), "voxel_size": numbers(voxelSize),
            "target": numbers(target), "factor": factor.map { .number($0) } ?? .null,
            "max_upsampling": maxUpsampling.map { .number($0) } ?? .null,
            "classes": .array(classes.map { .string($0) }),
        ]
    }
}

/// What the labels of a crop have decided, as the record of its download keeps it.
extension LeftOut {
    public static let key = "left_out"

    /// None of the classes that the crop may hold is in its labels.
    ///
    /// - Parameter named: the classes that are asked for by name.
    public init(notAnnotated plan: ItemPlan, _ store: StoreURL, named: [String]) {
        var found = plan.derived.map { rule in
            "\(rule.name) would be made from the ids \(rule.ids.map(String.init).joined(separator: ", ")), and "
                + "\(store.url(of: rule.source.key)) has none of them"
        }
        let missing = named.filter { !plan.classes.hasName($0) }
        if !missing.isEmpty {
            found.append("\(store.url(of: plan.group)) has no labels of \(missing.joined(separator: ", "))")
        }
        self.init(
            name: plan.name, dataset: plan.dataset, cropID: plan.id, reason: .notAnnotated,
            message: found.joined(separator: "; "), classes: (plan.classes + missing).sortedByBytes())
    }

    /// The same, where the record of a download says so; nil where it does not.
    public init?(_ record: Record, of plan: ItemPlan, _ store: StoreURL, named: [String]) {
        guard record.result[Self.key]?["reason"]?.string == Reason.notAnnotated.rawValue else { return nil }
        self.init(notAnnotated: plan, store, named: named)
    }

    /// What a record needs to know.
    public var recorded: JSONValue { ["reason": .string(reason.rawValue)] }
}

extension Sequence<LeftOut> {
    /// How many for which reason.
    public var reasons: [LeftOut.Reason: Int] { reduce(into: [:]) { $0[$1.reason, default: 0] += 1 } }
}

extension ItemPlan {
    /// Whether only the labels can tell if the crop is left out: none of the classes has a group of its own in it, but some may be derived.
    ///
    /// A region is asked for by its place, and is made without labels, too.
    public var isUndecided: Bool { id != nil && labels.isEmpty && !derived.isEmpty }
}

extension Manifest {
    /// The classes that are asked for by name, sorted; none where all are.
    public var namedClasses: [String] { classes == ["*"] ? [] : classes.sorted() }
}
