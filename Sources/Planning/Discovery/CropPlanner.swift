internal import Arrays
internal import Elements
public import Geometry
internal import Manifest
internal import Stores
internal import Threads
internal import Volumes

/// Plans one ground-truth crop: which arrays, which levels, which voxels.
struct CropPlanner: Sendable {
    /// Chunks of one array that an item may need; beyond that its metadata is nonsense.
    static let maximumChunks = 1 << 26

    let manifest: Manifest
    let reader: DatasetReader
    /// The raw images of the crop's alignment, the one to prefer first.
    let images: [MultiscaleImage]

    var rule: LevelChoice {
        LevelChoice(target: manifest.targetNm, tolerance: manifest.tolerance, preference: manifest.levels.preference)
    }

    /// What became of a crop.
    enum Planned: Sendable {
        case item(ItemPlan)
        case leftOut(LeftOut)
    }

    /// The plan of the crop in `group`, or why it is left out; and where it lies.
    func plan(name: String, cropID: Int, group: String) async throws -> (planned: Planned, place: CropPlace?) {
        let planned = try await plan(name, cropID, group)
        let labels: [ArrayPlan]
        switch planned {
        case .item(let item): labels = item.labels + item.derived.map(\.source)
        case .leftOut: labels = []
        }
        return (planned, try await place(name, cropID, group, labels))
    }

    /// Where a crop lies, by the finest labels in it: those that it is planned with, else any. nil where no label can be read.
    private func place(
        _ name: String, _ cropID: Int, _ group: String, _ labels: [ArrayPlan]
    ) async throws -> CropPlace? {
        // A crop reaches as far as all of its labels: so far raw data are in its file. Mostly they have one grid.
        let others = labels.dropFirst().map(\.grid).filter { $0 != labels.first?.grid }
        func place(_ grid: Grid) -> CropPlace {
            let start = others.reduce(grid.edge) { $0.zip($1.edge, min) }
            let stop = others.reduce(grid.edge.zip(grid.extent, +)) { $0.zip($1.edge.zip($1.extent, +), max) }
            return CropPlace(
                name: name, cropID: cropID, alignment: reader.alignment(of: group), edge: start,
                extent: others.isEmpty ? grid.extent : stop.zip(start, -), voxelSize: grid.voxelSize)
        }
        do {
            let present = try await reader.cache.list(group).prefixes
            let other = present.contains("all") ? "all" : present.first
            guard let label = labels.first?.image ?? other.map({ "\(group)/\($0)" }) else { return nil }
            let image = try await reader.image(label)
            guard let level = rule.finest(image.places).map({ image.multiscale.levels[$0] }) else { return nil }
            let (metadata, _) = try await reader.array(image, level: level)
            return place(try grid(of: metadata, level: level, path: label))
        } catch is VolumeError {
            // A to-download list names only the levels that are needed.
            return labels.first.map { place($0.grid) }
        }
    }

    private func plan(_ name: String, _ cropID: Int, _ group: String) async throws -> Planned {
        let present = try await reader.cache.list(group).prefixes
        let wanted = manifest.classes == ["*"] ? present : present.filter { manifest.classes.hasName($0) }
        let rules = deriveRules(present: present)
        guard !wanted.isEmpty || !rules.isEmpty else {
            return .leftOut(
                LeftOut(
                    name: name, dataset: reader.dataset, cropID: cropID, reason: .notAnnotated,
                    message: "\(reader.url(group)) has no labels of \(manifest.classes.joined(separator: ", "))",
                    classes: manifest.namedClasses))
        }
        // In a file's text outputs classes are members of objects, where they would be one.
        if Set(wanted).count < wanted.distinctNames().count {
            throw VolumeError(
                .unsupported, path: reader.url(group),
                "two of its classes differ only in how accents are written; name one of them in the manifest's classes")
        }

        let names = (wanted + rules.map(\.rule.from)).distinctNames()
        let labels = try await concurrentMap(names) { try await reader.image("\(group)/\($0)") }
        guard let chosen = chooseLevels(labels) else {
            throw VolumeError(
                .badMetadata, path: reader.url(group), "neither the raw image nor the labels have a level to use")
        }
        var arrays: [ByteName: ArrayPlan] = [:]
        for (index, name) in names.enumerated() {
            arrays[ByteName(name)] = try await labelPlan(
                name, labels[index], labels[index].multiscale.levels[chosen.choice.labels[index]])
        }
        // A class whose labels are empty is no failure, but there is nothing to place the crop by.
        let grids = arrays.values.map(\.grid)
        let raw = try await rawPlan(
            chosen.image, level: rawLevel(chosen, around: grids), around: grids, group: group)
        let derived = rules.compactMap { name, rule in
            arrays[ByteName(rule.from)].map {
                DerivePlan(name: name, source: $0, ids: rule.ids, instances: rule.instances)
            }
        }
        var plan = ItemPlan(
            name: name, dataset: reader.dataset, cropID: cropID, group: group, raw: raw,
            labels: wanted.compactMap { arrays[ByteName($0)] }, derived: derived,
            isMatched: chosen.choice.matched.allSatisfy { $0 }, levelCase: chosen.choice.kind.planned, metadata: [])
        if let leftOut = UpsamplingLimit(manifest).leftOut(plan) { return .leftOut(leftOut) }
        plan.metadata = try await reader.metadata(of: plan)
        return .item(plan)
    }

    /// The classes that may have to be made from another one's ids.
    func deriveRules(present: [String]) -> [(name: String, rule: Manifest.DeriveRule)] {
        manifest.derive.sorted { $0.key < $1.key }.compactMap { name, rule in
            let isAsked = manifest.classes == ["*"] || manifest.classes.hasName(name)
            return isAsked && present.hasName(rule.from) ? (name, rule) : nil
        }
    }

    /// A raw image, with the levels that were chosen of it and of the labels.
    typealias Chosen = (image: MultiscaleImage, choice: LevelChoice.Choice)

    /// The first raw image that all labels pair with and fit; else the first that all labels pair with; else the first.
    func chooseLevels(_ labels: [MultiscaleImage]) -> Chosen? {
        let choices = images.compactMap { image in
            rule.choose(raw: image.places, labels: labels.map(\.places)).map { (image: image, choice: $0) }
        }
        func isPaired(_ chosen: Chosen) -> Bool { chosen.choice.matched.allSatisfy { $0 } }
        return choices.first { isPaired($0) && $0.choice.kind == .pair } ?? choices.first(where: isPaired)
            ?? choices.first
    }

    /// The raw level, now that the grids of the labels are known.
    func rawLevel(_ chosen: Chosen, around labels: [Grid]) -> Int {
        guard chosen.choice.kind == .alone else { return chosen.choice.raw }
        let isWhole = { (level: LevelPlace) in
            labels.allSatisfy { label in
                // The shape of the raw level does not matter: a placement is not clipped.
                let raw = Grid(
                    shape: ZYX(repeating: 1), voxelSize: level.voxelSize, translation: level.translation)
                return (try? Placement(of: label, in: raw))?.isExact ?? false
            }
        }
        return rule.raw(chosen.image.places, whole: isWhole) ?? chosen.choice.raw
    }

    // MARK: Arrays

    func labelPlan(
        _ name: String, _ image: MultiscaleImage, _ level: Multiscale.Level, isVolume: Bool = false
    ) async throws -> ArrayPlan {
        let (metadata, text) = try await reader.array(image, level: level)
        let path = reader.url("\(image.key(of: level))/\(image.format.arrayMetadataName)")
        guard metadata.elementType.isInteger else {
            throw VolumeError(
                .unsupported, path: path, key: "dtype",
                "\(metadata.elementType.rawValue) values are no label ids (a smoothed level?)")
        }
        let grid = try grid(of: metadata, level: level, path: path)
        let annotation = LabelAnnotation(attributes: image.values)
        let whole = Box(shape: grid.shape)
        if isVolume {
            try checkVolume(whole, metadata, path: path)
        } else {
            try checkChunks(whole, metadata, path: path)
        }
        var plan = ArrayPlan(
            name: name, image: image.key, level: level.path, grid: grid, box: whole, written: whole, metadata: text,
            annotation: AnnotationPlan(
                type: annotation.kind.rawValue, absent: annotation.absent, present: annotation.present,
                unknown: annotation.unknown), format: image.format.planned,
            isReversed: image.isReversed ? true : nil)
        if UnknownIdentifier.isInQuestion(plan.annotation, metadata.elementType) {
            plan.finestUnknownCount = try await finestUnknownCount(image, level)
        }
        return try await reader.findingChunks(plan)
    }

    /// How many voxels of the finest level are unknown, where another level is taken whose attributes do not say it: often the finest alone is
    /// counted. No coarser level has unknown voxels where the finest has none.
    private func finestUnknownCount(_ image: MultiscaleImage, _ level: Multiscale.Level) async throws -> Int? {
        guard let finest = rule.finest(image.places).map({ image.multiscale.levels[$0] }), finest.path != level.path
        else { return nil }
        let counts = try await concurrentMap([level, finest]) { level -> LabelValue? in
            let text = try await reader.cache.text("\(image.key(of: level))/\(image.format.attributesName)")
            return text.flatMap { LabelAnnotation.unknownCount(attributes: $0, image.format) }
        }
        return counts[0] == nil ? counts[1].flatMap { Int(exactly: $0) } : nil
    }

    private func rawPlan(
        _ image: MultiscaleImage, level index: Int, around labels: [Grid], group: String
    ) async throws -> ArrayPlan {
        let level = image.multiscale.levels[index]
        let (metadata, text) = try await reader.array(image, level: level)
        let path = reader.url("\(image.key(of: level))/\(image.format.arrayMetadataName)")
        let grid = try grid(of: metadata, level: level, path: path)
        var wanted: Box?
        for label in labels where label.shape.allSatisfy({ $0 > 0 }) {
            let box = try Placement(of: label, in: grid).box
            wanted = wanted.map { $0.union(box) } ?? box
        }
        guard let wanted, let covered = wanted.padded(by: padding(grid)).intersection(Box(shape: grid.shape)) else {
            throw VolumeError(
                .badMetadata, path: reader.url(group),
                "the crop lies at \(wanted.map(\.description) ?? "no voxel") of the raw level \(level.path), outside its "
                    + "\(grid.shape) voxels")
        }
        try checkChunks(covered, metadata, path: path)
        guard wanted.shape.checkedProduct.map({ $0 < 1 << 45 }) ?? false else {
            throw VolumeError(.tooLarge, path: path, "the crop covers \(wanted.shape) raw voxels")
        }
        return try await reader.findingChunks(
            ArrayPlan(
                name: "raw", image: image.key, level: level.path, grid: grid, box: covered,
                written: covered.union(wanted), metadata: text, annotation: nil, format: image.format.planned,
                isReversed: image.isReversed ? true : nil))
    }

    /// Voxels of raw data around labels: whole ones, unless float noise alone asks for one more.
    func padding(_ grid: Grid) -> ZYX<Int> {
        grid.voxelSize.map { voxel in
            let voxels = manifest.paddingNm / voxel
            let nearest = voxels.rounded()
            let whole = abs(voxels - nearest) <= Placement.tolerance ? nearest : voxels.rounded(.up)
            // More than a volume can have; a scale may be any number that is not 0.
            return min(Int(saturating: whole), 1 << 52)
        }
    }

    func grid(of metadata: ArrayMetadata, level: Multiscale.Level, path: String) throws -> Grid {
        guard let shape = ZYX(metadata.shape) else {
            throw VolumeError(.unsupported, path: path, key: "shape", "\(metadata.shape.count) axes, expected 3")
        }
        let grid = Grid(shape: shape, voxelSize: level.scale, translation: level.translation)
        do throws(GeometryError) {
            try grid.check()
        } catch {
            throw VolumeError(.badMetadata, path: path, error.description)
        }
        return grid
    }

    func checkChunks(_ box: Box, _ metadata: ArrayMetadata, path: String) throws {
        guard let chunks = ZYX(metadata.innerChunkShape), !box.isEmpty else { return }
        guard let count = box.blocks(of: chunks).shape.checkedProduct, count <= Self.maximumChunks else {
            throw VolumeError(.tooLarge, path: path, "the crop needs more than \(Self.maximumChunks) chunks")
        }
    }
}

extension MultiscaleImage {
    /// The levels as a choice needs them.
    var places: [LevelPlace] {
        multiscale.levels.map { LevelPlace(voxelSize: $0.scale, translation: $0.translation) }
    }
}

extension LevelChoice.Case {
    /// As plans keep it: nil is a pair that fits.
    public var planned: LevelChoice.Case? { self == .pair ? nil : self }
}

extension Box {
    /// The smallest box that holds both.
    public func union(_ other: Box) -> Box {
        Box(start: start.zip(other.start, min), stop: stop.zip(other.stop, max))
    }

    /// The box with so many voxels more at both ends of each axis.
    public func padded(by voxels: ZYX<Int>) -> Box {
        Box(start: start.zip(voxels, -), stop: stop.zip(voxels, +))
    }
}
