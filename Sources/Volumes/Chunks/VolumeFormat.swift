/// The storage format of an array. Each format has its own file `ArrayMetadata+<Format>.swift`.
public enum VolumeFormat: String, Sendable, Hashable, Codable, CaseIterable {
    /// Zarr version 2: `.zarray`, `.zattrs`, `.zgroup`.
    case zarrV2 = "zarr2"
    /// Zarr version 3: `zarr.json`.
    case zarrV3 = "zarr3"
    /// N5: `attributes.json`.
    case n5

    /// The name of the file that describes an array.
    public var arrayMetadataName: String {
        switch self {
        case .zarrV2: ".zarray"
        case .zarrV3: "zarr.json"
        case .n5: "attributes.json"
        }
    }

    /// The name of the file that holds the attributes of an array or a group.
    public var attributesName: String {
        switch self {
        case .zarrV2: ".zattrs"
        case .zarrV3: "zarr.json"
        case .n5: "attributes.json"
        }
    }
}
