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
    /// What an item is.
    public enum Kind: Sendable, Hashable {
        /// A ground-truth crop.
        case crop(id: Int)
        /// A box of one's own.
        case region
        /// A whole dataset.
        case volume
    }

    /// `crop_<id>`, `region_<dataset>_<n>` or the name of the dataset: the name of its files.
    public var name: String
    public var dataset: String
    /// Key of the crop's group below the store; of the container where the item is no crop.
    public var group: String
    public var raw: ArrayPlan
    public var labels: [ArrayPlan]
    public var derived: [DerivePlan]
    /// Whether every label level has the raw level's voxel size.
    public var isMatched: Bool
    public var metadata: [MetadataObject]

    // Plans in state directories, and fingerprints of them, have some members only where they are not as usual.
    private var cropID = 0
    private var otherKind: String?
    private var otherCase: LevelChoice.Case?
    private var otherRaw: [ArrayPlan]?

    public var kind: Kind {
        switch otherKind {
        case nil: .crop(id: cropID)
        case "volume": .volume
        default: .region
        }
    }
    /// nil where the item is no crop.
    public var id: Int? { if case .crop(let id) = kind { id } else { nil } }
    /// How the levels belong together.
    public var levelCase: LevelChoice.Case { otherCase ?? .pair }
    /// Raw images of further alignments that have labels; only in volumes.
    public var moreRaw: [ArrayPlan] {
        get { otherRaw ?? [] }
        set { otherRaw = newValue.isEmpty ? nil : newValue }
    }

    private enum CodingKeys: String, CodingKey {
        case name, dataset, group, raw, labels, derived, isMatched, metadata, cropID
        case otherKind = "kind"
        case otherCase = "levelCase"
        case otherRaw = "moreRaw"
    }

    public init(
        name: String, dataset: String, kind: Kind, group: String, raw: ArrayPlan, labels: [ArrayPlan],
        derived: [DerivePlan], isMatched: Bool, levelCase: LevelChoice.Case = .pair, metadata: [MetadataObject] = [],
        moreRaw: [ArrayPlan] = []
    ) {
        (self.name, self.dataset, self.group, self.raw, self.labels) = (name, dataset, group, raw, labels)
        (self.derived, self.isMatched, self.metadata) = (derived, isMatched, metadata)
        switch kind {
        case .crop(let id): cropID = id
        case .region: otherKind = "region"
        case .volume: otherKind = "volume"
        }
        otherCase = levelCase == .pair ? nil : levelCase
        self.moreRaw = moreRaw
    }

    /// All arrays whose chunks are needed, each once.
    public var arrays: [ArrayPlan] {
        var seen: Set<ByteName> = []
        return ([raw] + moreRaw + labels + derived.map(\.source)).filter {
            seen.insert(ByteName($0.key)).inserted
        }
    }
}
