/// The keys that one kind of object in the manifest may have.
protocol ManifestKeys: RawRepresentable<String>, CaseIterable, Sendable {}

/// The keys of the manifest itself.
public enum ManifestKey: String, ManifestKeys {
    case anonymous, classes, convert, datasets, derive, endpoint, grids, job, levels, limits, lists, mode, only, output,
        regions,
        resize, select, source, split, state, tolerance
    case paddingNm = "padding_nm"
    case targetNm = "target_nm"
}

/// The keys of an element of `regions`.
enum RegionKey: String, ManifestKeys {
    case dataset
    case offsetNm = "offset_nm"
    case shapeNm = "shape_nm"
}

/// The keys of an element of `grids`.
enum ArrayGridKey: String, ManifestKeys {
    case axes, dataset, path
    case labelClass = "class"
    case translationNm = "translation_nm"
    case voxelSizeNm = "voxel_size_nm"
}

/// The keys of a rule in `derive`.
enum DeriveKey: String, ManifestKeys {
    case from, ids, instances
}

/// The keys of `convert`.
enum ConvertKey: String, ManifestKeys {
    case compression
    case keepNative = "keep_native"
    case keepPacks = "keep_packs"
}

/// The keys of `resize`.
enum ResizeKey: String, ManifestKeys {
    case grid, labels, raw
    case maxUpsampling = "max_upsampling"
}

/// The keys of `split`.
enum SplitKey: String, ManifestKeys {
    case by, seed, test, validation
}

/// The keys of `limits`.
enum LimitsKey: String, ManifestKeys {
    case bandwidth, connections, memory, outage
    case claimSeconds = "claim_seconds"
    case maxAttempts = "max_attempts"
}
