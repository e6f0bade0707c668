internal import Arrays
internal import Elements
internal import Geometry
internal import HDF5

/// A crop file, ours or somebody else's: raw data and labels, and where their voxels lie.
///
/// Two layouts are known: `raw_crop` with `label_crop/<name>` (ours, torch_em's), and `raw` with `labels/<name>`. Our own files have the
/// names of both for the same datasets, each of which counts once.
public struct CropFile: Sendable {
    struct Dataset: Sendable {
        let path: String
        /// The class of a label; the path without its slash of raw data.
        let name: String
        let isLabel: Bool
        let info: DatasetInfo
        let chunks: HDF5Chunks
        let attributes: [String: AttributeValue]
        /// In nm. Where no translation is known, the centre of voxel 0 is 0.
        let grid: Grid
        /// The voxels that are real.
        let covered: Box
        /// Whether the translation is that of the dataset or the file.
        let hasTranslation: Bool
        /// Whether the dataset's own attributes say where it lies.
        let hasOwnTranslation: Bool
        /// What its values mean, of a label.
        var dialect: LabelDialect { LabelDialect(attributes, info.elementType) }
    }

    let attributes: [String: AttributeValue]
    /// Raw data first, then labels by name.
    let datasets: [Dataset]
    /// One line each: what was taken for granted, and what is left out.
    private(set) var notes: [String] = []

    var raw: Dataset? { datasets.first { !$0.isLabel } }
    var labels: [Dataset] { datasets.filter(\.isLabel) }
    var hasTranslation: Bool { datasets.allSatisfy(\.hasTranslation) }

    /// What the dataset's filters may be, by number: those of the library, and ours where they are the only one.
    private static let libraryFilters: Set<Int> = [1, 2, 3, 5, 6]
    private static let foreignFilters: Set<Int> = [32015, 32001]
    private static let longestAxis = 1 << 40

    /// Reads what the file says about itself.
    ///
    /// - Parameters:
    ///   - voxelSize: nm, for datasets about which nothing is said.
    ///   - chunkLimit: bytes of the largest chunk that is read.
    /// - Throws: ``CropFileError``, `HDF5Error`.
    init(_ reader: HDF5Reader, voxelSize: ZYX<Double>?, chunkLimit: Int) async throws {
        let attributes = try await reader.attributes(of: "/")
        let place = try GridAttributes(attributes, of: "the file")
        let (paths, left) = try await Self.paths(in: reader)
        var datasets: [Dataset] = []
        for (path, isLabel) in paths {
            guard let info = try await reader.dataset(path) else { continue }
            let own = try await reader.attributes(of: path)
            try Self.check(info, path, isLabel: isLabel, chunkLimit: chunkLimit)
            guard let chunks = HDF5Chunks(info, in: reader) else {
                throw CropFileError("\(path) has shape \(info.shape): expected three axes, z, y, x")
            }
            var ownPlace = try GridAttributes(own, of: path)
            if attributes[GridAttributes.relativeMark] != nil { ownPlace.translation = nil }
            guard let size = ownPlace.voxelSize ?? place.voxelSize ?? voxelSize else {
                throw CropFileError(
                    "\(path): no voxel size: neither it nor the file has an attribute scale, voxel_size, resolution or "
                        + "element_size_um; --voxel-size z,y,x gives it")
            }
            let translation = ownPlace.translation ?? place.translation
            datasets.append(
                Dataset(
                    path: path, name: String(path.split(separator: "/").last ?? ""), isLabel: isLabel, info: info,
                    chunks: chunks, attributes: own,
                    grid: Grid(
                        shape: chunks.shape, voxelSize: size, translation: translation ?? ZYX(repeating: 0)),
                    covered: try Self.covered(own, chunks.shape, path),
                    hasTranslation: translation != nil, hasOwnTranslation: ownPlace.translation != nil))
        }
        guard !datasets.isEmpty else {
            throw CropFileError("neither raw_crop with label_crop/… nor raw with labels/… is in it")
        }
        self.attributes = attributes
        self.datasets = datasets
        if !left.isEmpty { notes.append("left out: \(left.joined(separator: ", "))") }
        addNotes()
    }

    /// The datasets of a known layout, and what else is in the file.
    private static func paths(
        in reader: HDF5Reader
    ) async throws -> (found: [(path: String, isLabel: Bool)], left: [String]) {
        let children = try await reader.children(of: "/")
        var found: [(path: String, isLabel: Bool)] = []
        var left: [String] = []
        if let raw = ["raw_crop", "raw"].first(where: { children.contains(Child(name: $0, isGroup: false)) }) {
            found.append(("/\(raw)", false))
        }
        let group = ["label_crop", "labels"].first { children.contains(Child(name: $0, isGroup: true)) }
        if let group {
            for child in try await reader.children(of: "/\(group)") {
                let path = "/\(group)/\(child.name)"
                if child.isGroup { left.append(path) } else { found.append((path, true)) }
            }
        }
        var known: Set<UInt64> = []
        for (path, _) in found {
            if let identity = try await reader.identity(of: path) { known.insert(identity) }
        }
        for child in children where child.name != group && !found.contains(where: { $0.path == "/\(child.name)" }) {
            left += try await others("/\(child.name)", isGroup: child.isGroup, than: known, in: reader)
        }
        return (found, left)
    }

    /// What of a dataset, or of the datasets in a group, is not among the known ones under another name.
    private static func others(
        _ path: String, isGroup: Bool, than known: Set<UInt64>, in reader: HDF5Reader
    ) async throws -> [String] {
        func isKnown(_ path: String) async throws -> Bool {
            try await reader.identity(of: path).map { known.contains($0) } ?? false
        }
        guard isGroup else { return try await isKnown(path) ? [] : [path] }
        var others: [String] = []
        var isAnyKnown = false
        for child in try await reader.children(of: path) {
            let place = "\(path)/\(child.name)"
            if !child.isGroup, try await isKnown(place) { isAnyKnown = true } else { others.append(place) }
        }
        return isAnyKnown ? others : [path]
    }

    private static func check(
        _ info: DatasetInfo, _ path: String, isLabel: Bool, chunkLimit: Int
    ) throws(CropFileError) {
        guard info.shape.count == 3, info.shape.allSatisfy({ $0 <= longestAxis }) else {
            throw CropFileError("\(path) has shape \(info.shape): expected three axes, z, y, x")
        }
        guard !isLabel || info.elementType.isInteger else {
            throw CropFileError("\(path) is \(info.elementType.rawValue): expected labels to be integers")
        }
        let ids = info.filters.map(\.id)
        if let unknown = ids.first(where: { !libraryFilters.contains($0) && !foreignFilters.contains($0) }) {
            let name = unknown == 32000 ? "filter 32000 (lzf)" : "filter \(unknown)"
            throw CropFileError(
                "\(path) is compressed with \(name), which is not read; `h5repack -f GZIP=1` makes it gzip")
        }
        guard ids.count <= 1 || foreignFilters.isDisjoint(with: ids) else {
            throw CropFileError("\(path) is compressed with filters \(ids): Blosc and zstd are read only alone")
        }
        if let chunkShape = info.chunkShape {
            // The reader has refused chunks whose size does not fit.
            let bytes = chunkShape.reduce(info.elementType.byteCount, *)
            guard bytes <= chunkLimit else {
                throw CropFileError(
                    "\(path) has chunks of \(bytes) bytes, more than \(chunkLimit): --memory is too little")
            }
        }
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

    private mutating func addNotes() {
        if !hasTranslation { notes.append("no translation: the centre of the first voxel counts as 0") }
        let adrift = datasets.filter { !$0.hasOwnTranslation }
        if let first = adrift.first, let other = adrift.first(where: { $0.grid.shape != first.grid.shape }) {
            notes.append(
                "\(first.path) has shape \(first.grid.shape) and \(other.path) \(other.grid.shape), and neither says where "
                    + "it lies: they are lined up at their first voxel")
        }
    }

    /// A note where labels begin with padding, so that the file's translation is that of the crop inside, which may be anywhere.
    func paddingNote() async throws -> String? {
        for label in labels where !label.hasOwnTranslation && label.hasTranslation {
            guard let padding = label.dialect.padding, label.grid.shape.allSatisfy({ $0 > 0 }) else { continue }
            let corner = try await label.chunks.window(Box(shape: ZYX(repeating: 1)))
            let value: [UInt8] = corner.bytes.array
            // -1 is all ones in every signed type.
            guard padding == -1, value.allSatisfy({ $0 == 0xFF }) else { continue }
            return
                "\(label.path) is padded with -1: the file's translation, which is that of the crop without padding, is taken "
                + "for that of the first voxel"
        }
        return nil
    }
}
