public import Arrays
internal import Elements
public import Geometry
public import HDF5
public import JSONText
internal import Ledger
internal import Threads

/// What is in a crop file: shapes, voxel sizes, translations, intensities, and voxels and instances of each class.
public struct CropStatistics: Sendable {
    public let stop: StopSignal
    /// Bytes that chunks under way may take.
    public let workBytes: Int
    /// Chunks of the file that are in memory still.
    public var kept: ChunkHandover?

    public init(stop: StopSignal, workBytes: Int, kept: ChunkHandover? = nil) {
        (self.stop, self.workBytes, self.kept) = (stop, workBytes, kept)
    }

    /// Goes up whenever the same file gives another entry than before.
    public static let version = 2
    /// The member of an entry that says by which version it was made. It is in records only.
    public static let versionKey = "statistics"
    /// The member of raw data that holds their ``ValueCounts``, from which those of a dataset are added up. It is in records only.
    public static let countsKey = "value_counts"

    /// The entry of a file for `attributes.json` or `crops.json`.
    public func entry(_ name: String, in reader: HDF5Reader) async throws -> JSONValue {
        var entry: [String: JSONValue] = ["name": .string(name), Self.versionKey: .integer(Self.version)]
        let file = try await reader.attributes(of: "/")
        for key in ["dataset", "em_level", "gt_level", "level_case", "source"] {
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
        return values
    }

    /// What the attributes of a label say of where it comes from. `evidence`: whether the class itself is stored, or was derived from another one.
    /// `label_quality`: whether people have made it or a prediction; null where the file does not say.
    static func origin(_ attributes: [String: AttributeValue]) -> [String: JSONValue] {
        let derived = attributes["derived_from"]?.string
        var values: [String: JSONValue] = [
            "evidence": .string(attributes["evidence"]?.string ?? (derived == nil ? "stored" : "derived")),
            "label_quality": attributes["label_quality"]?.string.map { .string($0) } ?? .null,
        ]
        if let derived { values["derived_from"] = .string(derived) }
        return values
    }

    private func raw(_ source: HDF5Chunks, _ reader: HDF5Reader) async throws -> [String: JSONValue] {
        let path = "/raw_crop"
        let values = try await placement(path, source.shape, reader)
        let covered = try CoveredBox.read(
            try await reader.attributes(of: path), shape: source.shape, of: path)
        let found = try await intensities(of: source, covered)
        return values.merging(found.json) { own, _ in own }.merging(found.counts) { own, _ in own }
    }

    private func label(_ source: HDF5Chunks, _ path: String, _ reader: HDF5Reader) async throws -> [String: JSONValue] {
        let attributes = try await reader.attributes(of: path)
        let covered = try CoveredBox.read(attributes, shape: source.shape, of: path)
        let values = try await placement(path, source.shape, reader)
        let counts = try await counts(of: source, covered, CropAttributes.annotation(from: attributes))
        return values.merging(Self.origin(attributes)) { own, _ in own }.merging(counts) { own, _ in own }
    }

    /// Type and statistics of raw data, and as `counts` what only records hold.
    ///
    /// - Parameter covered: the voxels that are real.
    func intensities(
        of source: HDF5Chunks, _ covered: Box
    ) async throws -> (json: [String: JSONValue], counts: [String: JSONValue]) {
        let type = source.elementType
        let counter = IntensityCounter(type)
        var moments = IntensityMoments()
        try await forEachChunk(of: source, within: covered, tableBytes: IntensityCounter.tableByteCount(type)) {
            counter.measure($0)
        } merge: {
            moments.merge($0)
        }
        return Self.intensities(counter.counts(), moments)
    }

    static func intensities(
        _ counts: ValueCounts, _ moments: IntensityMoments
    ) -> (json: [String: JSONValue], counts: [String: JSONValue]) {
        (
            IntensityStatistics(counts, moments).json.merging(["dtype": .string(counts.bins.type.rawValue)]) { $1 },
            [countsKey: .string(counts.text)]
        )
    }

    /// Type of a label, and how many of its voxels are what.
    ///
    /// - Parameters:
    ///   - covered: the voxels that are real.
    ///   - padding: the value of voxels that were added around the crop, where there may be any.
    public func counts(
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

    /// - Parameter tableBytes: what a thread needs beside the chunk.
    private func forEachChunk<Part: Sendable>(
        of source: HDF5Chunks, within box: Box, tableBytes: Int = 0,
        _ measure: @escaping @Sendable (ByteBuffer) -> Part, merge: (Part) -> Void
    ) async throws {
        guard !box.isEmpty else { return }
        let chunks = box.blocks(of: source.chunkShape)
        let bytes = max(1, 3 * source.chunkByteCount + tableBytes)
        let width = max(1, min(ThreadPool.compute.width + 2, workBytes / bytes))
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
