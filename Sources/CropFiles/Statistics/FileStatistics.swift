public import Arrays
internal import Elements
internal import Geometry
internal import HDF5
public import JSONText
internal import Threads

/// What is in a file: shapes, voxel sizes, translations, intensities, and voxels and instances of each class.
public struct FileStatistics: Sendable {
    private let stop: StopSignal
    /// Bytes that chunks under way may take.
    private let workBytes: Int

    public init(stop: StopSignal, workBytes: Int) { (self.stop, self.workBytes) = (stop, workBytes) }

    /// Goes up whenever the same file gives another entry than before.
    public static let version = 2
    /// The member of an entry that says by which version it was made. It is in records only.
    public static let versionKey = "statistics"
    /// The member of raw data that holds their ``ValueCounts``, from which those of a dataset are added up. It is in records only.
    public static let countsKey = "value_counts"

    /// The entry of a file for `attributes.json` or `crops.json`, with what only records hold.
    ///
    /// That of a file of any origin is for people: it holds nothing for records. Its datasets have their `path`, and it has all
    /// `attributes` of the file, `notes`, and a `translation` that is null where it is not known.
    public func entry(_ name: String, of file: VoxelFile) async throws -> JSONValue {
        var entry: [String: JSONValue] = ["name": .string(name)]
        for key in ["dataset", "em_level", "gt_level", "level_case", "source"] {
            if let value = file.attributes[key]?.string { entry[key] = .string(value) }
        }
        if let cropID = file.attributes["crop_id"]?.integer { entry["crop_id"] = .integer(cropID) }
        var (raw, labels): ([String: JSONValue], [String: JSONValue]) = ([:], [:])
        for dataset in file.datasets {
            var values = try await dataset.isLabel ? label(dataset) : self.raw(dataset, isForRecord: file.isOurs)
            values.merge(placement(dataset)) { $1 }
            if !file.isOurs { values["path"] = .string(dataset.path) }
            if dataset.isLabel { labels[dataset.name] = .object(values) } else { raw[dataset.name] = .object(values) }
            // A volume may have several raw images; the file lies like the first of its own voxel size.
            if !dataset.isLabel, entry["shape"] == nil,
                file.layout == .crop || dataset.grid.voxelSize == file.place.voxelSize
            {
                entry["shape"] = .array(dataset.grid.shape.array.map { .integer($0) })
            }
        }
        entry["raw"] = file.layout == .volume ? .object(raw) : raw.values.first
        entry["labels"] = .object(labels)
        let reference = file.reference
        let hasTranslation = file.isOurs || reference?.hasTranslation ?? false
        // Our own files are placed by their attributes: labels of one crop may lie on several grids.
        if let size = (file.isOurs ? file.place.voxelSize : nil) ?? reference?.grid.voxelSize {
            entry["resolution"] = Self.json(size)
            entry["voxel_size"] = Self.json(size)
        }
        if let translation = (file.isOurs ? file.place.translation : nil) ?? reference?.grid.translation {
            entry["translation"] = hasTranslation ? Self.json(translation) : .null
        }
        if file.isOurs {
            entry[Self.versionKey] = .integer(Self.version)
        } else {
            entry["attributes"] = .object(file.attributes.mapValues(\.json))
            entry["notes"] = .array(file.notes.map { .string($0) })
        }
        return .object(entry)
    }

    private func placement(_ dataset: VoxelFile.Dataset) -> [String: JSONValue] {
        let (grid, isPlaced) = (dataset.grid, dataset.hasTranslation)
        var values: [String: JSONValue] = [
            "dtype": .string(dataset.chunks.elementType.rawValue),
            "shape": .array(grid.shape.array.map { .integer($0) }), "voxel_size": Self.json(grid.voxelSize),
            "translation": isPlaced ? Self.json(grid.translation) : .null,
        ]
        if isPlaced { values["offset"] = Self.json(grid.edge) }
        return values
    }

    private static func json(_ nanometers: ZYX<Double>) -> JSONValue { .array(nanometers.array.map { .number($0) }) }

    private func raw(_ dataset: VoxelFile.Dataset, isForRecord: Bool) async throws -> [String: JSONValue] {
        let type = dataset.chunks.elementType
        let counter = IntensityCounter(type)
        var moments = IntensityMoments()
        try await forEachChunk(of: dataset, tableBytes: IntensityCounter.tableByteCount(type)) {
            counter.measure($0, times: $1)
        } merge: {
            moments.merge($0)
        }
        let counts = counter.counts()
        let more =
            isForRecord ? [Self.countsKey: JSONValue.string(counts.text)] : RawCoverage(dataset.attributes)?.json
        return IntensityStatistics(counts, moments).json.merging(more ?? [:]) { $1 }
    }

    /// Counts, and where the label comes from. `evidence`: whether the class itself is stored, or was derived from another one.
    /// `label_quality`: whether people or a model made it; null where the file does not say.
    private func label(_ dataset: VoxelFile.Dataset) async throws -> [String: JSONValue] {
        let (type, dialect) = (dataset.chunks.elementType, dataset.dialect)
        var total = LabelStatistics(dialect.annotation, padding: dialect.padding)
        try await forEachChunk(of: dataset) {
            LabelStatistics(dialect.annotation, padding: dialect.padding, $0, type).repeated($1)
        } merge: {
            total.merge($0)
        }
        var values = total.json
        let derived = dataset.attributes["derived_from"]?.string
        values["derived_from"] = derived.map { .string($0) }
        values["evidence"] = .string(dataset.attributes["evidence"]?.string ?? (derived == nil ? "stored" : "derived"))
        values["label_quality"] = dataset.attributes["label_quality"]?.string.map { .string($0) } ?? .null
        return values
    }

    /// Measures the real voxels of each chunk, in order. Of a chunk that is not stored, one voxel stands for all.
    ///
    /// - Parameters:
    ///   - tableBytes: what a thread needs beside the chunk.
    ///   - measure: takes voxels, and how many each of them stands for.
    private func forEachChunk<Part: Sendable>(
        of dataset: VoxelFile.Dataset, tableBytes: Int = 0,
        _ measure: @escaping @Sendable (ByteBuffer, Int) -> Part, merge: (Part) -> Void
    ) async throws {
        let (source, box) = (dataset.chunks, dataset.covered)
        guard !box.isEmpty else { return }
        let chunks = box.blocks(of: source.chunkShape)
        let bytes = max(1, 3 * source.chunkByteCount + tableBytes)
        let width = max(1, min(ThreadPool.compute.width + 2, workBytes / bytes))
        let (stop, one) = (stop, ByteBuffer(source.fillValue))
        try await inOrder(count: chunks.volume, width: width) { number -> Part in
            try stop.check()
            let index = chunks.index(at: number)
            guard let part = source.coveredBox(ofChunk: index).intersection(box) else {
                return measure(ByteBuffer(count: 0), 1)
            }
            guard let stored = try await source.chunk(index) else { return measure(one, part.volume) }
            let full = source.box(of: stored, at: index)
            return await ThreadPool.compute.run {
                guard part != full else { return measure(stored, 1) }
                let inside = ByteBuffer(count: part.volume * source.elementType.byteCount)
                stored.copyOverlap(of: full, into: inside, box: part, elementByteCount: source.elementType.byteCount)
                return measure(inside, 1)
            }
        } consume: { _, part in
            merge(part)
        }
    }
}

extension AttributeValue {
    fileprivate var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .strings(let texts): .array(texts.map { .string($0) })
        case .integer(let number): .integer(Int(number))
        case .integers(let numbers): .array(numbers.map { .integer(Int($0)) })
        case .unsigned(let number): Int(exactly: number).map { .integer($0) } ?? .unsigned(number)
        case .double(let number): .number(number)
        case .doubles(let numbers): .array(numbers.map { .number($0) })
        case .floats(let numbers): .array(numbers.map { .number($0.shortestDecimal) })
        }
    }
}
