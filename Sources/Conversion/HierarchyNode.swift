internal import JSONText
internal import Volumes

/// An array or a group of a store, as its metadata describe it.
struct HierarchyNode: Sendable {
    enum Kind: Sendable {
        case array(ArrayMetadata)
        case group(VolumeFormat)
    }

    /// Names from the source down to this node; none for the source itself.
    var path: [String]
    let kind: Kind
    /// The user's attributes, without what belongs to the format.
    let attributes: [String: JSONValue]
    /// Names of the axes in the order of the shape, "" for an axis without one; empty where the metadata name none.
    let axisNames: [String]

    init(_ kind: Kind, path: [String], attributes: [String: JSONValue] = [:], axisNames: [String] = []) {
        self.kind = kind
        self.path = path
        self.attributes = attributes
        self.axisNames = axisNames
    }

    var array: ArrayMetadata? {
        guard case .array(let metadata) = kind else { return nil }
        return metadata
    }

    /// Whether folders below it may be groups without any metadata, as N5 has it.
    var mayHoldBareGroups: Bool {
        guard case .group(.n5) = kind else { return false }
        return true
    }
}
