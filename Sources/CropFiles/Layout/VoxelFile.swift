public import Arrays
internal import Elements
internal import Geometry
public import HDF5
public import Planning

/// What is in an HDF5 file with raw data and labels, and where their voxels lie. The file is the job's own, or of any origin.
public struct VoxelFile: Sendable {
    /// How the datasets are found and named. The README of this target has both layouts.
    public enum Layout: Sendable {
        /// `raw_crop` with `label_crop/<class>`, or `raw` with `labels/<class>`. Our own files have both; each dataset counts once.
        case crop
        /// Datasets of any path. Those with the attribute `annotation_type` are labels.
        case volume
    }

    /// What a file has to keep to that may be of any origin.
    struct Limits: Sendable {
        /// nm, for datasets about which nothing is said.
        let voxelSize: ZYX<Double>?
        /// Bytes of the largest chunk that is read.
        let chunkBytes: Int
    }

    public struct Dataset: Sendable {
        public let path: String
        /// The class of a label in a crop file; in a volume's file the path without its first slash.
        let name: String
        public let isLabel: Bool
        public let chunks: HDF5Chunks
        let info: DatasetInfo
        let attributes: [String: AttributeValue]
        /// In nm. Without a known translation, the centre of voxel 0 is 0.
        let grid: Grid
        /// The voxels that are real.
        let covered: Box
        /// Whether the dataset or the file gives the translation.
        let hasTranslation: Bool
        /// Whether the dataset itself gives it.
        let hasOwnTranslation: Bool
        /// What its values mean, of a label.
        var dialect: LabelDialect { LabelDialect(attributes, info.elementType) }
    }

    let layout: Layout
    /// Whether the job made the file.
    let isOurs: Bool
    let attributes: [String: AttributeValue]
    /// Of a crop file raw data first, then labels by name; of a volume's file by path.
    let datasets: [Dataset]
    /// Where the file itself says that its voxels lie.
    let place: GridAttributes
    /// One line each: what was taken for granted, and what is left out.
    private(set) var notes: [String] = []

    var labels: [Dataset] { datasets.filter(\.isLabel) }
    /// The dataset by which people place the file.
    var reference: Dataset? { datasets.first(where: \.isLabel) ?? datasets.first }
    var hasTranslation: Bool { datasets.allSatisfy(\.hasTranslation) }

    /// Reads a file of the job.
    ///
    /// - Parameter kept: chunks of this very file that are still in memory.
    /// - Throws: ``CropFileError``, `HDF5Error`.
    public init(_ reader: HDF5Reader, _ layout: Layout, kept: ChunkHandover? = nil) async throws {
        try await self.init(reader, layout, kept, nil)
    }

    /// Reads a crop file of any origin.
    ///
    /// - Throws: ``CropFileError``, `HDF5Error`.
    init(_ reader: HDF5Reader, within limits: Limits) async throws {
        try await self.init(reader, .crop, nil, limits)
        guard !datasets.isEmpty else {
            throw CropFileError("neither raw_crop with label_crop/… nor raw with labels/… is in it")
        }
        let left = try await leftOut(in: reader)
        if !left.isEmpty { notes.append("left out: \(left.joined(separator: ", "))") }
        try await addPlacementNotes()
    }

    private init(_ reader: HDF5Reader, _ layout: Layout, _ kept: ChunkHandover?, _ limits: Limits?) async throws {
        (self.layout, isOurs) = (layout, limits == nil)
        attributes = try await reader.attributes(of: "/")
        place = try GridAttributes(attributes, of: "the file")
        var datasets: [Dataset] = []
        for path in try await layout == .crop ? Self.cropPaths(in: reader) : Self.allPaths(in: reader) {
            guard let info = try await reader.dataset(path) else { continue }
            let own = try await reader.attributes(of: path)
            let isLabel = layout == .crop ? path.pathComponents().count > 1 : own["annotation_type"] != nil
            try limits?.check(info, path, isLabel: isLabel)
            guard let chunks = HDF5Chunks(info, in: reader, kept: kept?.dataset(path)) else {
                throw CropFileError("\(path) has shape \(info.shape): expected three axes, z, y, x")
            }
            var ownPlace = try GridAttributes(own, of: path)
            if attributes[GridAttributes.relativeMark] != nil { ownPlace.translation = nil }
            guard let size = ownPlace.voxelSize ?? place.voxelSize ?? limits?.voxelSize else {
                throw CropFileError(
                    "\(path): no voxel size: neither it nor the file has an attribute scale, voxel_size, resolution or "
                        + "element_size_um\(limits == nil ? "" : "; --voxel-size z,y,x gives it")")
            }
            let translation = ownPlace.translation ?? place.translation
            guard translation != nil || limits != nil else {
                throw CropFileError("\(path): the attribute translation is missing")
            }
            datasets.append(
                Dataset(
                    path: path,
                    name: layout == .crop ? path.pathComponents().last ?? "" : String(path.dropFirst()),
                    isLabel: isLabel, chunks: chunks, info: info, attributes: own,
                    grid: Grid(shape: chunks.shape, voxelSize: size, translation: translation ?? ZYX(repeating: 0)),
                    covered: try Self.covered(own, chunks.shape, path), hasTranslation: translation != nil,
                    hasOwnTranslation: ownPlace.translation != nil))
        }
        self.datasets = datasets
    }

    private static func covered(
        _ attributes: [String: AttributeValue], _ shape: ZYX<Int>, _ path: String
    ) throws(CropFileError) -> Box {
        do throws(CoveredBoxError) {
            return try CoveredBox.read(attributes, shape: shape, of: path)
        } catch {
            throw CropFileError(error.description)
        }
    }

    // MARK: Finding the datasets

    private static func labelGroup(_ children: [Child]) -> String? {
        [CropPaths.labels, "labels"].first { children.contains(Child(name: $0, isGroup: true)) }
    }

    private static func cropPaths(in reader: HDF5Reader) async throws -> [String] {
        let children = try await reader.children(of: "/")
        var paths = [CropPaths.raw, "/raw"].filter {
            children.contains(Child(name: String($0.dropFirst()), isGroup: false))
        }
        paths = Array(paths.prefix(1))
        if let group = labelGroup(children) {
            paths += try await reader.children(of: "/\(group)").filter { !$0.isGroup }.map { "/\(group)/\($0.name)" }
        }
        return paths
    }

    private static func allPaths(in reader: HDF5Reader) async throws -> [String] {
        var paths: [String] = []
        var open = ["/"]
        while let group = open.popLast() {
            for child in try await reader.children(of: group) where !child.leadsBack {
                let path = group == "/" ? "/\(child.name)" : "\(group)/\(child.name)"
                if child.isGroup { open.append(path) } else { paths.append(path) }
            }
        }
        return paths.sorted { ByteName($0) < ByteName($1) }
    }

    /// What else is in a crop file. A second name of one of the datasets is not told.
    private func leftOut(in reader: HDF5Reader) async throws -> [String] {
        var known: Set<UInt64> = []
        for dataset in datasets {
            if let identity = try await reader.identity(of: dataset.path) { known.insert(identity) }
        }
        func isKnown(_ path: String) async throws -> Bool {
            try await reader.identity(of: path).map { known.contains($0) } ?? false
        }
        let children = try await reader.children(of: "/")
        let labelGroup = Self.labelGroup(children)
        var left: [String] = []
        for child in children where !datasets.contains(where: { $0.path == "/\(child.name)" }) {
            let path = "/\(child.name)"
            guard child.isGroup else {
                if try await !isKnown(path) { left.append(path) }
                continue
            }
            var others: [String] = []
            var isAnyKnown = child.name == labelGroup
            for inner in try await reader.children(of: path) {
                let place = "\(path)/\(inner.name)"
                if !inner.isGroup, try await isKnown(place) { isAnyKnown = true } else { others.append(place) }
            }
            // The label group comes first.
            left.insert(contentsOf: isAnyKnown ? others : [path], at: child.name == labelGroup ? 0 : left.endIndex)
        }
        return left
    }

    // MARK: Notes

    private mutating func addPlacementNotes() async throws {
        if !hasTranslation { notes.append("no translation: the centre of the first voxel counts as 0") }
        let adrift = datasets.filter { !$0.hasOwnTranslation }
        if let first = adrift.first, let other = adrift.first(where: { $0.grid.shape != first.grid.shape }) {
            notes.append(
                "\(first.path) has shape \(first.grid.shape) and \(other.path) \(other.grid.shape), and neither says where "
                    + "it lies: they are lined up at their first voxel")
        }
        // Where labels begin with padding, the file's translation is that of the crop inside, which may be anywhere.
        for label in labels where !label.hasOwnTranslation && label.hasTranslation {
            guard let padding = label.dialect.padding, label.grid.shape.allSatisfy({ $0 > 0 }) else { continue }
            let corner = try await label.chunks.window(Box(shape: ZYX(repeating: 1)))
            let value: [UInt8] = corner.bytes.array
            // -1 is all ones in every signed type.
            guard padding == -1, value.allSatisfy({ $0 == 0xFF }) else { continue }
            notes.append(
                "\(label.path) is padded with -1: the file's translation, which is that of the crop without padding, is taken "
                    + "for that of the first voxel")
            return
        }
    }
}

extension VoxelFile.Limits {
    /// Filters of the HDF5 library.
    private static let libraryFilters: Set<Int> = [1, 2, 3, 5, 6]
    /// Filters that we decode ourselves, where they are the only one.
    private static let ownFilters: Set<Int> = [32015, 32001]
    private static let longestAxis = 1 << 40

    fileprivate func check(_ info: DatasetInfo, _ path: String, isLabel: Bool) throws(CropFileError) {
        guard info.shape.count == 3, info.shape.allSatisfy({ $0 <= Self.longestAxis }) else {
            throw CropFileError("\(path) has shape \(info.shape): expected three axes, z, y, x")
        }
        guard !isLabel || info.elementType.isInteger else {
            throw CropFileError("\(path) is \(info.elementType.rawValue): expected labels to be integers")
        }
        let ids = info.filters.map(\.id)
        if let unknown = ids.first(where: { !Self.libraryFilters.contains($0) && !Self.ownFilters.contains($0) }) {
            let name = unknown == 32000 ? "filter 32000 (lzf)" : "filter \(unknown)"
            throw CropFileError(
                "\(path) is compressed with \(name), which is not read; `h5repack -f GZIP=1` makes it gzip")
        }
        guard ids.count <= 1 || Self.ownFilters.isDisjoint(with: ids) else {
            throw CropFileError("\(path) is compressed with filters \(ids): Blosc and zstd are read only alone")
        }
        if let chunkShape = info.chunkShape {
            // The reader has refused chunks whose size does not fit.
            let bytes = chunkShape.reduce(info.elementType.byteCount, *)
            guard bytes <= chunkBytes else {
                throw CropFileError(
                    "\(path) has chunks of \(bytes) bytes, more than \(chunkBytes): --memory is too little")
            }
        }
    }
}

/// What the values of a label mean.
struct LabelDialect: Sendable, Equatable {
    var annotation: AnnotationPlan
    /// The value of voxels that were added around the crop; nil without padding.
    var padding: Int?

    /// The dataset's own attributes count. Where they say nothing, signed integers are torch_em's: -1 is padding, and in its
    /// int16 255 is unknown. No object has either id there.
    init(_ attributes: [String: AttributeValue], _ type: ElementType) {
        annotation = FileAttributes.annotation(from: attributes)
        guard attributes["annotation_type"] == nil, type.isInteger, !type.isUnsigned else { return }
        padding = -1
        if type == .int16, annotation.unknown == nil { annotation.unknown = 255 }
    }
}

/// Why a crop file cannot be used, in one line.
struct CropFileError: Error, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension ItemPlan {
    /// The layout of the item's files.
    public var layout: VoxelFile.Layout { kind == .volume ? .volume : .crop }
}
