public import Arrays
internal import Elements
public import Geometry
public import HDF5
public import Manifest
public import Planning
public import Stores
internal import Volumes

/// The attributes of the files that a job makes, in the order in which they are written.
public enum FileAttributes {
    /// Of a file.
    ///
    /// - Parameters:
    ///   - grid: that of the first label of a crop or region, or that of a volume's raw data.
    ///   - labelLevel: nil for volumes, whose labels have levels of their own.
    public static func file(
        of plan: ItemPlan, grid: Grid, labelLevel: String?, store: StoreURL
    ) -> [(String, AttributeValue)] {
        (plan.id.map { [("crop_id", .integer(Int64($0)))] } ?? []) + [
            ("dataset", .string(plan.dataset)),
            ("scale", .doubles(grid.voxelSize.array)),
            ("translation", .doubles(grid.translation.array)),
            ("em_level", .string(plan.raw.level)),
        ] + (labelLevel.map { [("gt_level", .string($0))] } ?? []) + [
            ("axes", .string("zyx")),
            ("unit", .string("nanometer")),
            ("source", .string(store.url(of: plan.group))),
            ("levels_matched", .integer(plan.isMatched ? 1 : 0)),
            ("level_case", .string(plan.levelCase.rawValue)),
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
    static func annotation(from attributes: [String: AttributeValue]) -> AnnotationPlan {
        AnnotationPlan(
            type: attributes["annotation_type"]?.string ?? "unspecified", absent: attributes["absent"]?.wholeNumber,
            present: attributes["present"]?.wholeNumber, unknown: attributes["unknown"]?.wholeNumber)
    }

    /// Of a dataset in a volume's file. A label has the class, and what its values mean.
    ///
    /// - Parameter isMask: whether the label has no other values than 0 and 255. Where nothing is declared, these mean absent and present.
    public static func volumeDataset(
        _ array: ArrayPlan, isMask: Bool, derivation: DerivePlan? = nil, store: StoreURL, manifest: Manifest
    ) -> [(String, AttributeValue)] {
        var attributes = grid(array.grid)
        if let derivation {
            attributes.append(("class", .string(derivation.name)))
            attributes += annotation(.derived(instances: false))
            attributes.append(("derived_from", .string(array.name)))
            attributes.append(("derived_ids", .integers(derivation.ids.map(Int64.init))))
        } else if var meaning = array.annotation {
            if isMask, meaning.isOpen { meaning = .mask }
            attributes.append(("class", .string(array.name)))
            attributes += annotation(meaning)
        }
        attributes.append(("level", .string(array.level)))
        if let alignment = array.alignment { attributes.append(("alignment", .string(alignment))) }
        attributes.append(("source_path", .string(store.url(of: array.key))))
        if array.annotation != nil {
            attributes += LabelOrigin(of: array, isDerived: derivation != nil, manifest).attributes
        }
        return attributes
    }
}

extension AttributeValue {
    var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    var integer: Int? {
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

    var doubles: [Double]? {
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

    /// Gives the datasets of a crop file their second names, which most loaders look for, where nothing else has these.
    public func linkAliases(of paths: [String]) throws(HDF5Error) {
        for path in paths {
            let names = path.pathComponents()
            if path == CropPaths.raw {
                try link("/raw", to: path)
            } else if names.count == 2, names[0].hasSameBytes(as: CropPaths.labels) {
                try link("/labels/\(names[1])", to: path)
            }
        }
    }
}

/// The names of the datasets in the crop files that a job makes.
public enum CropPaths {
    public static let raw = "/raw_crop"
    static let labels = "label_crop"

    public static func label(_ name: String) -> String { "/\(labels)/\(name)" }
}
