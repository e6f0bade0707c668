public import Arrays
public import Geometry

/// What discover found out about one dataset.
public struct DatasetPlan: Sendable, Hashable, Codable {
    public var dataset: String
    /// Voxel size of the finest raw level; nm.
    public var voxelSize: ZYX<Double>?
    public var hasGroundtruth: Bool
    public var hasInference: Bool
    /// Whether `select` takes the dataset.
    public var isSelected: Bool
    /// The raw image's metadata as the store gave it.
    public var imageMetadata: String?
    public var items: [ItemPlan]
    /// What is left out, and why; nil where nothing is.
    public var leftOut: [LeftOut]?
    /// The names, within the dataset, of the items that only their labels can decide; nil where there are none.
    public var undecided: [String]?
    /// Where the ground-truth crops lie, those that are left out too; nil where there are none, and in a plan that is read from its file
    /// (``PlanFile/places()``).
    public var places: [CropPlace]?
    /// Things to know that are no failures, one line each.
    public var warnings: [String]
    /// Crops that could not be planned: name and reason. While there are any, discover runs again.
    public var failures: [Failure]
    /// The classes that its crops and its whole-volume labels have, in N5 also without `_seg`, sorted. nil in plans of earlier
    /// versions, and where not all of it could be listed.
    public var classes: [String]?
    /// Paths of the arrays that `grids` names and the store does not have.
    public var missingArrays: [String]?

    /// Names of what would have been items, and is left out by the rules of the manifest.
    public var leftOutNames: [String] { (leftOut ?? []).map(\.name) }
}
