public import Arrays
internal import Elements
internal import Geometry
internal import JSONText
public import Manifest
public import Stores
internal import Threads
public import Volumes

/// One alignment of a dataset (`recon-1`, `recon-2`, …) with what lies below it.
struct Reconstruction: Sendable {
    /// Key of the folder, below the store.
    let key: String
    /// Keys of the EM images, the one to prefer first.
    var images: [String]
    /// Names of the ground-truth crop groups.
    let crops: [String]
    /// Label images that cover the whole volume, predictions among them.
    var segmentations: [LabelImage]
    let hasInference: Bool
    /// Whether the manifest names labels of its own.
    var hasGivenLabels = false
    /// What is left out of it and why, one line each.
    var notes: [String] = []

    /// Whether there are labels that somebody has drawn.
    var hasGroundtruth: Bool { !crops.isEmpty || hasGivenLabels }

    /// A label image: its name, and its key below the store.
    struct LabelImage: Sendable {
        let name: String
        let key: String
    }
}

/// A multiscale image: where it is, and what its levels are.
public struct MultiscaleImage: Sendable {
    let key: String
    let multiscale: Multiscale
    /// The group's metadata as the store gave it.
    let attributes: String
    var format = VolumeFormat.zarrV2
    /// Whether the axes of the arrays are stored the other way round.
    var isReversed = false

    /// The key of the array of a level.
    func key(of level: Multiscale.Level) -> String { level.path.isEmpty ? key : "\(key)/\(level.path)" }

    /// The attributes of the group.
    var values: JSONValue {
        guard let json = try? JSONValue(parsing: attributes.utf8) else { return .null }
        return format == .zarrV3 ? json["attributes"] ?? .null : json
    }
}

/// The store has no dataset of this name; it was asked, and has answered.
public struct MissingDataset: Error {
    /// The same as a failure.
    public let failure: Failure
}

/// Finds out what a dataset holds, by listing: neither `recon-1` nor `fibsem-uint8` is taken for granted.
public struct DatasetReader: Sendable {
    public let dataset: String
    public let cache: MetadataCache
    /// Whether only what a to-download list names may be used.
    public let isListed: Bool
    /// Arrays of the dataset whose grids the manifest gives.
    public var grids: [Manifest.ArrayGrid] = []

    public init(dataset: String, cache: MetadataCache, isListed: Bool, grids: [Manifest.ArrayGrid] = []) {
        (self.dataset, self.cache, self.isListed, self.grids) = (dataset, cache, isListed, grids)
    }

    /// The alignments of the dataset's container, in the order of their names.
    ///
    /// - Throws: ``MissingDataset`` where there is no such dataset.
    func reconstructions() async throws -> [Reconstruction] {
        let top = try await cache.list(dataset)
        guard let container = Self.container(of: dataset, in: top) else {
            let found = (top.prefixes + top.objects.map(\.name)).prefix(5).joined(separator: ", ")
            throw MissingDataset(
                failure: Failure(
                    item: nil, dataset: dataset, stage: "discover",
                    reason: found.isEmpty
                        ? "there is nothing at \(url(dataset))"
                        : "no container \(dataset).zarr or \(dataset).n5 at \(url(dataset)); found \(found)"))
        }
        let root = "\(dataset)/\(container)"
        var folders = try await cache.list(root).prefixes
            .filter { $0.hasBytePrefix("recon") }
            .map { "\(root)/\($0)" }
        // Containers from before there were alignments have `em` and `labels` at the top.
        if folders.isEmpty { folders = [root] }
        var found = try await concurrentMap(folders) { try await reconstruction($0) }
        // What the manifest gives comes first, and belongs to the alignment that its path names, or else to the first one.
        for grid in grids.reversed() {
            let key = "\(root)/\(grid.path)"
            let index = found.firstIndex { key.hasBytePrefix($0.key + "/") } ?? 0
            guard found.indices.contains(index) else { continue }
            // It stands for the image that it is a level of.
            let isLevel = { (image: String) in key.hasSameBytes(as: image) || key.hasBytePrefix(image + "/") }
            if let name = grid.labelClass {
                found[index].segmentations.removeAll { isLevel($0.key) }
                found[index].segmentations.insert(Reconstruction.LabelImage(name: name, key: key), at: 0)
                found[index].hasGivenLabels = true
            } else {
                found[index].images.removeAll(where: isLevel)
                found[index].images.insert(key, at: 0)
            }
        }
        return found
    }

    /// Whether `name` is a dataset: a folder with a container in it.
    public static func container(of dataset: String, in listing: Listing) -> String? {
        // The Zarr container holds what the N5 one does, and the ground truth.
        for suffix in [".zarr", ".n5"] {
            let containers = listing.prefixes.filter { $0.hasByteSuffix(suffix) }
            if containers.hasName(dataset + suffix) { return dataset + suffix }
            if let first = containers.first { return first }
        }
        return nil
    }

    private func reconstruction(_ key: String) async throws -> Reconstruction {
        async let images = cache.list("\(key)/em")
        async let crops = cache.list("\(key)/labels/groundtruth")
        let (segmentations, notes) = try await segmentations(key)
        return Reconstruction(
            key: key,
            images: try await images.prefixes.sorted { Self.rank($0) < Self.rank($1) }.map { "\(key)/em/\($0)" },
            crops: try await crops.prefixes.filter { Self.cropID($0) != nil }
                .sorted { (Self.cropID($0) ?? 0, $0) < (Self.cropID($1) ?? 0, $1) },
            segmentations: segmentations, hasInference: !segmentations.isEmpty, notes: notes)
    }

    /// The label images that cover the whole volume, and what is left out.
    private func segmentations(_ key: String) async throws -> (images: [Reconstruction.LabelImage], notes: [String]) {
        guard Self.isN5(key) else { return try await predictions("\(key)/labels/inference") }
        // N5 containers have them beside the other label images, too.
        let folder = "\(key)/labels"
        let (present, others) = (try await cache.list(folder).prefixes, ["groundtruth", "inference", "masks"])
        let own = present.filter { !others.hasName($0) }.map {
            Reconstruction.LabelImage(name: $0, key: "\(folder)/\($0)")
        }
        guard present.hasName("inference") else { return (own.sorted { ByteName($0.name) < ByteName($1.name) }, []) }
        var (images, notes) = try await predictions("\(folder)/inference")
        images.removeAll { image in
            let isDouble = own.contains { $0.name.hasSameBytes(as: image.name) }
            if isDouble { notes.append("\(url(image.key)) is left out: \(folder)/\(image.name) is taken") }
            return isDouble
        }
        return ((own + images).sorted { ByteName($0.name) < ByteName($1.name) }, notes)
    }

    /// The label images in `segmentations`, and those beside that folder.
    private func predictions(
        _ folder: String
    ) async throws -> (images: [Reconstruction.LabelImage], notes: [String]) {
        let (segmentations, scores) = ("segmentations", "predictions")
        let present = try await cache.list(folder).prefixes.sortedByBytes()
        let own =
            present.hasName(segmentations)
            ? try await cache.list("\(folder)/\(segmentations)").prefixes.sortedByBytes() : []
        var notes: [String] = []
        let beside = try await concurrentMap(present.filter { ![segmentations, scores].hasName($0) }) { name in
            (name: name, isImage: try await isImage("\(folder)/\(name)"))
        }.filter { name, isImage in
            if !isImage {
                notes.append("\(url("\(folder)/\(name)")) is left out: it is no label image, for it has no multiscales")
            } else if own.hasName(name) {
                notes.append(
                    "\(url("\(folder)/\(name)")) is left out: \(segmentations)/\(name) beside it is taken")
            }
            return isImage && !own.hasName(name)
        }.map(\.name)
        let images =
            own.map { Reconstruction.LabelImage(name: $0, key: "\(folder)/\(segmentations)/\($0)") }
            + beside.map { Reconstruction.LabelImage(name: $0, key: "\(folder)/\($0)") }
        return (images.sorted { ByteName($0.name) < ByteName($1.name) }, notes)
    }

    /// Whether a folder is a multiscale image, or holds an array whose grid the manifest gives. What is wrong with an image is told where
    /// it is used.
    private func isImage(_ key: String) async throws -> Bool {
        let path = ArrayPlan.path(of: key)
        if grids.contains(where: { $0.path.hasSameBytes(as: path) || $0.path.hasBytePrefix(path + "/") }) {
            return true
        }
        if Self.isN5(key), try await cache.list(key).prefixes.contains(where: { $0.hasBytePrefix("s") }) { return true }
        for format in Self.isN5(key) ? [VolumeFormat.n5] : [.zarrV2, .zarrV3] {
            guard let text = try await cache.text("\(key)/\(format.attributesName)") else { continue }
            guard let json = try? JSONValue(parsing: text.utf8) else { return true }
            let attributes = format == .zarrV3 ? json["attributes"] ?? .null : json
            // The last is an array of N5.
            let signs = [attributes["multiscales"], attributes["ome"]?["multiscales"], attributes["dimensions"]]
            return signs.contains { !($0?.isNull ?? true) }
        }
        return false
    }

    /// Whether a key lies in an N5 container.
    static func isN5(_ key: String) -> Bool {
        key.pathComponents().dropFirst().first?.hasByteSuffix(".n5") ?? false
    }

    /// `fibsem-uint8` first, then the other FIB-SEM images, then the rest.
    private static func rank(_ image: String) -> (Int, String) {
        (image == "fibsem-uint8" ? 0 : image.hasBytePrefix("fibsem") ? 1 : 2, image)
    }

    /// The number of a crop group: `crop124` is 124; nil for other names.
    public static func cropID(_ name: String) -> Int? {
        guard name.hasBytePrefix("crop") else { return nil }
        let digits = name.dropFirst(4).drop { $0 == "_" || $0 == "-" }
        guard !digits.isEmpty, digits.count < 18, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(digits)
    }

    /// The multiscale image at `key`; with a to-download list only the levels that it names.
    ///
    /// - Throws: ``VolumeError`` where the metadata is missing or makes no sense.
    public func image(_ key: String) async throws -> MultiscaleImage {
        if let grid = grids.first(where: { ArrayPlan.path(of: key).hasSameBytes(as: $0.path) }) {
            return try await givenImage(key, grid)
        }
        if Self.isN5(key) { return try await imageN5(key) }
        var path = "\(key)/.zattrs"
        var format = VolumeFormat.zarrV2
        var found = try await cache.text(path)
        if found == nil, let node = try await cache.text("\(key)/zarr.json") {
            (found, format, path) = (node, .zarrV3, "\(key)/zarr.json")
        }
        guard let text = found else {
            throw VolumeError(.badMetadata, path: url(path), "there is no such object")
        }
        let value = try parse(text, path)
        let attributes =
            format == .zarrV3 ? try ZarrV3Node(Array(text.utf8), path: url(path)).attributes : value
        var multiscale = try Multiscale(attributes: attributes, path: url(path))
        if isListed {
            let listed = try await cache.list(key).prefixes
            multiscale = Multiscale(
                levels: multiscale.levels.filter { listed.hasName($0.path) },
                declaredUnits: multiscale.declaredUnits, warnings: multiscale.warnings)
        }
        return MultiscaleImage(key: key, multiscale: multiscale, attributes: text, format: format)
    }

    /// An array whose grid the manifest gives, as an image of one level.
    private func givenImage(_ key: String, _ grid: Manifest.ArrayGrid) async throws -> MultiscaleImage {
        let level = Multiscale.Level(path: "", scale: grid.voxelSizeNm, translation: grid.translationNm)
        let formats: [VolumeFormat] = Self.isN5(key) ? [.n5] : [.zarrV2, .zarrV3]
        for format in formats where try await cache.text("\(key)/\(format.arrayMetadataName)") != nil {
            let attributes = try await cache.text("\(key)/\(format.attributesName)") ?? "{}\n"
            return MultiscaleImage(
                key: key, multiscale: Multiscale(levels: [level]), attributes: attributes, format: format,
                isReversed: grid.axes == .xyz)
        }
        throw VolumeError(
            .notAnArray, path: url(key),
            "\"grids\" gives its grid, but there is no array: no "
                + formats.map(\.arrayMetadataName).joined(separator: ", no "))
    }

    /// The pyramid of an N5 group, whose levels say themselves where they lie.
    private func imageN5(_ key: String) async throws -> MultiscaleImage {
        let path = "\(key)/attributes.json"
        let text = try await cache.text(path)
        let group = try text.map { try parse($0, path) } ?? .null
        var arrays: [(path: String, attributes: JSONValue)] = []
        if group["dimensions"] == nil {
            let folders = try await cache.list(key).prefixes
            // Levels are s0, s1, …; an array that lies here instead of a group has folders by the thousand.
            let levels = folders.filter { $0.hasBytePrefix("s") }.prefix(Multiscale.maximumLevelCount)
            arrays = try await concurrentMap(Array(levels)) { level in
                let path = "\(key)/\(level)/attributes.json"
                return (path: level, attributes: try await cache.text(path).map { try parse($0, path) } ?? .null)
            }.filter { $0.attributes["dimensions"] != nil }
        }
        return MultiscaleImage(
            key: key, multiscale: try Multiscale(n5Group: group, arrays: arrays, path: url(path)),
            attributes: text ?? "{}\n", format: .n5)
    }

    private func parse(_ text: String, _ path: String) throws(VolumeError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: text.utf8)
        } catch {
            throw VolumeError(.badMetadata, path: url(path), error.description)
        }
    }

    /// The metadata of a level's array, checked to be three-dimensional.
    public func array(_ image: MultiscaleImage, level: Multiscale.Level) async throws -> (ArrayMetadata, text: String) {
        let path = "\(image.key(of: level))/\(image.format.arrayMetadataName)"
        guard let text = try await cache.text(path) else {
            throw VolumeError(.notAnArray, path: url(path), "there is no such object")
        }
        let stored = try ArrayMetadata(image.format, Array(text.utf8), path: url(path))
        let metadata = image.isReversed ? stored.withReversedAxes : stored
        guard metadata.shape.count == 3 else {
            throw VolumeError(
                .unsupported, path: url(path), key: "shape", "\(metadata.shape.count) axes, expected 3 (z, y, x)")
        }
        return (metadata, text)
    }

    /// The alignment that a crop's group lies in: what stands before `labels`.
    public func alignment(of group: String) -> String {
        group.split(separator: "/").prefix { $0 != "labels" }.joined(separator: "/")
    }

    public func url(_ key: String) -> String { cache.storeURL.url(of: key) }

    /// The plan of an array whose metadata do not say how its chunks are named, by what is there: where chunks of the box are nested, the
    /// metadata say so. One listing or a few, and none for metadata that say it themselves.
    func findingChunks(_ plan: ArrayPlan) async throws -> ArrayPlan {
        guard plan.format ?? .zarrV2 == .zarrV2, !plan.box.isEmpty,
            let nested = UndeclaredSeparator.nested(Array(plan.metadata.utf8))
        else { return plan }
        let blocks = try PlannedArray(plan, store: cache.storeURL).blocks
        // The axis that is stored first.
        let axis = plan.isReversed ?? false ? 2 : 0
        let (first, last) = (blocks.start[axis], blocks.stop[axis] - 1)
        for index in Set([first, first + (last - first) / 2, last]).sorted() {
            let listing: Listing
            do {
                listing = try await cache.list("\(plan.key)/\(index)")
            } catch let error as StoreError where error.cannotList {
                return plan
            }
            guard UndeclaredSeparator.isNested(listing.prefixes) else { continue }
            var plan = plan
            (plan.metadata, plan.isNestedUndeclared) = (nested, true)
            return plan
        }
        return plan
    }

    /// The metadata objects of a plan's arrays and groups, so that the pack opens as a hierarchy.
    public func metadata(of plan: ItemPlan) async throws -> [MetadataObject] {
        var keys = Self.groupKeys(plan.group, plan.raw.format)
        for array in plan.arrays {
            keys += Self.groupKeys(array.image, array.format)
            let format = array.format ?? .zarrV2
            keys += ["\(array.key)/\(format.arrayMetadataName)", "\(array.key)/\(format.attributesName)"]
        }
        let changed = Dictionary(
            plan.arrays.filter { $0.isNestedUndeclared ?? false }
                .map { (ByteName("\($0.key)/\(VolumeFormat.zarrV2.arrayMetadataName)"), $0.metadata) }
        ) { first, _ in first }
        let objects = try await concurrentMap(keys.distinctNames()) { key in
            // The pack is read by what it says itself.
            let found = changed[ByteName(key)]
            return try await cache.text(key).map { MetadataObject(key: key, text: found ?? $0) }
        }
        return objects.compactMap { $0 }
    }

    private static func groupKeys(_ group: String, _ format: VolumeFormat?) -> [String] {
        switch format {
        case nil, .zarrV2: ["\(group)/.zgroup", "\(group)/.zattrs"]
        case .some(let other): ["\(group)/\(other.attributesName)"]
        }
    }
}

extension VolumeFormat {
    /// As plans keep it: nil is Zarr v2.
    public var planned: VolumeFormat? { self == .zarrV2 ? nil : self }
}
