public import JSONText

/// A value of a label array: it holds all of `Int64` and `UInt64`.
public typealias LabelValue = Int128

/// What the `cellmap` block in the attributes of a label group says about its values.
///
/// Every member may be missing: the group `all` has no such block, and neither have many predictions.
public struct LabelAnnotation: Sendable, Hashable {
    /// What the values of a label array stand for.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// Every value but absent and unknown is the id of an object.
        case instance = "instance_segmentation"
        /// Values say absent, present or unknown.
        case semantic = "semantic_segmentation"
        /// The attributes do not say.
        case unspecified
    }

    /// The class, such as `mito`.
    public let className: String?
    public let kind: Kind
    /// The value of voxels outside the class.
    public let absent: LabelValue?
    /// The value of voxels of the class, for semantic labels.
    public let present: LabelValue?
    /// The value of voxels that nobody has annotated.
    public let unknown: LabelValue?

    public init(className: String?, kind: Kind, absent: LabelValue?, present: LabelValue?, unknown: LabelValue?) {
        self.className = className
        self.kind = kind
        self.absent = absent
        self.present = present
        self.unknown = unknown
    }

    /// Reads a `.zattrs` file, as ``init(attributes:)`` does.
    public init(zattrs: JSONValue) { self.init(attributes: zattrs) }

    /// Reads the attributes of a label group or array, of either version of Zarr; what is missing or malformed is left
    /// out.
    public init(attributes: JSONValue) {
        let annotation = attributes["cellmap"]?["annotation"]
        let type = annotation?["annotation_type"]
        let encoding = type?["encoding"]
        self.init(
            className: annotation?["class_name"]?.string,
            kind: type?["type"]?.string.flatMap(Kind.init(rawValue:)) ?? .unspecified,
            absent: encoding?["absent"]?.wholeNumber,
            present: encoding?["present"]?.wholeNumber,
            unknown: encoding?["unknown"]?.wholeNumber)
    }

    /// The number of unannotated voxels by the attributes of a label array; nil where they do not state it. Such counts have been wrong.
    public static func unknownCount(attributes: JSONValue) -> LabelValue? {
        attributes["cellmap"]?["annotation"]?["complement_counts"]?["unknown"]?.wholeNumber
    }
}
