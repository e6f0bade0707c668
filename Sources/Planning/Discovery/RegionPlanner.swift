internal import Arrays
internal import Geometry
internal import Manifest
internal import Stores
internal import Threads
internal import Volumes

/// Plans a box of the user's own: the raw data in it, and the whole-volume labels of the classes, cut to the same box. The files are
/// laid out as those of crops.
///
/// The box is taken outwards to whole voxels of the raw level, and lies in the first alignment that has labels of the classes (the
/// first one where none has).
struct RegionPlanner: Sendable {
    let manifest: Manifest
    let reader: DatasetReader

    /// The plan of `region`, the `number`-th of its dataset, counted from 1.
    ///
    /// - Throws: ``VolumeError``, ``GeometryError`` and ``Failure`` where the box is not in the volume, or cannot be read.
    func plan(_ region: Manifest.Region, number: Int, _ alignments: [Alignment]) async throws -> ItemPlan {
        let name = Self.name(region, number)
        func wanted(_ alignment: Alignment) -> [Reconstruction.LabelImage] {
            let isN5 = DatasetReader.isN5(alignment.reconstruction.key)
            return alignment.reconstruction.segmentations.filter {
                VolumePlanner.isWanted($0.name, classes: manifest.classes, isN5: isN5)
            }
        }
        func rules(_ alignment: Alignment) -> [VolumePlanner.Derivation] {
            VolumePlanner.derivations(manifest, alignment.reconstruction)
        }
        let readable = alignments.filter { !$0.images.isEmpty }
        guard
            let alignment = readable.first(where: { !wanted($0).isEmpty }) ?? readable.first(where: {
                !rules($0).isEmpty
            }) ?? readable.first
        else {
            throw Failure(
                item: name, dataset: reader.dataset, stage: "discover",
                reason: "\(reader.url(reader.dataset)) has no raw image that can be read")
        }
        let planner = CropPlanner(manifest: manifest, reader: reader, images: alignment.images)
        let (images, rules) = (wanted(alignment), rules(alignment))
        // What classes are made from is read as if it had been asked for.
        let labels = try await concurrentMap(images + rules.map(\.image)) { try await reader.image($0.key) }
        guard let chosen = planner.chooseLevels(labels) else {
            throw VolumeError(
                .badMetadata, path: reader.url(alignment.reconstruction.key),
                "neither the raw image nor the labels have a level to use")
        }
        var raw = try await planner.wholeRawPlan(chosen.image, planner.wholeRawLevel(chosen, labels))
        for (label, level) in zip(labels, chosen.choice.labels) {
            let whole = try await planner.labelPlan("", label, label.multiscale.levels[level], isVolume: true)
            if let fault = AxisOrder.fault(of: whole, in: raw, reader) { throw fault }
        }
        let wish = try Self.box(region, in: raw.grid)
        guard let box = wish.intersection(raw.box) else {
            throw VolumeError(
                .badMetadata, path: reader.url(raw.key),
                "the region lies at \(wish), outside of the level's \(raw.grid.shape) voxels")
        }
        let place = raw.grid.cropped(to: box)
        var plans: [ArrayPlan] = []
        let names = VolumePlanner.classes(of: images.map(\.name), classes: manifest.classes)
        for (index, name) in names.enumerated() {
            let level = labels[index].multiscale.levels[chosen.choice.labels[index]]
            guard let label = try await Self.part(of: place, name, labels[index], level, planner) else { continue }
            if let other = plans.first(where: { $0.name == label.name }) {
                throw VolumeError(
                    .unsupported, path: reader.url(label.key),
                    "the region has labels of \(label.name) here and at \(reader.url(other.key)); make one region for each"
                )
            }
            try Self.check(label, planner, reader)
            plans.append(label)
        }
        var derived: [DerivePlan] = []
        for (index, rule) in rules.enumerated() {
            let image = labels[images.count + index]
            let level = image.multiscale.levels[chosen.choice.labels[images.count + index]]
            guard let source = try await Self.part(of: place, rule.rule.from, image, level, planner) else { continue }
            try Self.check(source, planner, reader)
            derived.append(
                DerivePlan(name: rule.name, source: source, ids: rule.rule.ids, instances: rule.rule.instances))
        }
        // The labels are taken outwards to their own voxels: where these are larger, they reach beyond the region.
        var covered = wish
        for label in plans + derived.map(\.source) {
            covered = covered.union(try Placement(of: label.writtenGrid, in: raw.grid).box)
        }
        guard let padded = covered.padded(by: planner.padding(raw.grid)).intersection(raw.box) else {
            throw VolumeError(.badMetadata, path: reader.url(raw.key), "no raw voxels at \(covered)")
        }
        (raw.box, raw.written) = (padded, padded)
        try Self.check(raw, planner, reader)
        var plan = ItemPlan(
            name: name, dataset: reader.dataset, cropID: 0,
            group: VolumePlanner.container(of: alignment.reconstruction.key), raw: raw, labels: plans, derived: derived,
            isMatched: chosen.choice.matched.allSatisfy { $0 }, levelCase: chosen.choice.kind.planned, metadata: [],
            kind: .region)
        plan.metadata = try await reader.metadata(of: plan)
        return plan
    }

    /// The plan of the voxels of a label level that the region touches, nil where there are none: labels may be shorter than the raw
    /// data.
    private static func part(
        of region: Grid, _ name: String, _ image: MultiscaleImage, _ level: Multiscale.Level, _ planner: CropPlanner
    ) async throws -> ArrayPlan? {
        var label = try await planner.labelPlan(name, image, level, isVolume: true)
        guard let part = try Placement(of: region, in: label.grid).box.intersection(label.box) else { return nil }
        (label.box, label.written) = (part, part)
        return label
    }

    static func name(_ region: Manifest.Region, _ number: Int) -> String { "region_\(region.dataset)_\(number)" }

    /// The voxels of a grid that a region touches, taken outwards.
    private static func box(_ region: Manifest.Region, in grid: Grid) throws -> Box {
        // One voxel as large as the region: its edges are the region's.
        let whole = Grid(shape: ZYX(repeating: 1), voxelSize: region.shapeNm, edge: region.offsetNm)
        return try Placement(of: whole, in: grid).box
    }

    private static func check(_ array: ArrayPlan, _ planner: CropPlanner, _ reader: DatasetReader) throws {
        let planned = try PlannedArray(array, store: reader.cache.storeURL)
        try planner.checkChunks(array.box, planned.metadata, path: reader.url(planned.metadataKey))
    }
}
