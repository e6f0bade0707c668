internal import Arrays
internal import CropFiles
internal import Elements
internal import JSONText

/// What `txt/datasets.json` says of one dataset: all of its files in `crops/` together, for that is what a training reads and has to normalise.
///
/// A voxel that lies in two crops counts twice, as it does in a training.
struct DatasetSummary: Sendable {
    private let name: String
    /// As the records hold them, by their order in `crops.json`.
    private let entries: [JSONValue]

    /// One for each dataset that has files, by their names.
    ///
    /// - Parameter entries: what the records say of the files in `crops/`, in the order of `crops.json`.
    static func all(_ entries: [JSONValue]) -> [DatasetSummary] {
        Dictionary(grouping: entries) { $0["dataset"]?.string ?? "" }
            .map { DatasetSummary(name: $0.key, entries: $0.value) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    var json: JSONValue {
        [
            "name": .string(name), "crops": .integer(entries.count), "raw": raw, "labels": .object(labels),
        ]
    }

    // MARK: Raw data

    /// The raw data of a file: one dataset in a crop, any number in a volume.
    private static func raw(_ entry: JSONValue) -> [JSONValue] {
        guard let raw = entry["raw"], let members = raw.object else { return [] }
        return raw["dtype"] != nil ? [raw] : members.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The keys of a single file that do not say where it lies; null where one of the files was measured by an earlier version. `dtype` is null where the files
    /// have several.
    private var raw: JSONValue {
        let all = entries.flatMap(Self.raw)
        let parts = all.compactMap(Self.part)
        guard parts.count == all.count, !all.isEmpty else { return .null }
        var values = IntensityStatistics(parts).json
        let types = Set(parts.map(\.counts.bins.type))
        values["dtype"] = types.count == 1 ? types.first.map { .string($0.rawValue) } : .null
        for key in ["chunks", "stored_chunks"] {
            let numbers = all.compactMap { $0[key]?.integer }
            if numbers.count == all.count { values[key] = .integer(numbers.reduce(0, +)) }
        }
        return .object(values)
    }

    private static func part(_ raw: JSONValue) -> (counts: ValueCounts, moments: IntensityMoments)? {
        guard let type = raw["dtype"]?.string.flatMap(ElementType.init),
            let text = raw[FileStatistics.countsKey]?.string,
            let counts = ValueCounts(type, text: text)
        else { return nil }
        func number(_ key: String, or other: Double) -> Double { raw[key]?.double ?? other }
        return (
            counts,
            IntensityMoments(
                count: counts.voxels, low: number("min", or: .infinity), high: number("max", or: -.infinity),
                mean: number("mean", or: .nan), deviation: number("std", or: .nan))
        )
    }

    // MARK: Labels

    private static let summed = ["voxels", "labelled", "absent", "unknown", "instances"]

    private var labels: [String: JSONValue] {
        var labels: [String: [JSONValue]] = [:]
        for entry in entries {
            for (name, label) in entry["labels"]?.object ?? [:] { labels[name, default: []].append(label) }
        }
        return labels.mapValues { files in
            var values: [String: JSONValue] = ["crops": .integer(files.count)]
            var sums: [String: Int] = [:]
            for key in Self.summed {
                let sum = files.reduce(0) { $0 + ($1[key]?.integer ?? 0) }
                sums[key] = sum
                values[key] = .integer(sum)
            }
            values["annotated_fraction"] = LabelStatistics.annotatedFraction(
                voxels: sums["voxels"] ?? 0, unknown: sums["unknown"] ?? 0)
            if files.contains(where: { $0["instances_are_more"] == true }) { values["instances_are_more"] = true }
            return .object(values)
        }
    }
}

extension FileStatistics {
    /// An entry as `attributes.json` and `crops.json` have it: without what only records hold.
    static func published(_ entry: JSONValue) -> JSONValue {
        guard var members = entry.object else { return entry }
        members[versionKey] = nil
        guard var raw = members["raw"]?.object else { return .object(members) }
        raw[countsKey] = nil
        // The datasets of a volume.
        for (path, dataset) in raw {
            guard var values = dataset.object, values[countsKey] != nil else { continue }
            values[countsKey] = nil
            raw[path] = .object(values)
        }
        members["raw"] = .object(raw)
        return .object(members)
    }
}
