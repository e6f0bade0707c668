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
    /// Key of the alignment that the array belongs to; only in volumes.
    public var alignment: String?
    /// How many voxels of the finest level are unknown, by its own attributes; only where it is another level, and those of this one do not say
    /// it, and it matters (``UnknownIdentifier``).
    public var finestUnknownCount: Int?

    // Plans in state directories, and fingerprints of them, have these members only where they are not as usual.
    private var otherFormat: VolumeFormat?
    private var undeclared: Bool?
    private var reversed: Bool?

    /// The storage format.
    public var format: VolumeFormat {
        get { otherFormat ?? .zarrV2 }
        set { otherFormat = newValue == .zarrV2 ? nil : newValue }
    }
    /// Whether the store's metadata do not say that chunks are nested, and ``metadata`` do: the chunks were found like that.
    public var isNestedUndeclared: Bool {
        get { undeclared ?? false }
        set { undeclared = newValue ? true : nil }
    }
    /// Whether the axes are stored the other way round, as the manifest says. Grid and boxes are z, y, x.
    public var isReversed: Bool {
        get { reversed ?? false }
        set { reversed = newValue ? true : nil }
    }

    private enum CodingKeys: String, CodingKey {
        case name, image, level, grid, box, written, metadata, annotation, alignment, finestUnknownCount
        case otherFormat = "format"
        case undeclared = "isNestedUndeclared"
        case reversed = "isReversed"
    }

    public init(
        name: String, image: String, level: String, grid: Grid, box: Box, written: Box, metadata: String,
        annotation: AnnotationPlan? = nil, format: VolumeFormat = .zarrV2, isReversed: Bool = false
    ) {
        (self.name, self.image, self.level, self.grid, self.box) = (name, image, level, grid, box)
        (self.written, self.metadata, self.annotation) = (written, metadata, annotation)
        self.format = format
        self.isReversed = isReversed
    }

    /// Key of the array, below the store.
    public var key: String { level.isEmpty ? image : "\(image)/\(level)" }

    /// The path of a key below the dataset's container.
    public static func path(of key: String) -> String { key.pathComponents().dropFirst(2).joined(separator: "/") }

    /// The parsed metadata, with the axes as they are stored.
    ///
    /// - Parameter path: what messages call them; nil for the array's key.
    public func storedMetadata(path: String? = nil) throws(VolumeError) -> ArrayMetadata {
        try ArrayMetadata(format, Array(metadata.utf8), path: path ?? key)
    }

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

    public init(type: String, absent: LabelValue? = nil, present: LabelValue? = nil, unknown: LabelValue? = nil) {
        (self.type, self.absent, self.present, self.unknown) = (type, absent, present, unknown)
    }
}

/// Names of the datasets of a volume's file.
extension ArrayPlan {
    /// The name of a dataset: what stands below the container in the store.
    public static func path(of key: String, below root: String) -> String {
        key.hasBytePrefix(root + "/") ? key.droppingBytes(root.utf8.count) : "/" + key
    }

    /// The name of the dataset of a class that is made from another one: in the place of that one.
    public static func path(of derivation: DerivePlan, below root: String) -> String {
        var names = derivation.source.image.pathComponents()
        names[names.count - 1] = derivation.name
        if !derivation.source.level.isEmpty { names.append(derivation.source.level) }
        return path(of: names.joined(separator: "/"), below: root)
    }
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

    public init(name: String, source: ArrayPlan, ids: [Int], instances: Bool) {
        (self.name, self.source, self.ids, self.instances) = (name, source, ids, instances)
    }
}

/// By hand, because encoders have no numbers of 128 bits: a value is written as the number it is, up to 2^64 - 1.
extension AnnotationPlan {
    private enum CodingKeys: String, CodingKey {
        case type, absent, present, unknown
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func value(_ key: CodingKeys) throws -> LabelValue? {
            guard try values.contains(key) && !values.decodeNil(forKey: key) else { return nil }
            if let number = try? values.decode(Int64.self, forKey: key) { return LabelValue(number) }
            return LabelValue(try values.decode(UInt64.self, forKey: key))
        }
        self.init(
            type: try values.decode(String.self, forKey: .type), absent: try value(.absent),
            present: try value(.present), unknown: try value(.unknown))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(type, forKey: .type)
        for (key, value) in [(CodingKeys.absent, absent), (.present, present), (.unknown, unknown)] {
            guard let value else { continue }
            if let number = Int64(exactly: value) {
                try values.encode(number, forKey: key)
            } else if let number = UInt64(exactly: value) {
                try values.encode(number, forKey: key)
            }
        }
    }
}
