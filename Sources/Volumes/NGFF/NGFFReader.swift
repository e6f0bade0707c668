internal import Geometry
internal import JSONText

/// Reads OME-NGFF 0.4 and 0.5 multiscales, and collects warnings on the way.
struct NGFFReader {
    let errors: MetadataErrors
    private var warnings: [String] = []

    init(errors: MetadataErrors) { self.errors = errors }

    mutating func multiscale(_ attributes: JSONValue) throws(VolumeError) -> Multiscale {
        let found = try firstMultiscale(attributes)
        let (multiscale, key) = (found.value, found.key)
        try checkVersion(found)
        // Axes may be missing only before 0.4. Later versions require them, or name them elsewhere.
        if multiscale["axes"]?.isNull ?? true, found.isInOME || multiscale["coordinateSystems"] != nil {
            throw errors.bad("\(key).axes", expected: "an array", found: multiscale["axes"])
        }
        let units = try units(multiscale["axes"], key: "\(key).axes")
        let global = try transform(
            multiscale["coordinateTransformations"], key: "\(key).coordinateTransformations")
        if !global.isIdentity {
            warnings.append(
                "\(key).coordinateTransformations is applied to all levels: scale \(global.scale), "
                    + "translation \(global.translation)")
        }
        let levels = try levels(multiscale["datasets"], key: "\(key).datasets", units: units, global: global)
        return Multiscale(levels: levels, declaredUnits: units.map(\.name), warnings: warnings)
    }

    /// A multiscale where it was found.
    private struct Found {
        let value: JSONValue
        let key: String
        /// The version that the attributes state, and its key: beside the multiscales in 0.5, inside before.
        let version: JSONValue?
        let versionKey: String
        let isInOME: Bool
    }

    /// Versions before 0.4 are read as that, those after 0.5 are refused.
    private mutating func checkVersion(_ found: Found) throws(VolumeError) {
        let expected = found.isInOME ? "0.5" : "0.4"
        guard let version = found.version, !version.isNull, version != .string(expected) else { return }
        let parts = version.string?.split(separator: ".").prefix(2).map { $0.prefix { $0.isASCII && $0.isNumber } }
        if let numbers = parts?.compactMap({ Int($0) }), numbers.count == 2, (numbers[0], numbers[1]) > (0, 5) {
            throw errors.unsupported(
                found.versionKey, "expected OME-NGFF 0.5 or earlier, found \(MetadataErrors.excerpt(version))")
        }
        warnings.append("\(found.versionKey) is \(MetadataErrors.excerpt(version)), read as \(expected)")
    }

    /// The first multiscale that is not null: of the member `ome` (0.5), or of the attributes themselves (until 0.4).
    private mutating func firstMultiscale(_ attributes: JSONValue) throws(VolumeError) -> Found {
        let ome = attributes["ome"]
        let isInOME = ome?["multiscales"].map { !$0.isNull } ?? false
        let listKey = isInOME ? "ome.multiscales" : "multiscales"
        guard let member = isInOME ? ome?["multiscales"] : attributes["multiscales"], !member.isNull else {
            throw VolumeError(
                .notAnArray, path: errors.path, key: "multiscales", "expected an array, found nothing")
        }
        guard let list = member.array else {
            throw errors.bad(listKey, expected: "an array", found: member)
        }
        let present = list.indices.filter { !list[$0].isNull }
        guard let first = present.first else {
            throw VolumeError(.notAnArray, path: errors.path, key: listKey, "expected at least one, found none")
        }
        if present.count > 1 {
            warnings.append("\(listKey) has \(present.count) entries, the first is taken")
        }
        let key = "\(listKey)[\(first)]"
        let value = list[first]
        guard value.object != nil else { throw errors.bad(key, expected: "an object", found: value) }
        return Found(
            value: value, key: key, version: isInOME ? ome?["version"] : value["version"],
            versionKey: isInOME ? "ome.version" : "\(key).version", isInOME: isInOME)
    }

    private struct AxisUnit {
        let name: String
        let unit: LengthUnit
    }

    /// The units of the axes, which must be z, y, x.
    private mutating func units(_ axes: JSONValue?, key: String) throws(VolumeError) -> ZYX<AxisUnit> {
        let nanometer = AxisUnit(name: "nanometer", unit: .nanometer)
        guard let axes, !axes.isNull else {
            warnings.append("\(key) is missing: taken as z, y, x in nanometer")
            return ZYX(repeating: nanometer)
        }
        guard let list = axes.array else { throw errors.bad(key, expected: "an array", found: axes) }
        let names = list.map { ($0.string ?? $0["name"]?.string ?? "?").lowercased() }
        for (index, axis) in list.enumerated() {
            guard let type = axis["type"], !type.isNull else { continue }
            guard type == "space" else {
                throw errors.unsupported(
                    "\(key)[\(index)].type", "expected \"space\", found \(MetadataErrors.excerpt(type))")
            }
        }
        switch names {
        case ["z", "y", "x"]: break
        case ["x", "y", "z"]:
            // An early converter of N5 left the names in N5's order, although the scales are in the array's order.
            warnings.append("\(key) is x, y, z: taken as z, y, x, the order of the array")
        default:
            let found = VolumeError.printable(names.joined(separator: ", "))
            throw errors.unsupported(key, "expected z, y, x, found \(found.isEmpty ? "no axes" : found)")
        }
        var units: [AxisUnit] = []
        for (index, axis) in list.enumerated() {
            guard let name = axis["unit"]?.string, !name.isEmpty else {
                if let unit = axis["unit"], !unit.isNull, unit != "" {
                    throw errors.bad("\(key)[\(index)].unit", expected: "a string", found: unit)
                }
                warnings.append("\(key)[\(index)].unit is missing: taken as nanometer")
                units.append(nanometer)
                continue
            }
            guard let unit = LengthUnit(name) else {
                throw errors.unsupported(
                    "\(key)[\(index)].unit",
                    "expected nanometer or another unit of length, found \"\(VolumeError.printable(name))\"")
            }
            units.append(AxisUnit(name: name, unit: unit))
        }
        return ZYX(units) ?? ZYX(repeating: nanometer)
    }

    private mutating func levels(
        _ datasets: JSONValue?, key: String, units: ZYX<AxisUnit>, global: AxisTransform
    ) throws(VolumeError) -> [Multiscale.Level] {
        guard let list = datasets?.array else { throw errors.bad(key, expected: "an array", found: datasets) }
        guard list.count <= Multiscale.maximumLevelCount else {
            throw errors.tooLarge(key, "expected at most \(Multiscale.maximumLevelCount) levels, found \(list.count)")
        }
        var levels: [Multiscale.Level] = []
        for (index, dataset) in list.enumerated() where !dataset.isNull {
            let level = try level(dataset, key: "\(key)[\(index)]", units: units, global: global)
            guard !levels.contains(where: { $0.path == level.path }) else {
                throw errors.bad("\(key)[\(index)].path", expected: "a path of its own", found: dataset["path"])
            }
            levels.append(level)
        }
        guard !levels.isEmpty else { throw errors.bad(key, expected: "at least one level", found: datasets) }
        return levels
    }

    private mutating func level(
        _ dataset: JSONValue, key: String, units: ZYX<AxisUnit>, global: AxisTransform
    ) throws(VolumeError) -> Multiscale.Level {
        guard let path = dataset["path"]?.string else {
            throw errors.bad("\(key).path", expected: "a path", found: dataset["path"])
        }
        if let objection = LevelPath.objection(path) {
            throw VolumeError(
                .badMetadata, path: errors.path, key: "\(key).path",
                "expected a path below the group, but \"\(VolumeError.printable(path))\" \(objection)")
        }
        let transformsKey = "\(key).coordinateTransformations"
        let own = try transform(dataset["coordinateTransformations"], key: transformsKey)
        guard own.hasScale || global.hasScale else {
            throw errors.bad(transformsKey, expected: "a scale", found: dataset["coordinateTransformations"])
        }
        let factors = units.map(\.unit.nanometers)
        let whole = own.followed(by: global)
        let scale = whole.scale.zip(factors, *)
        let translation = whole.translation.zip(factors, *)
        guard scale.allSatisfy({ $0.isFinite && $0 > 0 }), translation.allSatisfy(\.isFinite) else {
            throw VolumeError(
                .badMetadata, path: errors.path, key: transformsKey,
                "expected finite numbers and a scale above 0, found scale \(scale), translation \(translation) nm")
        }
        return Multiscale.Level(path: path, scale: scale, translation: translation)
    }

    /// A list of transformations as one; null and missing are the identity.
    private func transform(_ list: JSONValue?, key: String) throws(VolumeError) -> AxisTransform {
        guard let list, !list.isNull else { return AxisTransform() }
        guard let entries = list.array else { throw errors.bad(key, expected: "an array", found: list) }
        var result = AxisTransform()
        for (index, entry) in entries.enumerated() where !entry.isNull {
            let key = "\(key)[\(index)]"
            switch try kind(of: entry, key: key) {
            case "scale":
                let scale = try vector(entry["scale"], key: "\(key).scale")
                guard scale.allSatisfy({ $0 > 0 }) else {
                    throw errors.bad("\(key).scale", expected: "3 numbers above 0", found: entry["scale"])
                }
                result.scale(by: scale)
            case "translation":
                result.translate(by: try vector(entry["translation"], key: "\(key).translation"))
            case "identity": break
            case let other:
                throw errors.unsupported(
                    "\(key).type", "expected scale or translation, found \"\(VolumeError.printable(other))\"")
            }
        }
        return result
    }

    /// The type of a transformation. Where `type` is null or missing, the other member tells it.
    private func kind(of entry: JSONValue, key: String) throws(VolumeError) -> String {
        if let type = entry["type"]?.string { return type }
        if let type = entry["type"], !type.isNull { throw errors.bad("\(key).type", expected: "a string", found: type) }
        if entry["scale"]?.array != nil { return "scale" }
        if entry["translation"]?.array != nil { return "translation" }
        throw errors.bad("\(key).type", expected: "scale or translation", found: entry["type"])
    }

    private func vector(_ value: JSONValue?, key: String) throws(VolumeError) -> ZYX<Double> {
        let numbers = value?.array?.compactMap(\.double).filter(\.isFinite)
        guard let numbers, numbers.count == value?.array?.count, let vector = ZYX(numbers) else {
            throw errors.bad(key, expected: "3 numbers", found: value)
        }
        return vector
    }
}

/// Scales and translations of three axes, one after another, as one: `position = scale * index + translation`.
private struct AxisTransform {
    private(set) var scale = ZYX(repeating: 1.0)
    private(set) var translation = ZYX(repeating: 0.0)
    /// Whether there was a scale at all.
    private(set) var hasScale = false

    var isIdentity: Bool { scale == ZYX(repeating: 1) && translation == ZYX(repeating: 0) }

    mutating func scale(by factors: ZYX<Double>) {
        scale = scale.zip(factors, *)
        translation = translation.zip(factors, *)
        hasScale = true
    }

    mutating func translate(by offset: ZYX<Double>) { translation = translation.zip(offset, +) }

    /// This transform first, then `next`.
    func followed(by next: AxisTransform) -> AxisTransform {
        var result = self
        result.scale(by: next.scale)
        result.translate(by: next.translation)
        result.hasScale = hasScale || next.hasScale
        return result
    }
}
