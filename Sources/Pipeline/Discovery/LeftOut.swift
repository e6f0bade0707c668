public import JSONText

/// An item that a job leaves out. It is no failure, and it has no file (DESIGN, section 3).
public struct LeftOut: Sendable, Hashable, Codable {
    public enum Reason: String, Sendable, Hashable, Codable {
        /// An array would have to be upsampled by more than `resize.max_upsampling`.
        case tooCoarse = "too_coarse"
        /// Nobody has annotated any of the classes in it.
        case notAnnotated = "not_annotated"
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

    /// An element of `txt/left_out.json` (DESIGN, section 6).
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
