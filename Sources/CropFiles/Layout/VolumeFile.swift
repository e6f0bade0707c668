public import Arrays
internal import Elements
public import Geometry
public import HDF5

/// The datasets of a volume's HDF5 file, wherever they lie.
public struct VolumeFile: Sendable {
    public struct Entry: Sendable {
        /// Such as `/recon-1/em/fibsem-uint8/s1`.
        public let path: String
        public let chunks: HDF5Chunks
        public let grid: Grid
        /// The voxels that are real.
        public let covered: Box
        public let attributes: [String: AttributeValue]

        public init(path: String, chunks: HDF5Chunks, grid: Grid, covered: Box, attributes: [String: AttributeValue]) {
            (self.path, self.chunks, self.grid, self.covered, self.attributes) = (
                path, chunks, grid, covered, attributes
            )
        }

        public var isLabel: Bool { attributes["annotation_type"] != nil }
        /// The alignment that the dataset belongs to.
        public var alignment: String { attributes["alignment"]?.string ?? "" }
        /// The path without the level.
        public var image: String {
            guard let level = attributes["level"]?.string, path.hasByteSuffix("/" + level) else { return path }
            return path.bytePrefix(path.utf8.count - level.utf8.count - 1)
        }
    }

    /// In the order of their paths.
    public let entries: [Entry]

    public init(_ reader: HDF5Reader) async throws {
        var entries: [Entry] = []
        var open = ["/"]
        while let group = open.popLast() {
            for child in try await reader.children(of: group) {
                let path = group == "/" ? "/\(child.name)" : "\(group)/\(child.name)"
                if child.leadsBack { continue }
                if child.isGroup {
                    open.append(path)
                } else if let info = try await reader.dataset(path), let chunks = HDF5Chunks(info, in: reader) {
                    let attributes = try await reader.attributes(of: path)
                    guard let grid = CropAttributes.grid(from: attributes, shape: chunks.shape) else {
                        throw HDF5Error(
                            operation: "read the voxel size", path: reader.path, object: path,
                            message: "the attributes scale and translation are missing")
                    }
                    entries.append(
                        Entry(
                            path: path, chunks: chunks, grid: grid,
                            covered: try CoveredBox.read(attributes, shape: chunks.shape, of: path),
                            attributes: attributes))
                }
            }
        }
        self.entries = entries.sorted { ByteName($0.path) < ByteName($1.path) }
    }
}

/// Where the crops of a volume lie.
extension VolumeFile {
    /// Whether a dataset is a ground-truth crop, and not of the whole volume.
    public static func isCrop(_ path: String) -> Bool { path.pathComponents().dropLast().hasName("groundtruth") }

    /// The part of a grid that a crop touches.
    public static func part(of common: Grid, _ crop: Grid) throws -> Grid {
        common.cropped(to: try Placement(of: crop, in: common).box)
    }
}
