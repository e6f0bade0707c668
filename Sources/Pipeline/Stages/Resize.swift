internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Ledger
internal import Resampling
internal import Stores
internal import Threads
internal import Volumes

/// The fifth stage: to the target voxel size, raw and labels on one common grid.
struct Resize: Sendable {
    let context: JobContext
    let plan: ItemPlan

    var path: String { "crops/\(plan.name).h5" }

    func fingerprint(convert: Record) -> Fingerprint {
        let manifest = context.manifest
        return Fingerprint(of: [
            "version": 1, "files": .array(convert.outputs.map { .string($0.digest.sha256) }),
            "target": .array(manifest.targetNm.array.map { .number($0) }),
            "raw": .string(manifest.resize.raw.rawValue), "labels": .string(manifest.resize.labels.rawValue),
            "grid": .string(manifest.resize.grid.rawValue), "tolerance": .number(manifest.tolerance),
            "max_upsampling": .number(manifest.resize.maxUpsampling),
            "compression": .string(manifest.convert.compression.rawValue),
        ])
    }

    func run(convert: Record) async throws -> Record {
        if plan.kind == .volume { return try await VolumeResize(context: context, plan: plan).run(convert: convert) }
        let native = Convert(context: context, plan: plan).path
        let output = try await InputFile.read(native, in: context.output) { reader in
            try await OutputFile.make(path, in: context.output, stop: context.stop) { writer in
                try await resize(reader, writer)
            }
        }
        let entry = try await InputFile.read(path, in: context.output) { reader in
            try await CropStatistics(stop: context.stop, workBytes: context.memory.work).entry(
                "\(plan.name).h5", in: reader)
        }
        let record = Record(
            item: plan.name, stage: "resize", fingerprint: fingerprint(convert: convert), outputs: [output],
            result: entry)
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    /// A dataset of the native file: where it is, what is in it, and where its voxels lie.
    private struct Input {
        let path: String
        let isLabel: Bool
        let chunks: HDF5Chunks
        let grid: Grid
        let attributes: [String: AttributeValue]
    }

    private func resize(_ reader: HDF5Reader, _ writer: HDF5Writer) async throws {
        let inputs = try await inputs(reader)
        let target = try targetGrid(inputs)
        for input in inputs { try await write(input, target, writer) }
        try await writer.setAttributes(try await fileAttributes(reader, target), on: "/")
    }

    private func inputs(_ reader: HDF5Reader) async throws -> [Input] {
        var inputs: [Input] = []
        let labels = try await reader.children(of: "/label_crop").filter { !$0.isGroup }.map {
            "/label_crop/\($0.name)"
        }
        for path in ["/raw_crop"] + labels {
            guard let info = try await reader.dataset(path), let chunks = HDF5Chunks(info, in: reader) else { continue }
            let attributes = try await reader.attributes(of: path)
            guard let grid = CropAttributes.grid(from: attributes, shape: chunks.shape) else {
                throw HDF5Error(
                    operation: "reading the voxel size", path: reader.path, object: path,
                    message: "the attributes scale and translation are missing")
            }
            inputs.append(
                Input(path: path, isLabel: path != "/raw_crop", chunks: chunks, grid: grid, attributes: attributes))
        }
        return inputs
    }

    /// The output grid: from the first edge of the labels (of the raw data where there are none), as long as they are.
    private func targetGrid(_ inputs: [Input]) throws -> Grid {
        let manifest = context.manifest
        let labels = inputs.filter(\.isLabel).map(\.grid)
        guard let first = labels.first ?? inputs.first?.grid else {
            throw ResizeError("there is nothing to resize")
        }
        // Labels of one crop share a grid; should they not, the output covers all of them.
        var covering = first
        for grid in labels.dropFirst() where grid != first {
            let edge = covering.edge.zip(grid.edge, min)
            let ends = [covering, grid].map { $0.edge.zip($0.extent, +) }
            let shape = ends[0].zip(ends[1], max).zip(edge, -).zip(first.voxelSize) { Int(($0 / $1).rounded()) }
            covering = Grid(shape: shape, voxelSize: first.voxelSize, edge: edge)
        }
        let target =
            switch manifest.resize.grid {
            case .exact: OutputGrid.exact(covering: covering, targetVoxelSize: manifest.targetNm)
            case .powerOfTwo:
                OutputGrid.powerOfTwo(
                    covering: covering, targetVoxelSize: manifest.targetNm, tolerance: manifest.tolerance)
            }
        for input in inputs {
            let factor = OutputGrid.upsampling(from: input.grid, to: target)
            for axis in 0..<3 where factor[axis] > manifest.resize.maxUpsampling * (1 + 1e-9) {
                throw ResizeError(
                    "\(input.path) has \(input.grid.voxelSize[axis]) nm voxels on axis \(Array("zyx")[axis]), \(factor[axis]) "
                        + "times the target of \(target.voxelSize[axis]) nm; resize.max_upsampling is "
                        + "\(manifest.resize.maxUpsampling)")
            }
        }
        return target
    }

    private func write(_ input: Input, _ target: Grid, _ writer: HDF5Writer) async throws {
        let type = input.chunks.elementType
        let fill =
            input.chunks.fillValue.allSatisfy { $0 == 0 }
            ? input.chunks.fillValue : Array(repeating: 0, count: type.byteCount)
        let encoding = Encoding(
            context.manifest.convert.compression, elementType: type, shape: target.shape, isLabel: input.isLabel,
            source: try sourceCodec(of: input.path))
        let resampler = try Resampler(
            source: CachedChunks(input.chunks, limit: context.memory.cache), grid: input.grid, target: target,
            isLabel: input.isLabel, windowBytes: max(context.memory.work / (2 * ThreadPool.compute.width), 1 << 16))
        let chunkWriter = ChunkWriter(
            writer: writer,
            layout: DatasetLayout(
                path: input.path, elementType: type, shape: target.shape.array,
                chunkShape: encoding.chunkShape.array, filter: encoding.filter, fillValue: fill),
            stop: context.stop, workBytes: context.memory.work)
        let chunkVoxels = max(1, encoding.chunkShape.product)
        let workBytes = resampler.workBytes(forChunk: encoding.chunkShape, within: target.shape)
        try await chunkWriter.write(bytesPerVoxel: (workBytes + chunkVoxels - 1) / chunkVoxels) { box in
            try await resampler.voxels(box)
        }
        try await writer.setAttributes(attributes(of: input, target), on: input.path)
    }

    /// The grid's attributes, then what the native dataset says beside its grid, and what it was.
    private func attributes(of input: Input, _ target: Grid) -> [(String, AttributeValue)] {
        let own = CropAttributes.grid(target)
        let left = ["covered_start", "covered_stop"] + own.map(\.0)
        let kept = input.attributes.filter { !left.contains($0.key) }.sorted { $0.key < $1.key }
        return own + kept.map { ($0.key, $0.value) } + [
            ("resized_from_shape", .integers(input.grid.shape.array.map(Int64.init))),
            ("resized_from_scale", .doubles(input.grid.voxelSize.array)),
        ]
    }

    private func fileAttributes(_ reader: HDF5Reader, _ target: Grid) async throws -> [(String, AttributeValue)] {
        var attributes = try await reader.attributes(of: "/")
        attributes["scale"] = .doubles(target.voxelSize.array)
        attributes["translation"] = .doubles(target.translation.array)
        return attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The codec and chunk shape of the stored array behind a dataset, for `compression: source`.
    private func sourceCodec(of path: String) throws -> (codec: CodecSummary?, chunkShape: ZYX<Int>)? {
        guard context.manifest.convert.compression == .source else { return nil }
        let name = String(path.split(separator: "/").last ?? "")
        let array =
            path == "/raw_crop"
            ? plan.raw
            : plan.labels.first { $0.name == name } ?? plan.derived.first { $0.name == name }?.source
        guard let array else { return nil }
        let planned = try PlannedArray(array, store: context.store.url)
        return (planned.metadata.codecSummary, planned.chunkShape)
    }
}

/// A file that cannot be brought to the target, in one line.
struct ResizeError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
