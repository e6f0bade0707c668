internal import Elements
public import Geometry
public import Volumes

/// What discover found out about one array that an item needs.
public struct ArrayPlan: Sendable, Hashable, Codable {
    /// `raw`, or the label class.
    public var name: String
    /// Key of the multiscale group, below the store.
    public var image: String
    /// Path of the level in the group, e.g. `s1`; empty where the array is no level of a group, and `image` is its own key.
    public var level: String
    /// Grid of the whole level; nm.
    public var grid: Grid
    /// Voxels of the level that are downloaded.
    public var box: Box
    /// Voxels that are written. Larger than `box` only where an item reaches beyond its raw data.
    public var written: Box
    /// The level's `.zarray`, `zarr.json` or `attributes.json`, as the store gave it.
    public var metadata: String
    /// What the label's values mean; nil for raw data.
    public var annotation: AnnotationPlan?
    /// The storage format; nil is Zarr v2.
    public var format: VolumeFormat?
    /// Key of the alignment that the array belongs to; only in volumes.
    public var alignment: String?
    /// Whether the store's metadata do not say that chunks are nested, and ``metadata`` do: the chunks were found like that.
    public var isNestedUndeclared: Bool?
    /// Whether the axes are stored the other way round, as the manifest says; nil where they are not. Grid and boxes are z, y, x.
    public var isReversed: Bool?

    /// How many voxels of the finest level are unknown, by its own attributes; only where it is another level, and those of this one do not say
    /// it, and it matters (``UnknownIdentifier``).
    public var finestUnknownCount: Int?

    /// Key of the array, below the store.
    public var key: String { level.isEmpty ? image : "\(image)/\(level)" }

    /// Grid of the voxels that are written.
    public var writtenGrid: Grid { grid.cropped(to: written) }
}

/// What a label's values mean, as declared in its metadata.
public struct AnnotationPlan: Sendable, Hashable, Codable {
    /// `instance_segmentation`, `semantic_segmentation` or `unspecified`.
    public var type: String
    public var absent: LabelValue?
    public var present: LabelValue?
    public var unknown: LabelValue?
}

/// A class that is made from another one's ids where it is missing or empty.
public struct DerivePlan: Sendable, Hashable, Codable {
    /// The class to make.
    public var name: String
    /// The label image it is made from.
    public var source: ArrayPlan
    public var ids: [Int]
    /// Connected components numbered from 1 (uint32), rather than 0/1 (uint8).
    public var instances: Bool
}

/// A metadata object that goes into the pack beside the chunks.
public struct MetadataObject: Sendable, Hashable, Codable {
    public var key: String
    public var text: String
}

/// What discover found out about one ground-truth crop, region or volume.
public struct ItemPlan: Sendable, Hashable, Codable {
    /// What an item is, where it is no ground-truth crop.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// A whole dataset.
        case volume
        /// A box of one's own.
        case region
    }

    /// `crop_<id>`, `region_<dataset>_<n>` or the name of the dataset: the name of its files.
    public var name: String
    public var dataset: String
    /// 0 where the item is no crop.
    public var cropID: Int
    /// Key of the crop's group below the store; of the container where the item is no crop.
    public var group: String
    public var raw: ArrayPlan
    public var labels: [ArrayPlan]
    public var derived: [DerivePlan]
    /// Whether every label level has the raw level's voxel size.
    public var isMatched: Bool
    /// How the levels belong together; nil is a pair whose edges meet.
    public var levelCase: LevelChoice.Case?
    public var metadata: [MetadataObject]
    /// nil for ground-truth crops.
    public var kind: Kind?
    /// Raw images of further alignments that have labels; only in volumes.
    public var moreRaw: [ArrayPlan]?

    /// All arrays whose chunks are needed, each once.
    public var arrays: [ArrayPlan] {
        var seen: Set<ByteName> = []
        return ([raw] + (moreRaw ?? []) + labels + derived.map(\.source)).filter {
            seen.insert(ByteName($0.key)).inserted
        }
    }
}

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
    var leftOutNames: [String] { (leftOut ?? []).map(\.name) }
}
