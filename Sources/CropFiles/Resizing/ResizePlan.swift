public import Arrays
internal import Elements
public import Geometry
public import HDF5
public import Planning
internal import Threads

/// How the datasets of one file are brought to the target voxel size: on which grid each of them comes to lie, and what is written.
public struct ResizePlan: Sendable {
    public struct Settings: Sendable {
        let limit: UpsamplingLimit
        /// Bytes of decoded source chunks to remember.
        let cacheBytes: Int
        /// Bytes that windows, chunks and encoded chunks under way may take.
        let workBytes: Int
        /// Bytes of source chunks that one window may hold at a time.
        let heldBytes: Int

        public init(_ limit: UpsamplingLimit, cacheBytes: Int, workBytes: Int, heldBytes: Int = .max) {
            (self.limit, self.cacheBytes, self.workBytes) = (limit, cacheBytes, workBytes)
            self.heldBytes = heldBytes
        }
    }

    /// A dataset of the new file.
    public struct Dataset: Sendable {
        private let source: VoxelFile.Dataset
        private let target: Grid
        private let settings: Settings
        public let layout: DatasetLayout
        public let attributes: [(String, AttributeValue)]
        public let chunkShape: ZYX<Int>

        public var shape: ZYX<Int> { target.shape }
        /// The indices of its chunks.
        public var chunks: Box {
            let voxels = Box(shape: shape)
            return voxels.isEmpty ? Box(shape: ZYX(repeating: 0)) : voxels.blocks(of: chunkShape)
        }

        fileprivate init(
            _ source: VoxelFile.Dataset, path: String, on target: Grid, _ settings: Settings, _ encoding: Encoding
        ) throws {
            (self.source, self.target, self.settings) = (source, target, settings)
            let type = source.chunks.elementType
            layout = encoding.layout(
                path, type, shape: target.shape.array, fillValue: Array(repeating: 0, count: type.byteCount))
            chunkShape = ZYX(layout.chunkShape) ?? target.shape
            // The grid, then what the source says beside its grid, and what it was.
            let own = FileAttributes.grid(target)
            let left = ResizePlan.outdated.union(own.map(\.0))
            let kept = source.attributes.filter { !left.contains($0.key) && $0.value.isStorable(as: $0.key) }
                .sorted { $0.key < $1.key }
            attributes =
                own + kept.map { ($0.key, $0.value) } + [
                    ("resized_from_shape", .integers(source.grid.shape.array.map(Int64.init))),
                    ("resized_from_scale", .doubles(source.grid.voxelSize.array)),
                ] + (try Self.resampler(source, target, settings).coveredAttributes)
        }

        /// Remembers source chunks, so that there should be only one at a time.
        public func resampler() throws -> Resampler { try Self.resampler(source, target, settings) }

        private static func resampler(
            _ source: VoxelFile.Dataset, _ target: Grid, _ settings: Settings
        ) throws -> Resampler {
            try Resampler(
                source: CachedChunks(source.chunks, limit: settings.cacheBytes), grid: source.grid,
                covered: source.covered, target: target, isLabel: source.isLabel,
                unknown: source.isLabel ? source.dialect.annotation.unknown : nil,
                windowBytes: max(settings.workBytes / (2 * ThreadPool.compute.width), 1 << 16),
                heldBytes: settings.heldBytes)
        }
    }

    /// Attributes that tell where the voxels of the source lay, or what it was made from by resizing: no longer true.
    private static let outdated: Set<String> = [
        "covered_start", "covered_stop", "resized_from_shape", "resized_from_scale", "resized_to_shape", "resize_ratio",
        "translate", "pixelResolution", "downsamplingFactors", "voxelSize", "spacing", "origin", "units",
    ]

    public let datasets: [Dataset]
    /// Of the file.
    public let attributes: [(String, AttributeValue)]
    /// The grid that the attributes of the file tell.
    let grid: Grid
    private let settings: Settings

    /// - Parameter encoding: how a dataset of the target shape is written.
    /// - Throws: ``ResizeError`` where there is nothing, or too much upsampling.
    public init(
        _ file: VoxelFile, _ settings: Settings, encoding: (VoxelFile.Dataset, ZYX<Int>) throws -> Encoding
    ) throws {
        guard let first = file.datasets.first else { throw ResizeError("there is nothing to resize") }
        let limit = settings.limit
        let targets = try file.datasets.map { dataset in
            let common = limit.targetGrid(covering: try file.frame(of: dataset))
            let excess = limit.excess(
                of: dataset.path, voxelSize: dataset.grid.voxelSize, output: common.voxelSize)
            if let excess { throw ResizeError(excess.message) }
            return file.layout == .volume && Self.isCrop(dataset.path)
                ? try Self.part(of: common, dataset.grid) : common
        }
        datasets = try zip(file.datasets, targets).map { dataset, target in
            try Dataset(
                dataset, path: file.layout == .volume ? dataset.image : dataset.path, on: target, settings,
                try encoding(dataset, target.shape))
        }
        grid = limit.targetGrid(covering: file.layout == .volume ? [file.ownFrame] : try file.frame(of: first))
        var attributes = file.attributes.filter { $0.value.isStorable(as: $0.key) }
        attributes[GridAttributes.relativeMark] = file.hasTranslation ? nil : .integer(1)
        for (name, value) in FileAttributes.grid(grid)
        where attributes[name] != nil || ["scale", "translation"].contains(name) {
            attributes[name] = value
        }
        self.attributes = attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        self.settings = settings
    }

    /// Whether a dataset of a volume is a ground-truth crop, and not of the whole volume.
    public static func isCrop(_ path: String) -> Bool { path.pathComponents().dropLast().hasName("groundtruth") }

    /// The part of a volume's grid that a crop touches.
    public static func part(of common: Grid, _ crop: Grid) throws -> Grid {
        common.cropped(to: try Placement(of: crop, in: common).box)
    }

    /// Writes the datasets of a crop file, and the attributes of the file.
    ///
    /// - Parameter kept: takes the chunks of the new file in.
    public func write(to writer: HDF5Writer, stop: StopSignal, kept: ChunkHandover? = nil) async throws {
        for dataset in datasets {
            let resampler = try dataset.resampler()
            let chunkWriter = ChunkWriter(
                writer: writer, layout: dataset.layout, stop: stop, workBytes: settings.workBytes, kept: kept)
            let chunkVoxels = max(1, dataset.chunkShape.product)
            let workBytes = resampler.workBytes(forChunk: dataset.chunkShape, within: dataset.shape)
            try await chunkWriter.write(bytesPerVoxel: (workBytes + chunkVoxels - 1) / chunkVoxels) { box in
                try await resampler.voxels(box)
            }
            try await writer.setAttributes(dataset.attributes, on: dataset.layout.path)
        }
        try await writer.setAttributes(attributes, on: "/")
        try await writer.linkAliases(of: datasets.map(\.layout.path))
    }
}

extension VoxelFile {
    /// The grids that the output grid of a dataset covers: those of all labels, or of the first dataset where there are none; in a volume
    /// that of the raw image of its alignment, because each alignment has a frame of its own.
    fileprivate func frame(of dataset: Dataset) throws -> [Grid] {
        if layout == .crop {
            return labels.isEmpty ? datasets.prefix(1).map(\.grid) : labels.map(\.grid)
        }
        guard let raw = datasets.first(where: { !$0.isLabel && $0.alignment == dataset.alignment }) else {
            throw ResizeError("\(dataset.path) has no raw image in its alignment")
        }
        return [raw.grid]
    }

    /// Where the file itself says that it lies. The shape says nothing.
    fileprivate var ownFrame: Grid {
        Grid(
            shape: ZYX(repeating: 1), voxelSize: place.voxelSize ?? ZYX(repeating: 1),
            translation: place.translation ?? ZYX(repeating: 0))
    }
}

extension VoxelFile.Dataset {
    /// The alignment of a volume that the dataset belongs to.
    fileprivate var alignment: String { attributes["alignment"]?.string ?? "" }

    /// The path without the level.
    fileprivate var image: String {
        guard let level = attributes["level"]?.string, path.hasByteSuffix("/" + level) else { return path }
        return path.bytePrefix(path.utf8.count - level.utf8.count - 1)
    }
}

extension AttributeValue {
    /// An attribute lies in an object's header, which takes less than 64 KiB of each.
    fileprivate func isStorable(as name: String) -> Bool {
        let bytes =
            switch self {
            case .doubles(let numbers): numbers.count * 8
            case .integers(let numbers): numbers.count * 8
            case .floats(let numbers): numbers.count * 4
            case .strings(let texts): texts.count * 16
            default: 16
            }
        return !name.isEmpty && bytes + name.utf8.count < 60_000
    }
}

/// A file that cannot be brought to the target, in one line.
public struct ResizeError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
