public import Arrays
internal import Elements
public import Geometry
internal import Volumes

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
