internal import Geometry
public import JSONText

extension Multiscale {
    /// Reads the pyramid of an N5 group: COSEM's `multiscales`, else the `transform`, `pixelResolution` or
    /// `resolution` of its arrays and the downsampling factors that n5-viewer and neuroglancer use.
    ///
    /// - Parameters:
    ///   - attributes: the group's `attributes.json`; null or an empty object where there is none.
    ///   - arrays: the attributes of the arrays below the group, by their paths. Levels that are not among them are
    ///     left out with a warning. Empty where nobody looked: then the group must name its levels itself.
    ///   - path: the key of the group's attributes, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where there are no levels, `.badMetadata`, `.unsupported` and
    ///   `.tooLarge` with the member's name, what was expected and what was found. Members of an array's attributes
    ///   are named as `s1/transform.scale`.
    public init(
        n5Group attributes: JSONValue, arrays: [(path: String, attributes: JSONValue)], path: String
    ) throws(VolumeError) {
        var reader = N5MultiscaleReader(errors: MetadataErrors(path: path))
        self = try reader.multiscale(attributes, arrays: arrays)
    }

    /// Whether an array has only the attributes `resolution` and `offset`, like the ground truth in `janelia-cosem-publications`. They do not
    /// say where the array lies.
    ///
    /// `offset` is a corner in a frame in which raw voxels are 4 nm on every axis, whatever their true size
    /// (https://github.com/saalfeldlab/CNNectome/issues/17).
    public static func isPublicationsLayout(_ attributes: JSONValue) -> Bool {
        let isPresent = { (key: String) in attributes[key].map { !$0.isNull } ?? false }
        return isPresent("resolution") && isPresent("offset") && !isPresent("transform")
            && !isPresent("pixelResolution") && !isPresent("downsamplingFactors")
    }

    /// The error for an array of that layout without a given grid.
    ///
    /// - Parameters:
    ///   - path: the key of the attributes that are read.
    ///   - array: the array's path below it, if it is another.
    public static func publicationsLayoutError(path: String, array: String? = nil) -> VolumeError {
        VolumeError(
            .unsupported, path: path, key: (array.map { "\($0)/" } ?? "") + "offset",
            "resolution and offset do not tell where the array lies (janelia-cosem-publications writes corners in a "
                + "frame of 4 nm raw voxels, not the true sizes): give its grid, voxel size and translation in nm (grids in a job's "
                + "manifest)")
    }
}
