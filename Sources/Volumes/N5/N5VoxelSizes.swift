internal import Geometry
internal import JSONText

/// The grids of levels that have no `transform`: a voxel size and downsampling factors, as n5-viewer, neuroglancer and
/// n5-spark write them, all x, y, z.
///
/// A downsampled voxel covers whole finer voxels. So its first centre is shifted by `(factor - 1) / 2` finest voxels
/// (https://github.com/saalfeldlab/n5-viewer#container-structure).
struct N5VoxelSizes {
    struct Level {
        let path: String
        let attributes: JSONValue
        var name: String { VolumeError.printable(path) }
    }

    struct PixelResolution: Equatable {
        /// nm per voxel.
        let scale: ZYX<Double>
        let units: ZYX<String>
    }

    let group: JSONValue
    let errors: MetadataErrors

    /// The number of an array named `s0`, `s1`, …; nil for other names.
    static func levelNumber(_ path: String) -> Int? {
        guard path.first == "s", let number = Int(path.dropFirst()), path == "s\(number)", number >= 0 else {
            return nil
        }
        return number
    }

    /// The grids of all levels, `known` ones as they are.
    ///
    /// - Throws: ``VolumeError`` with code `.badMetadata` and the missing members where no member gives a voxel size.
    func transforms(
        _ levels: [Level], known: [COSEMTransform?], warnings: inout N5Warnings
    ) throws(VolumeError) -> [COSEMTransform] {
        for member in ["affineTransform", "spatialTransform"] where group[member].map({ !$0.isNull }) ?? false {
            warnings.add("\(member) is not applied")
        }
        let groupSize = try size(group, prefix: "", warnings: &warnings)
        var firstSize: PixelResolution?
        var result: [COSEMTransform] = []
        for (index, level) in levels.enumerated() {
            if let transform = known[index] {
                if index == 0 { firstSize = PixelResolution(scale: transform.scale, units: transform.units) }
                result.append(transform)
                continue
            }
            if Multiscale.isPublicationsLayout(level.attributes) {
                throw Multiscale.publicationsLayoutError(path: errors.path, array: level.name)
            }
            let own = try size(level.attributes, prefix: "\(level.name)/", warnings: &warnings)
            if index == 0 { firstSize = own }
            var transform: COSEMTransform
            if let factor = try factor(of: level, at: index) {
                guard let base = groupSize ?? firstSize ?? own else { throw missingSize(level) }
                transform = try downsampled(base, by: factor, own: own, level: level, warnings: &warnings)
            } else if let own {
                transform = try standAlone(own, first: groupSize ?? firstSize, level: level, warnings: &warnings)
            } else if groupSize != nil {
                throw VolumeError(
                    .badMetadata, path: errors.path, key: "\(level.name)/downsamplingFactors",
                    "the group's voxel size holds for its first level only: expected downsamplingFactors or "
                        + "pixelResolution of the array, or scales of the group, found none of them")
            } else {
                throw missingSize(level)
            }
            if let origin = known[0]?.translation { transform = transform.moved(by: origin) }
            result.append(transform)
        }
        return result
    }

    /// A level whose voxels cover `factor` voxels of size `base`.
    private func downsampled(
        _ base: PixelResolution, by factor: ZYX<Double>, own: PixelResolution?, level: Level,
        warnings: inout N5Warnings
    ) throws(VolumeError) -> COSEMTransform {
        let scale = base.scale.zip(factor, *)
        // The array repeats the finest voxel size (n5-viewer) or gives its own (COSEM).
        if let own, !Self.isClose(own.scale, base.scale), !Self.isClose(own.scale, scale) {
            warnings.add(
                "\(level.name)/pixelResolution is \(own.scale) nm (z, y, x), neither \(base.scale) nor that times "
                    + "its downsampling factors, which is taken")
        }
        guard scale.allSatisfy(\.isFinite) else {
            throw VolumeError(
                .badMetadata, path: errors.path, key: "\(level.name)/downsamplingFactors",
                "expected a finite voxel size, found \(scale) nm")
        }
        return COSEMTransform(
            scale: scale, translation: scale.zip(base.scale) { ($0 - $1) / 2 }, units: base.units)
    }

    /// A level below the first that states its own voxel size, and no factors.
    private func standAlone(
        _ own: PixelResolution, first: PixelResolution?, level: Level, warnings: inout N5Warnings
    ) throws(VolumeError) -> COSEMTransform {
        let first = first ?? own
        guard !Self.isClose(own.scale, first.scale) else {
            throw VolumeError(
                .badMetadata, path: errors.path, key: "\(level.name)/downsamplingFactors",
                "the array states the voxel size of the first level, \(own.scale) nm: expected downsamplingFactors, "
                    + "found nothing")
        }
        warnings.add("\(level.name) has a voxel size but no translation: taken as starting at the first level's edge")
        return COSEMTransform(
            scale: own.scale, translation: own.scale.zip(first.scale) { ($0 - $1) / 2 }, units: own.units)
    }

    private func missingSize(_ level: Level) -> VolumeError {
        let found = level.attributes.object?.keys.sorted().joined(separator: ", ") ?? ""
        return VolumeError(
            .badMetadata, path: errors.path, key: "\(level.name)/transform",
            "nothing states the voxel size: expected transform or pixelResolution of the array, or multiscales or "
                + "pixelResolution of the group, found \(found.isEmpty ? "nothing" : VolumeError.printable(found)) "
                + "in the array's attributes")
    }

    private static func isClose(_ one: ZYX<Double>, _ other: ZYX<Double>) -> Bool {
        one.zip(other) { abs($0 - $1) <= 1e-3 * $1 }.allSatisfy { $0 }
    }

    /// How many finest voxels a voxel of the level covers, from the array's attributes or else from the group's list.
    private func factor(of level: Level, at index: Int) throws(VolumeError) -> ZYX<Double>? {
        if let own = level.attributes["downsamplingFactors"], !own.isNull {
            return try factors(own, key: "\(level.name)/downsamplingFactors")
        }
        for member in ["downsamplingFactors", "scales"] {
            guard let list = group[member], !list.isNull else { continue }
            let number = Self.levelNumber(level.path) ?? index
            guard list.array != nil else { throw errors.bad(member, expected: "an array", found: list) }
            guard let entry = list[number] else {
                throw errors.bad("\(member)[\(number)]", expected: "the factors of \(level.name)", found: nil)
            }
            return try factors(entry, key: "\(member)[\(number)]")
        }
        // The first array is not downsampled, and may lack a factor.
        return index == 0 ? ZYX(repeating: 1) : nil
    }

    private func factors(_ value: JSONValue, key: String) throws(VolumeError) -> ZYX<Double> {
        let factors = try N5Vector.fromXYZ(value, key: key, errors: errors)
        guard factors.allSatisfy({ $0 > 0 }) else { throw errors.bad(key, expected: "3 numbers above 0", found: value) }
        return factors
    }

    /// The voxel size that an array or the group states; nil where it states none.
    private func size(
        _ attributes: JSONValue, prefix: String, warnings: inout N5Warnings
    ) throws(VolumeError) -> PixelResolution? {
        if let value = attributes["pixelResolution"], !value.isNull {
            return try Self.pixelResolution(
                value, key: "\(prefix)pixelResolution", errors: errors, warnings: &warnings)
        }
        guard let value = attributes["resolution"], !value.isNull else { return nil }
        let key = "\(prefix)resolution"
        if let axes = attributes["axes"], !axes.isNull, axes != ["x", "y", "z"] {
            throw errors.unsupported(
                "\(prefix)axes", "expected x, y, z beside resolution, found \(MetadataErrors.excerpt(axes))")
        }
        if let offset = attributes["offset"], !offset.isNull, offset.array?.contains(where: { $0.double != 0 }) ?? true
        {
            throw errors.unsupported(
                "\(prefix)offset",
                "expected 0 beside resolution, found \(MetadataErrors.excerpt(offset)): give the grid of the array")
        }
        let units = try N5Vector.units(
            attributes["units"], key: "\(prefix)units", errors: errors, warnings: &warnings)
        return try Self.pixelResolution(value, units: units, key: key, errors: errors)
    }

    /// A `pixelResolution`: an object of `dimensions` (x, y, z) and `unit`, or the three numbers alone.
    static func pixelResolution(
        _ value: JSONValue, key: String, errors: MetadataErrors, warnings: inout N5Warnings
    ) throws(VolumeError) -> PixelResolution {
        let isObject = value.object != nil
        let unit = try N5Vector.unit(value["unit"], key: "\(key).unit", errors: errors, warnings: &warnings)
        return try pixelResolution(
            isObject ? value["dimensions"] : value, units: [unit, unit, unit],
            key: isObject ? "\(key).dimensions" : key, errors: errors)
    }

    private static func pixelResolution(
        _ value: JSONValue?, units: [N5Vector.Unit], key: String, errors: MetadataErrors
    ) throws(VolumeError) -> PixelResolution {
        let numbers = try N5Vector.fromXYZ(value, key: key, errors: errors)
        try N5Vector.checkPositive(numbers, value, key: key, errors: errors)
        let scale = ZYX(
            numbers.z * units[2].nanometers, numbers.y * units[1].nanometers, numbers.x * units[0].nanometers)
        guard scale.allSatisfy(\.isFinite) else {
            throw errors.bad(key, expected: "numbers that are finite in nm", found: value)
        }
        return PixelResolution(scale: scale, units: ZYX(units[2].name, units[1].name, units[0].name))
    }
}
