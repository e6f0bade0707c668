public import Arrays
public import Geometry
public import HDF5
public import Planning
public import Stores
internal import Volumes

/// The attributes of a crop file (DESIGN, section 5), in the order in which they are written.
public enum CropAttributes {
    /// Of the file.
    public static func file(of plan: ItemPlan, grid: Grid, labelLevel: String, store: StoreURL) -> [(
        String, AttributeValue
    )] {
        (plan.kind == nil ? [("crop_id", .integer(Int64(plan.cropID)))] : []) + [
            ("dataset", .string(plan.dataset)),
            ("scale", .doubles(grid.voxelSize.array)),
            ("translation", .doubles(grid.translation.array)),
            ("em_level", .string(plan.raw.level)),
            ("gt_level", .string(labelLevel)),
            ("axes", .string("zyx")),
            ("unit", .string("nanometer")),
            ("source", .string(store.url(of: plan.group))),
            ("levels_matched", .integer(plan.isMatched ? 1 : 0)),
            ("level_case", .string((plan.levelCase ?? .pair).rawValue)),
        ]
    }

    /// Of any dataset: where its voxels lie, in every dialect that loaders read.
    public static func grid(_ grid: Grid) -> [(String, AttributeValue)] {
        [
            ("scale", .doubles(grid.voxelSize.array)),
            ("translation", .doubles(grid.translation.array)),
            ("voxel_size", .doubles(grid.voxelSize.array)),
            ("resolution", .doubles(grid.voxelSize.array)),
            ("offset", .doubles(grid.edge.array)),
            ("element_size_um", .floats(grid.voxelSize.array.map { Float($0 / 1000) })),
            ("DIMENSION_LABELS", .strings(["z", "y", "x"])),
            ("axes", .string("zyx")),
            ("unit", .string("nanometer")),
        ]
    }

    /// Of a label dataset: what its values mean.
    public static func annotation(_ annotation: AnnotationPlan) -> [(String, AttributeValue)] {
        var attributes: [(String, AttributeValue)] = [("annotation_type", .string(annotation.type))]
        for (name, value) in [
            ("absent", annotation.absent), ("present", annotation.present), ("unknown", annotation.unknown),
        ] {
            if let value = value.flatMap(AttributeValue.init(wholeNumber:)) { attributes.append((name, value)) }
        }
        return attributes
    }

    /// The meaning of a label's values, read back from its attributes.
    public static func annotation(from attributes: [String: AttributeValue]) -> AnnotationPlan {
        AnnotationPlan(
            type: attributes["annotation_type"]?.string ?? "unspecified", absent: attributes["absent"]?.wholeNumber,
            present: attributes["present"]?.wholeNumber, unknown: attributes["unknown"]?.wholeNumber)
    }

    /// The grid of a dataset, read back from its attributes; nil where they do not tell.
    public static func grid(from attributes: [String: AttributeValue], shape: ZYX<Int>) -> Grid? {
        guard let scale = attributes["scale"]?.doubles.flatMap({ ZYX($0) }),
            let translation = attributes["translation"]?.doubles.flatMap({ ZYX($0) })
        else { return nil }
        return Grid(shape: shape, voxelSize: scale, translation: translation)
    }
}

extension AttributeValue {
    public var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    public var integer: Int? {
        switch self {
        case .integer(let value): Int(value)
        case .unsigned(let value): Int(exactly: value)
        default: nil
        }
    }

    /// A whole number of 64 bits, with a sign or without.
    var wholeNumber: LabelValue? {
        switch self {
        case .integer(let value): LabelValue(value)
        case .unsigned(let value): LabelValue(value)
        default: nil
        }
    }

    /// nil where the number has more than 64 bits.
    init?(wholeNumber: LabelValue) {
        if let value = Int64(exactly: wholeNumber) {
            self = .integer(value)
        } else if let value = UInt64(exactly: wholeNumber) {
            self = .unsigned(value)
        } else {
            return nil
        }
    }

    public var doubles: [Double]? {
        switch self {
        case .doubles(let values): values
        case .floats(let values): values.map(Double.init)
        case .integers(let values): values.map(Double.init)
        case .double(let value): [value]
        default: nil
        }
    }
}

extension HDF5Writer {
    public func setAttributes(_ attributes: [(String, AttributeValue)], on path: String) throws(HDF5Error) {
        for (name, value) in attributes { try setAttribute(name, value, on: path) }
    }
}
