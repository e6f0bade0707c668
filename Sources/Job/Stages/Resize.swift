public import Arrays
internal import CropFiles
internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
public import Ledger
internal import Manifest
public import Planning
internal import Stores
internal import Threads
internal import Volumes

/// The fifth stage: to the target voxel size, raw and labels on one common grid.
public struct Resize: Sendable {
    public let context: JobContext
    public let plan: ItemPlan
    /// Chunks of the converted file that are in memory still; let go of when they have been used.
    public var kept: ChunkHandover?

    public init(context: JobContext, plan: ItemPlan, kept: ChunkHandover? = nil) {
        (self.context, self.plan, self.kept) = (context, plan, kept)
    }

    public func run(convert: Record) async throws -> Record {
        // What is written now is looked at once more.
        let resized = kept.map { ChunkHandover(atMost: $0.byteCount, in: context.kept) }
        defer { resized?.drop() }
        let (output, entry) = try await InputFile.read(plan.nativePath, in: context.state.output) { reader in
            try await OutputFile.make(plan.resizedPath, in: context.state.output, stop: context.stop) { writer in
                try await resize(reader, writer, keeping: resized)
                resized?.close()
                // What is left to do is small, and the next item's chunks need the room.
                kept?.drop()
            } reading: { reader in
                try await CropStatistics(stop: context.stop, workBytes: context.memory.work, kept: resized)
                    .entry("\(plan.name).h5", in: reader)
            }
        }
        let record = Record(
            .resize, of: plan.name, fingerprint: ItemFingerprints(plan, context).resize(convert: convert),
            outputs: [output],
            result: entry ?? .null)
        try await context.state.write(record)
        return record
    }

    /// Whether the entry of a record is what this version finds in the file.
    public static func isMeasured(_ record: Record) -> Bool {
        record.result[CropStatistics.versionKey]?.integer == CropStatistics.version
    }

    /// Looks again at the file that an earlier version has made, which stays as it is.
    public func measureAgain(_ known: Record) async throws -> Record {
        let entry = try await InputFile.read(plan.resizedPath, in: context.state.output) { reader in
            try await plan.job(context).entry(reader, nil)
        }
        let record = Record(
            item: known.item, stage: known.stage, fingerprint: known.fingerprint, outputs: known.outputs, result: entry)
        try await context.state.write(record)
        return record
    }

    private func resize(_ reader: HDF5Reader, _ writer: HDF5Writer, keeping resized: ChunkHandover?) async throws {
        let manifest = context.manifest
        let resizer = CropResizer(
            options: CropResizer.Options(
                target: manifest.targetNm, gridRule: manifest.resize.grid, tolerance: manifest.tolerance,
                maxUpsampling: manifest.resize.maxUpsampling, cacheBytes: context.memory.cache,
                workBytes: context.memory.work, kept: resized),
            stop: context.stop)
        try await resizer.resize(
            try await inputs(reader), fileAttributes: try await reader.attributes(of: "/"), into: writer
        ) { input, shape in
            Encoding(
                manifest.convert.compression, elementType: input.chunks.elementType, shape: shape,
                isLabel: input.isLabel, source: try source(of: input.path))
        }
    }

    private func inputs(_ reader: HDF5Reader) async throws -> [CropResizer.Input] {
        var inputs: [CropResizer.Input] = []
        // A region may have no labels at all.
        let hasLabels = try await reader.children(of: "/").contains { $0.isGroup && $0.name == "label_crop" }
        let labels =
            hasLabels
            ? try await reader.children(of: "/label_crop").filter { !$0.isGroup }.map { "/label_crop/\($0.name)" } : []
        for path in ["/raw_crop"] + labels {
            guard let info = try await reader.dataset(path),
                let chunks = HDF5Chunks(info, in: reader, kept: kept?.dataset(path))
            else { continue }
            let attributes = try await reader.attributes(of: path)
            guard let grid = CropAttributes.grid(from: attributes, shape: chunks.shape) else {
                throw HDF5Error(
                    operation: "read the voxel size", path: reader.path, object: path,
                    message: "the attributes scale and translation are missing")
            }
            inputs.append(
                CropResizer.Input(
                    path: path, isLabel: path != "/raw_crop", chunks: chunks, grid: grid,
                    covered: try CoveredBox.read(attributes, shape: chunks.shape, of: path),
                    unknown: CropAttributes.annotation(from: attributes).unknown, attributes: attributes))
        }
        return inputs
    }

    /// The stored array behind a dataset, for `compression: source`.
    private func source(of path: String) throws -> PlannedArray? {
        guard context.manifest.convert.compression == .source else { return nil }
        let name = path.pathComponents().last ?? ""
        let array =
            path == "/raw_crop"
            ? plan.raw
            : plan.labels.first { $0.name.hasSameBytes(as: name) }
                ?? plan.derived.first { $0.name.hasSameBytes(as: name) }?.source
        return try array.map { try PlannedArray($0, store: context.store.url) }
    }
}
