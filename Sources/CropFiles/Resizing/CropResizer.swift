public import Arrays
internal import Elements
public import Geometry
public import HDF5
public import Manifest
public import Planning
internal import Resampling
internal import Threads
public import Volumes

/// Brings the datasets of one crop file to the target voxel size, raw data and labels on one common grid.
public struct CropResizer: Sendable {
    public struct Options: Sendable {
        /// nm per voxel.
        public var target: ZYX<Double>
        public var gridRule: Manifest.Resize.GridRule
        /// Of the power-of-two rule: how far below the target, as a fraction of it, a voxel may stay.
        public var tolerance: Double
        /// The largest ratio of source to target voxel on an axis.
        public var maxUpsampling: Double
        /// Who reads what is said of it.
        var wording = UpsamplingLimit.Wording.manifest
        /// Bytes of decoded source chunks to remember.
        public var cacheBytes: Int
        /// Bytes that windows, chunks and encoded chunks under way may take.
        public var workBytes: Int
        /// Bytes of source chunks that one window may hold at a time.
        var heldBytes = Int.max
        /// Takes the chunks of the new file in.
        public var kept: ChunkHandover?

        public init(
            target: ZYX<Double>, gridRule: Manifest.Resize.GridRule, tolerance: Double, maxUpsampling: Double,
            wording: UpsamplingLimit.Wording = .manifest, cacheBytes: Int, workBytes: Int, heldBytes: Int = .max,
            kept: ChunkHandover? = nil
        ) {
            (
                self.target, self.gridRule, self.tolerance, self.maxUpsampling, self.wording, self.cacheBytes,
                self.workBytes, self.heldBytes, self.kept
            ) = (target, gridRule, tolerance, maxUpsampling, wording, cacheBytes, workBytes, heldBytes, kept)
        }
    }

    /// A dataset of the source file: where it is, what is in it, and where its voxels lie.
    public struct Input: Sendable {
        public let path: String
        public let isLabel: Bool
        public let chunks: HDF5Chunks
        public let grid: Grid
        /// The voxels that are real.
        public let covered: Box
        /// Of a label: the value of voxels that nobody has annotated, where it is declared.
        public let unknown: LabelValue?
        public let attributes: [String: AttributeValue]

        public init(
            path: String, isLabel: Bool, chunks: HDF5Chunks, grid: Grid, covered: Box, unknown: LabelValue?,
            attributes: [String: AttributeValue]
        ) {
            (self.path, self.isLabel, self.chunks, self.grid, self.covered, self.unknown, self.attributes) = (
                path, isLabel, chunks, grid, covered, unknown, attributes
            )
        }
    }

    /// Attributes that tell where the voxels of the source lay, or what it was made from by resizing: no longer true.
    private static let outdated: Set<String> = [
        "covered_start", "covered_stop", "resized_from_shape", "resized_from_scale", "resized_to_shape", "resize_ratio",
        "translate", "pixelResolution", "downsamplingFactors", "voxelSize", "spacing", "origin", "units",
    ]

    public let options: Options
    public let stop: StopSignal

    public init(options: Options, stop: StopSignal) {
        (self.options, self.stop) = (options, stop)
    }

    /// Writes all inputs on the target grid, and the attributes of the file.
    ///
    /// - Parameters:
    ///   - fileAttributes: of the source file; those that tell where it lies are brought up to date.
    ///   - encoding: how a dataset of the target shape is written.
    /// - Returns: the target grid.
    /// - Throws: ``ResizeError`` where there is nothing, or too much upsampling.
    @discardableResult
    public func resize(
        _ inputs: [Input], fileAttributes: [String: AttributeValue], into writer: HDF5Writer,
        encoding: (Input, ZYX<Int>) throws -> Encoding
    ) async throws -> Grid {
        let target = try targetGrid(inputs)
        for input in inputs { try await write(input, target, try encoding(input, target.shape), writer) }
        var attributes = fileAttributes
        for (name, value) in CropAttributes.grid(target)
        where attributes[name] != nil || ["scale", "translation"].contains(name) {
            attributes[name] = value
        }
        try await writer.setAttributes(
            attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, on: "/")
        try await writer.linkAliases(of: inputs.map(\.path))
        return target
    }

    /// The output grid: from the first edge of the labels (of the raw data where there are none), as long as they are.
    private func targetGrid(_ inputs: [Input]) throws -> Grid {
        let labels = inputs.filter(\.isLabel).map(\.grid)
        guard let first = inputs.first?.grid else { throw ResizeError("there is nothing to resize") }
        let target = Self.targetGrid(
            covering: labels.isEmpty ? [first] : labels, options.gridRule, options.target, options.tolerance)
        let limit = UpsamplingLimit(
            target: options.target, gridRule: options.gridRule, tolerance: options.tolerance,
            largest: options.maxUpsampling, wording: options.wording)
        for input in inputs {
            let found = limit.excess(of: input.path, voxelSize: input.grid.voxelSize, output: target.voxelSize)
            if let found { throw ResizeError(found.message) }
        }
        return target
    }

    /// Labels of one crop share a grid; should they not, the output covers all of them.
    public static func targetGrid(
        covering grids: [Grid], _ rule: Manifest.Resize.GridRule, _ voxelSize: ZYX<Double>, _ tolerance: Double
    ) -> Grid {
        switch rule {
        case .exact: OutputGrid.exact(covering: grids, targetVoxelSize: voxelSize)
        case .powerOfTwo: OutputGrid.powerOfTwo(covering: grids, targetVoxelSize: voxelSize, tolerance: tolerance)
        }
    }

    private func write(_ input: Input, _ target: Grid, _ encoding: Encoding, _ writer: HDF5Writer) async throws {
        let type = input.chunks.elementType
        let resampler = try Resampler(
            source: CachedChunks(input.chunks, limit: options.cacheBytes), grid: input.grid, covered: input.covered,
            target: target, isLabel: input.isLabel, unknown: input.unknown,
            windowBytes: max(options.workBytes / (2 * ThreadPool.compute.width), 1 << 16),
            heldBytes: options.heldBytes)
        let chunkWriter = ChunkWriter(
            writer: writer,
            layout: encoding.layout(
                input.path, type, shape: target.shape.array, fillValue: Array(repeating: 0, count: type.byteCount)),
            stop: stop, workBytes: options.workBytes, kept: options.kept)
        let chunkVoxels = max(1, chunkWriter.chunkShape.product)
        let workBytes = resampler.workBytes(forChunk: chunkWriter.chunkShape, within: target.shape)
        try await chunkWriter.write(bytesPerVoxel: (workBytes + chunkVoxels - 1) / chunkVoxels) { box in
            try await resampler.voxels(box)
        }
        try await writer.setAttributes(
            attributes(of: input, target) + resampler.coveredAttributes, on: input.path)
    }

    /// The grid's attributes, then what the source says beside its grid, and what it was.
    private func attributes(of input: Input, _ target: Grid) -> [(String, AttributeValue)] {
        let own = CropAttributes.grid(target)
        let left = Self.outdated.union(own.map(\.0))
        let kept = input.attributes.filter { !left.contains($0.key) }.sorted { $0.key < $1.key }
        return own + kept.map { ($0.key, $0.value) } + [
            ("resized_from_shape", .integers(input.grid.shape.array.map(Int64.init))),
            ("resized_from_scale", .doubles(input.grid.voxelSize.array)),
        ]
    }
}

/// A file that cannot be brought to the target, in one line.
public struct ResizeError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
