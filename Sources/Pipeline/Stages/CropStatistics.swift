internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Ledger
internal import Threads

/// What is in a crop file: shapes, voxel sizes, translations, intensities, and voxels and instances of each class.
struct CropStatistics: Sendable {
    let stop: StopSignal
    /// Bytes that chunks under way may take.
    let workBytes: Int
    /// Chunks of the file that are in memory still.
    var kept: KeptChunks?

    /// The entry of a file for `attributes.json` or `crops.json`.
    func entry(_ name: String, in reader: HDF5Reader) async throws -> JSONValue {
        var entry: [String: JSONValue] = ["name": .string(name)]
        let file = try await reader.attributes(of: "/")
        for key in ["dataset", "em_level", "gt_level", "source"] {
            if let value = file[key]?.string { entry[key] = .string(value) }
        }
        if let cropID = file["crop_id"]?.integer { entry["crop_id"] = .integer(cropID) }

        if let raw = try await source("/raw_crop", reader) {
            entry["raw"] = .object(try await self.raw(raw, reader))
            entry["shape"] = .array(raw.shape.array.map { .integer($0) })
        }
        var labels: [String: JSONValue] = [:]
        for child in try await reader.children(of: "/").contains(where: { $0.name == "label_crop" && $0.isGroup })
            ? try await reader.children(of: "/label_crop") : [] where !child.isGroup
        {
            let path = "/label_crop/\(child.name)"
            guard let source = try await source(path, reader) else { continue }
            labels[child.name] = .object(try await label(source, path, reader))
        }
        entry["labels"] = .object(labels)
        let grid = try await referenceGrid(file, reader)
        for (key, values) in grid { entry[key] = values }
        return .object(entry)
    }

    private func source(_ path: String, _ reader: HDF5Reader) async throws -> HDF5Chunks? {
        guard let info = try await reader.dataset(path) else { return nil }
        return HDF5Chunks(info, in: reader, kept: kept?.dataset(path))
    }

    /// Resolution, voxel size and translation as the file's own attributes state them.
    private func referenceGrid(
        _ file: [String: AttributeValue], _ reader: HDF5Reader
    ) async throws -> [String: JSONValue] {
        let raw = try await reader.dataset("/raw_crop") == nil ? [:] : try await reader.attributes(of: "/raw_crop")
        let scale = (file["scale"] ?? raw["scale"])?.doubles
        let translation = (file["translation"] ?? raw["translation"])?.doubles
        var values: [String: JSONValue] = [:]
        if let scale {
            values["resolution"] = .array(scale.map { .number($0) })
            values["voxel_size"] = .array(scale.map { .number($0) })
        }
        if let translation { values["translation"] = .array(translation.map { .number($0) }) }
        return values
    }

    private func placement(_ path: String, _ shape: ZYX<Int>, _ reader: HDF5Reader) async throws -> [String: JSONValue]
    {
        let attributes = try await reader.attributes(of: path)
        var values: [String: JSONValue] = ["shape": .array(shape.array.map { .integer($0) })]
        for key in ["voxel_size", "translation", "offset"] {
            if let numbers = attributes[key]?.doubles { values[key] = .array(numbers.map { .number($0) }) }
        }
        if let derived = attributes["derived_from"]?.string { values["derived_from"] = .string(derived) }
        return values
    }

    private func raw(_ source: HDF5Chunks, _ reader: HDF5Reader) async throws -> [String: JSONValue] {
        let path = "/raw_crop"
        let values = try await placement(path, source.shape, reader)
        let covered = try CoveredBox.read(
            try await reader.attributes(of: path), shape: source.shape, of: path)
        return values.merging(try await intensities(of: source, covered)) { own, _ in own }
    }

    private func label(_ source: HDF5Chunks, _ path: String, _ reader: HDF5Reader) async throws -> [String: JSONValue] {
        let attributes = try await reader.attributes(of: path)
        let covered = try CoveredBox.read(attributes, shape: source.shape, of: path)
        let values = try await placement(path, source.shape, reader)
        let counts = try await counts(of: source, covered, CropAttributes.annotation(from: attributes))
        return values.merging(counts) { own, _ in own }
    }

    /// Type, smallest, largest and mean value of raw data.
    ///
    /// - Parameter covered: the voxels that are real.
    func intensities(of source: HDF5Chunks, _ covered: Box) async throws -> [String: JSONValue] {
        let type = source.elementType
        var total = IntensityStatistics()
        try await forEachChunk(of: source, within: covered) {
            IntensityStatistics($0, type)
        } merge: {
            total.merge($0)
        }
        return total.json.merging(["dtype": .string(type.rawValue)]) { $1 }
    }

    /// Type of a label, and how many of its voxels are what.
    ///
    /// - Parameters:
    ///   - covered: the voxels that are real.
    ///   - padding: the value of voxels that were added around the crop, where there may be any.
    func counts(
        of source: HDF5Chunks, _ covered: Box, _ annotation: AnnotationPlan, padding: Int? = nil
    ) async throws -> [String: JSONValue] {
        let type = source.elementType
        var total = LabelStatistics(annotation, padding: padding)
        try await forEachChunk(of: source, within: covered) {
            LabelStatistics(annotation, padding: padding, $0, type)
        } merge: {
            total.merge($0)
        }
        return total.json.merging(["dtype": .string(type.rawValue)]) { $1 }
    }

    private func forEachChunk<Part: Sendable>(
        of source: HDF5Chunks, within box: Box, _ measure: @escaping @Sendable (ByteBuffer) -> Part,
        merge: (Part) -> Void
    ) async throws {
        guard !box.isEmpty else { return }
        let chunks = box.blocks(of: source.chunkShape)
        let width = max(1, min(ThreadPool.compute.width + 2, workBytes / max(1, 3 * source.chunkByteCount)))
        let stop = stop
        try await inOrder(count: chunks.volume, width: width) { number -> Part in
            try stop.check()
            guard let part = source.box(ofChunk: chunks.index(at: number)).intersection(box) else {
                return measure(ByteBuffer(count: 0))
            }
            let window = try await source.window(part)
            return await ThreadPool.compute.run { measure(window.bytes) }
        } consume: { _, part in
            merge(part)
        }
    }
}

/// The fourth stage: what is in the converted file.
struct Stat: Sendable {
    /// Goes up whenever the same input gives another entry than before.
    static let version = 1

    let context: JobContext
    let plan: ItemPlan
    /// Chunks of the converted file that are in memory still.
    var kept: KeptChunks?

    static let settings = StageSettings(version: version, members: [:])

    func fingerprint(convert: Record) -> Fingerprint { Self.fingerprint(plan, convert: convert, version: Self.version) }

    /// That of the records of some version.
    static func fingerprint(_ plan: ItemPlan, convert: Record, version: Int) -> Fingerprint {
        let files = JSONValue.array(convert.outputs.map { .string($0.digest.sha256) })
        return StageSettings(version: version, members: settings.members)
            .fingerprint(of: StatisticsRules.keys(plan).merging(["files": files]) { $1 })
    }

    /// - Parameter entry: what was found in the file when it was made, if that has been looked at.
    func run(convert: Record, entry: JSONValue? = nil) async throws -> Record {
        let entry = if let entry { entry } else { try await self.entry() }
        let record = Record(
            item: plan.name, stage: "stat", fingerprint: fingerprint(convert: convert), outputs: [], result: entry)
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    private func entry() async throws -> JSONValue {
        let path = Convert(context: context, plan: plan).path
        return try await InputFile.read(path, in: context.output) { reader in
            guard plan.kind == .volume else { return try await entry(ofCrop: reader) }
            return try await VolumeStatistics(stop: context.stop, workBytes: context.memory.work).entry(
                "\(plan.name).h5", in: reader)
        }
    }

    func entry(ofCrop reader: HDF5Reader) async throws -> JSONValue {
        try await CropStatistics(stop: context.stop, workBytes: context.memory.work, kept: kept)
            .entry("\(plan.name).h5", in: reader)
    }
}
