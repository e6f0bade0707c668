internal import Geometry
internal import JSONText

/// Finds the levels of an N5 group and their grids, and collects warnings on the way.
struct N5MultiscaleReader {
    typealias ArrayAttributes = (path: String, attributes: JSONValue)

    let errors: MetadataErrors
    private var warnings = N5Warnings()

    init(errors: MetadataErrors) { self.errors = errors }

    /// A level before its grid is known.
    private struct Candidate {
        let path: String
        /// The level's `transform` in the group's attributes, and its key.
        var transform: JSONValue?
        var key = ""
        /// The attributes of the array; nil where they were not given.
        var attributes: JSONValue?
    }

    mutating func multiscale(_ group: JSONValue, arrays: [ArrayAttributes]) throws(VolumeError) -> Multiscale {
        guard group.isNull || group.object != nil else {
            throw VolumeError(.notAnArray, path: errors.path, "expected an object, found \(group.kind)")
        }
        if let dimensions = group["dimensions"], !dimensions.isNull {
            throw VolumeError(
                .notAnArray, path: errors.path, key: "dimensions", "expected a group, found the attributes of an array")
        }
        var candidates = try namedLevels(group)
        if candidates.isEmpty { candidates = try listedLevels(group, arrays) }
        candidates = try withAttributes(candidates, arrays)
        guard candidates.count <= Multiscale.maximumLevelCount else {
            throw errors.tooLarge(
                "multiscales",
                "expected at most \(Multiscale.maximumLevelCount) levels, found \(candidates.count)")
        }
        try check(candidates)

        var known: [COSEMTransform?] = []
        for candidate in candidates { known.append(try ownTransform(candidate)) }
        var grids = known.compactMap { $0 }
        if grids.count < candidates.count {
            let levels = candidates.map { N5VoxelSizes.Level(path: $0.path, attributes: $0.attributes ?? .null) }
            grids = try N5VoxelSizes(group: group, errors: errors)
                .transforms(levels, known: known, warnings: &warnings)
        }
        try comparePixelResolution(group, grids)
        guard let first = grids.first else { throw noLevels(group) }
        return Multiscale(
            levels: zip(candidates, grids).map {
                Multiscale.Level(path: $0.path, scale: $1.scale, translation: $1.translation)
            },
            declaredUnits: first.units, warnings: warnings.lines)
    }

    /// The levels that `multiscales` names; none where there is no such member.
    private mutating func namedLevels(_ group: JSONValue) throws(VolumeError) -> [Candidate] {
        guard let member = group["multiscales"], !member.isNull else { return [] }
        guard let list = member.array else { throw errors.bad("multiscales", expected: "an array", found: member) }
        let present = list.indices.filter { !list[$0].isNull }
        guard let first = present.first else { return [] }
        if present.count > 1 {
            warnings.add("multiscales has \(present.count) entries, the first is taken")
        }
        let key = "multiscales[\(first)].datasets"
        guard list[first].object != nil else {
            throw errors.bad("multiscales[\(first)]", expected: "an object", found: list[first])
        }
        guard let datasets = list[first]["datasets"]?.array else {
            throw errors.bad(key, expected: "an array", found: list[first]["datasets"])
        }
        guard datasets.count <= Multiscale.maximumLevelCount else {
            throw errors.tooLarge(
                key, "expected at most \(Multiscale.maximumLevelCount) levels, found \(datasets.count)")
        }
        var levels: [Candidate] = []
        for (index, dataset) in datasets.enumerated() where !dataset.isNull {
            // The second version of COSEM's metadata has bare paths here, and transforms in the arrays only.
            guard let path = dataset.string ?? dataset["path"]?.string else {
                throw errors.bad("\(key)[\(index)].path", expected: "a path", found: dataset["path"])
            }
            let transform = dataset["transform"].flatMap { $0.isNull ? nil : $0 }
            levels.append(Candidate(path: path, transform: transform, key: "\(key)[\(index)].transform"))
        }
        guard !levels.isEmpty else { throw errors.bad(key, expected: "at least one level", found: list[first]) }
        return levels
    }

    /// The arrays s0, s1, … of a group that names no levels; a single array of another name is a level too.
    private func listedLevels(_ group: JSONValue, _ arrays: [ArrayAttributes]) throws(VolumeError) -> [Candidate] {
        let numbered = arrays.compactMap { array in
            N5VoxelSizes.levelNumber(array.path).map { (number: $0, path: array.path) }
        }
        if !numbered.isEmpty {
            return numbered.sorted { $0.number < $1.number }.map { Candidate(path: $0.path) }
        }
        if let only = arrays.first {
            guard arrays.count == 1 else {
                throw VolumeError(
                    .notAnArray, path: errors.path,
                    "expected multiscales or arrays s0, s1, …, found \(arrays.count) arrays, "
                        + "\"\(VolumeError.printable(only.path))\" first")
            }
            return [Candidate(path: only.path)]
        }
        // The group was not listed, so n5-viewer's factors give the number of levels.
        let count = (group["downsamplingFactors"] ?? group["scales"])?.array?.count ?? 0
        guard count > 0 else { throw noLevels(group) }
        guard count <= Multiscale.maximumLevelCount else {
            throw errors.tooLarge(
                "scales", "expected at most \(Multiscale.maximumLevelCount) levels, found \(count)")
        }
        return (0..<count).map { Candidate(path: "s\($0)") }
    }

    private func noLevels(_ group: JSONValue) -> VolumeError {
        let members = group.object?.keys.sorted().joined(separator: ", ") ?? ""
        return VolumeError(
            .notAnArray, path: errors.path, key: "multiscales",
            "expected multiscales, scales, or arrays s0, s1, … below the group, found "
                + (members.isEmpty ? "no attributes and no arrays" : "only \(VolumeError.printable(members))"))
    }

    /// The candidates with the attributes of their arrays, without those whose array is missing.
    private mutating func withAttributes(
        _ candidates: [Candidate], _ arrays: [ArrayAttributes]
    ) throws(VolumeError) -> [Candidate] {
        guard !arrays.isEmpty else { return candidates }
        var found: [Candidate] = []
        for var candidate in candidates {
            guard let array = arrays.first(where: { $0.path == candidate.path }) else {
                warnings.add("level \"\(VolumeError.printable(candidate.path))\" has no array and is left out")
                continue
            }
            candidate.attributes = array.attributes
            found.append(candidate)
        }
        guard !found.isEmpty else {
            throw VolumeError(
                .badMetadata, path: errors.path, key: "multiscales",
                "none of its \(candidates.count) levels is among the \(arrays.count) arrays of the group")
        }
        return found
    }

    /// Paths must stay below the group and differ, arrays must have three axes.
    private func check(_ candidates: [Candidate]) throws(VolumeError) {
        var paths: Set<String> = []
        for candidate in candidates {
            let name = VolumeError.printable(candidate.path)
            if let objection = LevelPath.objection(candidate.path) {
                throw VolumeError(
                    .badMetadata, path: errors.path, key: "multiscales",
                    "expected a path below the group, but \"\(name)\" \(objection)")
            }
            guard paths.insert(candidate.path).inserted else {
                throw VolumeError(
                    .badMetadata, path: errors.path, key: "multiscales",
                    "expected each path once, found \"\(name)\" twice")
            }
            guard let attributes = candidate.attributes else { continue }
            guard attributes.object != nil else {
                throw errors.bad(name, expected: "an object of attributes", found: attributes)
            }
            if let dimensions = attributes["dimensions"]?.array, dimensions.count != 3 {
                throw errors.unsupported("\(name)/dimensions", "expected 3 axes, found \(dimensions.count)")
            }
        }
    }

    /// The grid that the group or the array states for a level; nil where neither has a transform.
    private mutating func ownTransform(_ candidate: Candidate) throws(VolumeError) -> COSEMTransform? {
        var stated: COSEMTransform?
        if let transform = candidate.transform {
            stated = try COSEMTransform(transform, key: candidate.key, errors: errors, warnings: &warnings)
        }
        guard let json = candidate.attributes?["transform"], !json.isNull else { return stated }
        let name = VolumeError.printable(candidate.path)
        let own = try COSEMTransform(json, key: "\(name)/transform", errors: errors, warnings: &warnings)
        guard let stated else { return own }
        if !own.agrees(with: stated) {
            warnings.add(
                "\(name)/transform has scale \(own.scale), translate \(own.translation) nm, but the group's "
                    + "multiscales scale \(stated.scale), translate \(stated.translation) nm: the group's is taken")
        }
        return stated
    }

    /// The group's `pixelResolution` repeats the voxel size of the first level.
    private mutating func comparePixelResolution(_ group: JSONValue, _ grids: [COSEMTransform]) throws(VolumeError) {
        guard let first = grids.first, group["multiscales"] != nil else { return }
        guard let value = group["pixelResolution"], !value.isNull else { return }
        let size = try N5VoxelSizes.pixelResolution(value, key: "pixelResolution", errors: errors, warnings: &warnings)
        if !size.scale.zip(first.scale, { abs($0 - $1) <= 1e-6 * $1 }).allSatisfy({ $0 }) {
            warnings.add(
                "pixelResolution is \(size.scale) nm (z, y, x), but the first level has \(first.scale) nm: "
                    + "the level's is taken")
        }
    }
}
