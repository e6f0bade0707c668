internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText

/// What is in a crop file of any dialect, as JSON.
struct CropFileStatistics: Sendable {
    let statistics: CropStatistics

    /// The same keys as in `crops.json`, and: all `attributes` of the file, `notes`, and a `translation` that is null where it is
    /// not known.
    func entry(_ name: String, _ file: CropFile) async throws -> JSONValue {
        var entry: [String: JSONValue] = ["name": .string(name)]
        for key in ["dataset", "em_level", "gt_level", "level_case", "source"] {
            if let value = file.attributes[key]?.string { entry[key] = .string(value) }
        }
        if let cropID = file.attributes["crop_id"]?.integer { entry["crop_id"] = .integer(cropID) }
        entry["attributes"] = .object(file.attributes.mapValues(\.json))
        if let raw = file.raw {
            let found = try await statistics.intensities(of: raw.chunks, raw.covered)
            let stored = RawCoverage(raw.attributes)?.json ?? [:]
            entry["raw"] = .object(
                placement(raw).merging(found.json) { own, _ in own }.merging(stored) { own, _ in own })
            entry["shape"] = Self.json(raw.grid.shape.array)
        }
        var labels: [String: JSONValue] = [:]
        for label in file.labels {
            let dialect = label.dialect
            let counts = try await statistics.counts(
                of: label.chunks, label.covered, dialect.annotation, padding: dialect.padding)
            let origin = CropStatistics.origin(label.attributes)
            labels[label.name] = .object(
                placement(label).merging(origin) { own, _ in own }.merging(counts) { own, _ in own })
        }
        entry["labels"] = .object(labels)
        if let reference = file.labels.first ?? file.raw {
            entry["resolution"] = Self.json(reference.grid.voxelSize.array)
            entry["voxel_size"] = Self.json(reference.grid.voxelSize.array)
            entry["translation"] = reference.hasTranslation ? Self.json(reference.grid.translation.array) : .null
        }
        let notes = file.notes + (try await file.paddingNote().map { [$0] } ?? [])
        entry["notes"] = .array(notes.map { .string($0) })
        return .object(entry)
    }

    private func placement(_ dataset: CropFile.Dataset) -> [String: JSONValue] {
        var values: [String: JSONValue] = [
            "path": .string(dataset.path), "shape": Self.json(dataset.grid.shape.array),
            "voxel_size": Self.json(dataset.grid.voxelSize.array),
            "translation": dataset.hasTranslation ? Self.json(dataset.grid.translation.array) : .null,
        ]
        if dataset.hasTranslation { values["offset"] = Self.json(dataset.grid.edge.array) }
        return values
    }

    private static func json(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .integer($0) }) }
    private static func json(_ numbers: [Double]) -> JSONValue { .array(numbers.map { .number($0) }) }
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
