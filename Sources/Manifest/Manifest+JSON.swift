import Geometry
public import JSONText

extension Manifest {
    /// A complete manifest, every key spelled out, which loads from a file in `folder` to a value equal to this one.
    ///
    /// Paths are relative to `folder` where they have more than the root in common with it.
    public func json(relativeTo folder: String) -> JSONValue {
        let folder = AbsolutePath(folder)
        func path(_ text: String) -> JSONValue { .string(AbsolutePath(text).written(relativeTo: folder)) }
        var members: [ManifestKey: JSONValue] = [
            .job: .string(job),
            .source: .string(source),
            .endpoint: endpoint.map { .string($0) } ?? .null,
            .anonymous: .bool(anonymous),
            .datasets: .array(datasets.map { .string($0) }),
            .only: .array(only.map { .string($0) }),
            .select: .string(select.rawValue),
            .mode: .string(mode.rawValue),
            .regions: .array(regions.map(\.json)),
            .grids: .array(grids.map(\.json)),
            .classes: .array(classes.map { .string($0) }),
            .derive: .object(derive.mapValues(\.json)),
            .targetNm: targetNm == ZYX(repeating: targetNm.z) ? .exact(targetNm.z) : .exact(targetNm),
            .tolerance: .exact(tolerance),
            .levels: .string(levels.rawValue),
            .paddingNm: .exact(paddingNm),
            .lists: .object(lists.mapValues(path)),
            .output: path(output),
            .state: path(state),
            .convert: convert.json,
            .resize: resize.json,
            .limits: limits.json,
        ]
        if let split { members[.split] = split.json }
        return JSONValue(members)
    }
}

extension Manifest.Region {
    fileprivate var json: JSONValue {
        JSONValue([
            RegionKey.dataset: .string(dataset), .offsetNm: .exact(offsetNm), .shapeNm: .exact(shapeNm),
        ])
    }
}

extension Manifest.ArrayGrid {
    fileprivate var json: JSONValue {
        var members: [ArrayGridKey: JSONValue] = [
            .dataset: .string(dataset), .path: .string(path), .axes: .string(axes.rawValue),
            .voxelSizeNm: .exact(voxelSizeNm), .translationNm: .exact(translationNm),
        ]
        if let labelClass { members[.labelClass] = .string(labelClass) }
        return JSONValue(members)
    }
}

extension Manifest.DeriveRule {
    public var json: JSONValue {
        JSONValue([
            DeriveKey.from: .string(from), .ids: .array(ids.map { .integer($0) }), .instances: .bool(instances),
        ])
    }
}

extension Manifest.Convert {
    public var json: JSONValue {
        JSONValue([
            ConvertKey.compression: .string(compression.rawValue), .keepNative: .bool(keepNative),
            .keepPacks: .bool(keepPacks),
        ])
    }
}

extension Manifest.Resize {
    public var json: JSONValue {
        JSONValue([
            ResizeKey.raw: .string(raw.rawValue), .labels: .string(labels.rawValue), .grid: .string(grid.rawValue),
            .maxUpsampling: .exact(maxUpsampling),
        ])
    }
}

extension Manifest.Split {
    public var json: JSONValue {
        JSONValue([
            SplitKey.validation: .exact(validation), .test: .exact(test), .seed: .integer(seed),
            .by: .string(by.rawValue),
        ])
    }
}

extension Manifest.Limits {
    public var json: JSONValue {
        JSONValue([
            LimitsKey.connections: .integer(connections), .memory: ByteCount.json(memory),
            .bandwidth: bandwidth.map { .integer($0) } ?? .null, .maxAttempts: .integer(maxAttempts),
            .outage: DurationText.json(outageSeconds),
            .claimSeconds: .integer(claimSeconds),
        ])
    }
}

extension JSONValue {
    fileprivate init<Key: ManifestKeys & Hashable>(_ members: [Key: JSONValue]) {
        self = .object(Dictionary(uniqueKeysWithValues: members.map { ($0.key.rawValue, $0.value) }))
    }

    /// A number, as an integer where it is one: 8 and not 8.0.
    public static func exact(_ value: Double) -> JSONValue {
        Int(exactly: value).map { .integer($0) } ?? .number(value)
    }

    fileprivate static func exact(_ triple: ZYX<Double>) -> JSONValue { .array(triple.array.map { .exact($0) }) }
}
