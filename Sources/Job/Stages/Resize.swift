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
    /// Chunks of the converted file that are still in memory. They are released after use.
    public var kept: ChunkHandover?

    public init(context: JobContext, plan: ItemPlan, kept: ChunkHandover? = nil) {
        (self.context, self.plan, self.kept) = (context, plan, kept)
    }

    public func run(convert: Record) async throws -> Record {
        let fingerprint = ItemFingerprints(plan, context).resize(convert: convert)
        let (output, entry) = try await InputFile.read(plan.nativePath, in: context.state.output) { reader in
            let resizing = try ResizePlan(
                try await VoxelFile(reader, plan.layout, kept: kept),
                ResizePlan.Settings(
                    UpsamplingLimit(context.manifest), cacheBytes: context.memory.cache,
                    workBytes: context.memory.work),
                encoding: encoding)
            return plan.layout == .crop
                ? try await make(resizing)
                : (try await VolumeResize(context: context, plan: plan).make(resizing, fingerprint), nil)
        }
        let found = if let entry { entry } else { try await measured() }
        let record = Record(.resize, of: plan.name, fingerprint: fingerprint, outputs: [output], result: found)
        try await context.state.write(record)
        if plan.layout == .volume {
            try await context.state.run { try ChunkLog.remove(plan.resizedLogPath, in: context.state.holdings) }
        }
        return record
    }

    /// Whether the entry of a record is what this version finds in the file.
    public static func isMeasured(_ record: Record) -> Bool {
        record.result[FileStatistics.versionKey]?.integer == FileStatistics.version
    }

    /// Looks again at the file that an earlier version has made, which stays as it is.
    public func measureAgain(_ known: Record) async throws -> Record {
        let record = Record(
            item: known.item, stage: known.stage, fingerprint: known.fingerprint, outputs: known.outputs,
            result: try await measured())
        try await context.state.write(record)
        return record
    }

    private func measured() async throws -> JSONValue {
        try await InputFile.read(plan.resizedPath, in: context.state.output) { reader in
            try await Stat(context: context, plan: plan).entry(reader)
        }
    }

    /// The file of a crop or region, and its entry. Chunks that are written stay in memory, because they are measured right after.
    private func make(_ resizing: ResizePlan) async throws -> (Record.Output, JSONValue?) {
        let resized = kept.map { ChunkHandover(atMost: $0.byteCount, in: context.kept) }
        defer { resized?.drop() }
        return try await OutputFile.make(plan.resizedPath, in: context.state.output, stop: context.stop) { writer in
            try await resizing.write(to: writer, stop: context.stop, kept: resized)
            resized?.close()
            // What is left to do is small, and the next item's chunks need the room.
            kept?.drop()
        } reading: { reader in
            try await Stat(context: context, plan: plan, kept: resized).entry(reader)
        }
    }

    private func encoding(_ dataset: VoxelFile.Dataset, _ shape: ZYX<Int>) throws -> Encoding {
        let compression = context.manifest.convert.compression
        let source = compression == .source ? storedArray(behind: dataset) : nil
        let planned = try source.map { try PlannedArray($0, store: context.store.url) }
        return Encoding(
            compression, elementType: dataset.chunks.elementType, shape: shape, isLabel: dataset.isLabel,
            source: planned)
    }

    /// The array of the store that a dataset was made from.
    private func storedArray(behind dataset: VoxelFile.Dataset) -> ArrayPlan? {
        if plan.layout == .volume {
            return plan.arrays.first { ArrayPlan.path(of: $0.key, below: plan.group).hasSameBytes(as: dataset.path) }
                ?? plan.derived.first { ArrayPlan.path(of: $0, below: plan.group) == dataset.path }?.source
        }
        guard dataset.isLabel else { return plan.raw }
        return plan.labels.first { CropPaths.label($0.name).hasSameBytes(as: dataset.path) }
            ?? plan.derived.first { CropPaths.label($0.name).hasSameBytes(as: dataset.path) }?.source
    }
}
