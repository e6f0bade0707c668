public import Arrays
internal import Geometry
public import HDF5
public import Manifest
public import Planning
public import Stores

/// The attributes of a volume's file and of its datasets.
public enum VolumeAttributes {
    /// Of the file.
    public static func file(of plan: ItemPlan, store: StoreURL) -> [(String, AttributeValue)] {
        let grid = plan.raw.grid
        return [
            ("dataset", .string(plan.dataset)),
            ("scale", .doubles(grid.voxelSize.array)),
            ("translation", .doubles(grid.translation.array)),
            ("em_level", .string(plan.raw.level)),
            ("axes", .string("zyx")),
            ("unit", .string("nanometer")),
            ("source", .string(store.url(of: plan.group))),
            ("levels_matched", .integer(plan.isMatched ? 1 : 0)),
            ("level_case", .string((plan.levelCase ?? .pair).rawValue)),
        ]
    }

    /// Of one array. Labels say what their values mean; where nothing is declared and there are no other values than 0 and 255, those
    /// mean absent and present.
    public static func dataset(
        _ array: ArrayPlan, isMask: Bool, derivation: DerivePlan? = nil, store: StoreURL, manifest: Manifest
    ) -> [(String, AttributeValue)] {
        var attributes = CropAttributes.grid(array.grid)
        if let derivation {
            attributes.append(("class", .string(derivation.name)))
            attributes += CropAttributes.annotation(.derived(instances: false))
            attributes.append(("derived_from", .string(array.name)))
            attributes.append(("derived_ids", .integers(derivation.ids.map(Int64.init))))
        } else if var annotation = array.annotation {
            if isMask, annotation.isOpen { annotation = .mask }
            attributes.append(("class", .string(array.name)))
            attributes += CropAttributes.annotation(annotation)
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
