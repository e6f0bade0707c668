public import Arrays
internal import Elements
public import HDF5
public import Manifest

/// What the labels of a class go back to: the attributes `label_quality` and `evidence`.
public struct LabelOrigin: Sendable, Equatable {
    enum Quality: String, Sendable {
        /// Somebody has drawn them.
        case groundtruth
        /// A model has predicted them.
        case inference
    }

    enum Evidence: String, Sendable {
        /// The values are those of the store.
        case stored
        /// They are made from the ids of another class.
        case derived
    }

    let quality: Quality
    let evidence: Evidence

    /// - Parameter isDerived: whether another class is made from `label`.
    public init(of label: ArrayPlan, isDerived: Bool, _ manifest: Manifest) {
        let path = ArrayPlan.path(of: label.key)
        let folders = path.pathComponents().dropLast()
        // Who gives the grid of labels vouches for them, but a prediction stays one.
        let isGiven = manifest.grids.contains { grid in
            grid.labelClass != nil && grid.path.hasSameBytes(as: path)
                && label.key.pathComponents().first?.hasSameBytes(as: grid.dataset) ?? false
        }
        quality =
            folders.hasName("groundtruth") || isGiven && !folders.hasName("inference") ? .groundtruth : .inference
        evidence = isDerived ? .derived : .stored
    }

    public var attributes: [(String, AttributeValue)] {
        [("label_quality", .string(quality.rawValue)), ("evidence", .string(evidence.rawValue))]
    }
}
