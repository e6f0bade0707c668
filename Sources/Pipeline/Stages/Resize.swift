internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Ledger
internal import Stores
internal import Threads
internal import Volumes

/// The fifth stage: to the target voxel size, raw and labels on one common grid.
struct Resize: Sendable {
    /// Goes up whenever the same input gives other bytes than before.
    static let version = 2

    let context: JobContext
    let plan: ItemPlan
    /// Chunks of the converted file that are in memory still; let go of when they have been used.
    var kept: KeptChunks?

    var path: String { "crops/\(plan.name).h5" }

    static func settings(_ context: JobContext) -> StageSettings {
        let manifest = context.manifest
        return StageSettings(
            version: version,
            members: [
                "target": .array(manifest.targetNm.array.map { .number($0) }),
                "raw": .string(manifest.resize.raw.rawValue), "labels": .string(manifest.resize.labels.rawValue),
                "grid": .string(manifest.resize.grid.rawValue), "tolerance": .number(manifest.tolerance),
                // What needs more is left out when it is planned. The number is that of records from before that.
                "max_upsampling": 4,
                "compression": .string(manifest.convert.compression.rawValue),
            ])
    }

    func fingerprint(convert: Record) -> Fingerprint {
        let files = JSONValue.array(convert.outputs.map { .string($0.digest.sha256) })
        let rules = StatisticsRules.keys(plan).merging(ResizeRules(plan, context.manifest).keys) { own, _ in own }
            .merging(SourceCodecRule.keys(plan, context)) { $1 }
        return Self.settings(context).fingerprint(of: rules.merging(["files": files]) { $1 })
    }

    func run(convert: Record) async throws -> Record {
        if plan.kind == .volume { return try await VolumeResize(context: context, plan: plan).run(convert: convert) }
        let native = Convert(context: context, plan: plan).path
        // What is written now is looked at once more.
        let resized = kept.map { KeptChunks(atMost: $0.byteCount, in: context.kept) }
        defer { resized?.drop() }
        let (output, entry) = try await InputFile.read(native, in: context.output) { reader in
            try await OutputFile.make(path, in: context.output, stop: context.stop) { writer in
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
            item: plan.name, stage: "resize", fingerprint: fingerprint(convert: convert), outputs: [output],
            result: entry ?? .null)
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    /// Whether the entry of a record is what this version finds in the file.
    static func isMeasured(_ record: Record) -> Bool {
        record.result[CropStatistics.versionKey]?.integer == Stat.version
    }

    /// Looks again at the file that an earlier version has made, which stays as it is.
    func measureAgain(_ known: Record) async throws -> Record {
        let entry = try await InputFile.read(path, in: context.output) { reader in
            try await Stat(context: context, plan: plan).entry(reader)
        }
        let record = Record(
            item: known.item, stage: known.stage, fingerprint: known.fingerprint, outputs: known.outputs, result: entry)
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    private func resize(_ reader: HDF5Reader, _ writer: HDF5Writer, keeping resized: KeptChunks?) async throws {
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
                isLabel: input.isLabel, source: try sourceCodec(of: input.path))
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

    /// The codec and chunk shape of the stored array behind a dataset, for `compression: source`.
    private func sourceCodec(of path: String) throws -> (codec: CodecSummary?, chunkShape: ZYX<Int>)? {
        guard context.manifest.convert.compression == .source else { return nil }
        let name = path.pathComponents().last ?? ""
        let array =
            path == "/raw_crop"
            ? plan.raw
            : plan.labels.first { $0.name.hasSameBytes(as: name) }
                ?? plan.derived.first { $0.name.hasSameBytes(as: name) }?.source
        guard let array else { return nil }
        let planned = try PlannedArray(array, store: context.store.url)
        return (planned.sourceCodec, planned.chunkShape)
    }
}
