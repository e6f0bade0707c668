public import Geometry
public import JSONText

/// The resolution pyramid of an image: OME-NGFF `multiscales`, brought to axes z, y, x and nanometers.
public struct Multiscale: Sendable, Equatable {
    /// One array of the pyramid.
    public struct Level: Sendable, Equatable {
        /// The array's path below the group: relative, without `..` or empty components.
        public let path: String
        /// nm per voxel, each finite and above 0.
        public let scale: ZYX<Double>
        /// The centre of voxel 0 in nm.
        public let translation: ZYX<Double>

        public init(path: String, scale: ZYX<Double>, translation: ZYX<Double>) {
            self.path = path
            self.scale = scale
            self.translation = translation
        }
    }

    /// The levels as stored, finest first by the specification; there is at least one.
    public let levels: [Level]
    /// The names of the axes, in the order of the arrays: always z, y, x.
    public let axes: [String]
    /// The unit of all lengths here: always `nanometer`.
    public let unit: String
    /// The units that the metadata name, before lengths were converted; `nanometer` where they name none.
    public let declaredUnits: ZYX<String>
    /// Assumptions and oddities, one line each.
    public let warnings: [String]

    /// More levels than that are refused: each costs requests.
    public static let maximumLevelCount = 64

    public init(levels: [Level], declaredUnits: ZYX<String> = ZYX(repeating: "nanometer"), warnings: [String] = []) {
        self.levels = levels
        axes = ["z", "y", "x"]
        unit = "nanometer"
        self.declaredUnits = declaredUnits
        self.warnings = warnings
    }

    /// Reads the attributes of a group by OME-NGFF 0.5 (https://ngff.openmicroscopy.org/0.5/#multiscale-md), where they
    /// are below the member `ome`, or by 0.4, where they are not. Both are found in any container.
    ///
    /// The first of several multiscales is taken. A null member counts as a missing one.
    ///
    /// - Parameters:
    ///   - attributes: a `.zattrs` file, or the `attributes` of a `zarr.json` (``ZarrV3Node/attributes``).
    ///   - path: the key of the attributes, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where there are no multiscales, `.badMetadata`, `.unsupported` and
    ///   `.tooLarge` with the member's name, what was expected and what was found.
    public init(attributes: JSONValue, path: String) throws(VolumeError) {
        var reader = NGFFReader(errors: MetadataErrors(path: path))
        self = try reader.multiscale(attributes)
    }

    /// Reads a `.zattrs` file, as ``init(attributes:path:)`` does.
    public init(zattrs: JSONValue, path: String) throws(VolumeError) {
        try self.init(attributes: zattrs, path: path)
    }
}
