internal import Arrays
internal import Elements
internal import Geometry
internal import Manifest
internal import Stores
internal import Threads
internal import Volumes

/// An alignment of a dataset with its raw images, the one to prefer first.
struct Alignment: Sendable {
    let reconstruction: Reconstruction
    let images: [MultiscaleImage]
}

/// Plans a dataset's volume: the whole raw image, and all label images of the classes, each with its own grid.
///
/// Raw data and whole-volume labels choose their levels together; ground-truth crops follow the raw level, or the rule alone. Of several
/// alignments those count that have labels of the classes; without any, the first one does.
struct VolumePlanner: Sendable {
    let manifest: Manifest
    let reader: DatasetReader

    /// A class that is made from a label image, because there is none of its own.
    struct Derivation: Sendable {
        let name: String
        let rule: Manifest.DeriveRule
        let image: Reconstruction.LabelImage
    }

    /// A label image and the name of its class.
    private struct Label: Sendable {
        let name: String
        let image: MultiscaleImage
        /// How a class is made from it; nil where it is wanted itself.
        var derivation: (name: String, rule: Manifest.DeriveRule)?
    }

    /// What was planned of one alignment.
    private struct Part: Sendable {
        let raw: ArrayPlan
        let labels: [ArrayPlan]
        let derived: [DerivePlan]
        let isMatched: Bool
        let levelCase: LevelChoice.Case?
        /// Why the volume is left out.
        let leftOut: LeftOut?
    }

    /// The plan of the dataset's volume, or why it is left out; and what was left out of it, a line each.
    func plan(_ alignments: [Alignment]) async throws -> (item: CropPlanner.Planned, warnings: [String]) {
        var warnings: [String] = []
        var parts: [Part] = []
        for alignment in alignments {
            let whole = try await wholeLabels(alignment.reconstruction, &warnings)
            let crops = try await cropLabels(alignment.reconstruction)
            guard !whole.isEmpty || !crops.isEmpty else { continue }
            parts.append(try await part(alignment, whole, crops, &warnings))
        }
        if parts.isEmpty, manifest.select == .all, let first = alignments.first(where: { !$0.images.isEmpty }) {
            parts.append(try await part(first, [], [], &warnings))
        }
        // An alignment that is too coarse does not cost the others the volume.
        let tooCoarse = parts.compactMap(\.leftOut)
        parts = parts.filter { $0.leftOut == nil }
        if parts.isEmpty, let leftOut = tooCoarse.first { return (.leftOut(leftOut), warnings) }
        warnings += tooCoarse.map { "an alignment is left out: \($0.message)" }
        guard let first = parts.first, let root = alignments.first.map({ Self.container(of: $0.reconstruction.key) })
        else {
            let none = LeftOut(
                name: reader.dataset, dataset: reader.dataset, cropID: nil, reason: .notAnnotated,
                message:
                    "\(reader.url(reader.dataset)) has no labels of \(manifest.classes.joined(separator: ", "))",
                classes: manifest.namedClasses)
            return (.leftOut(none), warnings)
        }
        var plan = ItemPlan(
            name: reader.dataset, dataset: reader.dataset, cropID: 0, group: root, raw: first.raw,
            labels: parts.flatMap(\.labels), derived: parts.flatMap(\.derived),
            isMatched: parts.allSatisfy(\.isMatched),
            levelCase: parts.contains { $0.levelCase == .alone } ? .alone : parts.lazy.compactMap(\.levelCase).first,
            metadata: [], kind: .volume, moreRaw: parts.count > 1 ? parts.dropFirst().map(\.raw) : nil)
        plan.metadata = try await reader.metadata(of: plan)
        return (.item(plan), warnings)
    }

    /// `<dataset>/<dataset>.zarr` of a key below it.
    static func container(of key: String) -> String { key.pathComponents().prefix(2).joined(separator: "/") }

    /// The classes that the manifest means: by their names, in N5 also with the ending `_seg`. Scores (`_pred`) are no labels, and taken
    /// only where they are named.
    static func isWanted(_ name: String, classes: [String], isN5: Bool) -> Bool {
        if classes.hasName(name) { return true }
        if classes == ["*"] { return !name.hasByteSuffix("_pred") }
        return isN5 && name.hasByteSuffix("_seg") && classes.hasName(name.dropLast(4))
    }

    /// The class that each of some label images stands for: `mito_seg` is `mito`, unless that is among them too, or was not asked for.
    static func classes(of names: [String], classes: [String]) -> [String] {
        names.map { name in
            guard name.hasByteSuffix("_seg") else { return name }
            let short = String(name.dropLast(4))
            return classes.hasName(short) && !names.hasName(short) ? short : name
        }
    }

    // MARK: Labels

    /// The classes that can be made from whole-volume labels of an alignment. In volumes those are made that are missing; whether a
    /// class is there without a single object is only known when all of it has been read.
    static func derivations(_ manifest: Manifest, _ reconstruction: Reconstruction) -> [Derivation] {
        let isN5 = DatasetReader.isN5(reconstruction.key)
        func image(_ name: String) -> Reconstruction.LabelImage? {
            reconstruction.segmentations.first { $0.name.hasSameBytes(as: name) }
                ?? reconstruction.segmentations.first { isN5 && $0.name.hasSameBytes(as: name + "_seg") }
        }
        return manifest.derive.sorted { $0.key < $1.key }.compactMap { name, rule in
            guard manifest.classes == ["*"] || manifest.classes.hasName(name), let source = image(rule.from),
                manifest.mode == .crops || image(name) == nil
            else { return nil }
            return Derivation(name: name, rule: rule, image: source)
        }
    }

    private func wholeLabels(_ reconstruction: Reconstruction, _ warnings: inout [String]) async throws -> [Label] {
        let isN5 = DatasetReader.isN5(reconstruction.key)
        let wanted = reconstruction.segmentations.filter {
            Self.isWanted($0.name, classes: manifest.classes, isN5: isN5)
        }
        let results = try await concurrentMap(wanted) { image -> Result<Label, VolumeError> in
            do {
                return .success(Label(name: image.name, image: try await reader.image(image.key)))
            } catch let error as VolumeError {
                return .failure(error)
            }
        }
        var labels: [Label] = []
        for result in results {
            switch result {
            case .success(let label): labels.append(label)
            case .failure(let error) where manifest.classes == ["*"]: warnings.append("labels left out: \(error)")
            case .failure(let error): throw error
            }
        }
        let derived = try await concurrentMap(Self.derivations(manifest, reconstruction)) { derivation in
            Label(
                name: derivation.rule.from, image: try await reader.image(derivation.image.key),
                derivation: (derivation.name, derivation.rule))
        }
        return zip(Self.classes(of: labels.map(\.name), classes: manifest.classes), labels).map {
            Label(name: $0, image: $1.image)
        } + derived
    }

    private func cropLabels(_ reconstruction: Reconstruction) async throws -> [Label] {
        try await concurrentMap(reconstruction.crops) { crop -> [Label] in
            let group = "\(reconstruction.key)/labels/groundtruth/\(crop)"
            let present = try await reader.cache.list(group).prefixes.sortedByBytes()
            let names = present.filter { manifest.classes == ["*"] || manifest.classes.hasName($0) }
            let planner = CropPlanner(manifest: manifest, reader: reader, images: [])
            let rules = planner.deriveRules(present: present).filter {
                !present.hasName($0.name)
            }
            let labels = try await concurrentMap(names) { name in
                Label(name: name, image: try await reader.image("\(group)/\(name)"))
            }
            return labels
                + (try await concurrentMap(rules) { name, rule in
                    Label(
                        name: rule.from, image: try await reader.image("\(group)/\(rule.from)"),
                        derivation: (name, rule))
                })
        }.flatMap { $0 }
    }

    // MARK: Levels

    private func part(
        _ alignment: Alignment, _ whole: [Label], _ crops: [Label], _ warnings: inout [String]
    ) async throws -> Part {
        let key = alignment.reconstruction.key
        let planner = CropPlanner(manifest: manifest, reader: reader, images: alignment.images)
        // Without labels of the whole volume the crops' labels are what the raw level has to match.
        let deciding = whole.isEmpty ? crops : whole
        guard !alignment.images.isEmpty, let chosen = planner.chooseLevels(deciding.map(\.image)) else {
            throw Failure(
                item: reader.dataset, dataset: reader.dataset, stage: "discover",
                reason: "\(reader.url(key))/em has no raw image that can be read")
        }
        let rawLevel = planner.wholeRawLevel(chosen, deciding.map(\.image))
        var raw = try await planner.wholeRawPlan(chosen.image, rawLevel)
        raw.alignment = key
        let (levels, others) = (chosen.choice.labels, whole.isEmpty ? [] : crops)
        let decided = try await concurrentMap(Array(deciding.enumerated().map { ($0.offset, $0.element) })) {
            index, label in
            try await planner.labelPlan(
                label.name, label.image, label.image.multiscale.levels[levels[index]], isVolume: true)
        }
        let refused = try reversed(whole.isEmpty ? [] : decided, raw, &warnings)
        let followed = try await concurrentMap(others) { label -> (label: Label, plan: ArrayPlan, isMatched: Bool)? in
            let levels = label.image.multiscale.levels
            let match = levels.firstIndex { LevelChoice.isEqual($0.scale, rawLevel.scale) }
            guard let level = match ?? planner.rule.alone(label.image.places) else { return nil }
            return (
                label, try await planner.labelPlan(label.name, label.image, levels[level], isVolume: true),
                match != nil
            )
        }.compactMap { $0 }
        var labels: [ArrayPlan] = []
        var derived: [DerivePlan] = []
        let limit = UpsamplingLimit(manifest)
        let output = limit.outputVoxelSize(covering: raw.grid)
        var tooCoarse: [(name: String, voxelSize: ZYX<Double>)] = []
        let isRawTooCoarse = limit.excess(of: raw.key, voxelSize: raw.grid.voxelSize, output: output) != nil
        if isRawTooCoarse { tooCoarse.append((raw.key, raw.grid.voxelSize)) }
        for (label, plan) in Array(zip(deciding, decided)) + followed.map({ ($0.label, $0.plan) }) {
            if refused.contains(ByteName(plan.key)) { continue }
            var plan = plan
            plan.alignment = key
            // One label image does not cost the others the volume.
            if let found = limit.excess(of: plan.key, voxelSize: plan.grid.voxelSize, output: output) {
                if !isRawTooCoarse { warnings.append("labels left out: \(found.message)") }
                tooCoarse.append((plan.key, plan.grid.voxelSize))
            } else if let (name, rule) = label.derivation {
                derived.append(DerivePlan(name: name, source: plan, ids: rule.ids, instances: rule.instances))
            } else {
                labels.append(plan)
            }
        }
        let isEmpty = labels.isEmpty && derived.isEmpty && !(whole.isEmpty && crops.isEmpty)
        let excess = isRawTooCoarse || isEmpty ? limit.excess(of: tooCoarse, output: output) : nil
        let leftOut = excess.map { excess in
            LeftOut(
                name: reader.dataset, dataset: reader.dataset, cropID: nil, reason: .tooCoarse, message: excess.message,
                voxelSize: excess.voxelSize.array, target: output.array, factor: excess.factor,
                maxUpsampling: manifest.resize.maxUpsampling,
                classes: Set((deciding + others).map { $0.derivation?.name ?? $0.name }).sorted())
        }
        return Part(
            raw: raw, labels: labels, derived: derived,
            isMatched: chosen.choice.matched.allSatisfy { $0 } && followed.allSatisfy(\.isMatched),
            levelCase: chosen.choice.kind.planned, leftOut: leftOut)
    }
}

extension VolumePlanner {
    /// The keys of labels whose axes are in the opposite order of the raw image's: where all labels were asked for, one of them does not cost
    /// the others the volume.
    private func reversed(
        _ labels: [ArrayPlan], _ raw: ArrayPlan, _ warnings: inout [String]
    ) throws -> Set<ByteName> {
        var keys: Set<ByteName> = []
        for label in labels {
            guard let fault = AxisOrder.fault(of: label, in: raw, reader) else { continue }
            guard manifest.classes == ["*"] else { throw fault }
            if keys.insert(ByteName(label.key)).inserted { warnings.append("labels left out: \(fault)") }
        }
        return keys
    }
}

extension CropPlanner {
    /// The raw level for labels of the whole volume: without a pair, one on whose voxel edges all of them begin.
    func wholeRawLevel(_ chosen: Chosen, _ labels: [MultiscaleImage]) -> Multiscale.Level {
        let levels = chosen.image.multiscale.levels
        guard chosen.choice.kind == .alone else { return levels[chosen.choice.raw] }
        let first = zip(labels, chosen.choice.labels).map { $0.places[$1] }
        let index = rule.raw(chosen.image.places) { raw in first.allSatisfy { LevelChoice.fits($0, in: raw) } }
        return levels[index ?? chosen.choice.raw]
    }

    /// The plan of all voxels of a raw level.
    func wholeRawPlan(_ image: MultiscaleImage, _ level: Multiscale.Level) async throws -> ArrayPlan {
        let (metadata, text) = try await reader.array(image, level: level)
        let path = reader.url("\(image.key(of: level))/\(image.format.arrayMetadataName)")
        let grid = try grid(of: metadata, level: level, path: path)
        let whole = Box(shape: grid.shape)
        try checkVolume(whole, metadata, path: path)
        return try await reader.findingChunks(
            ArrayPlan(
                name: "raw", image: image.key, level: level.path, grid: grid, box: whole, written: whole,
                metadata: text, annotation: nil, format: image.format.planned,
                isReversed: image.isReversed ? true : nil))
    }

    /// Volumes are of any size that can be counted: 64 PiB in whole chunks.
    func checkVolume(_ box: Box, _ metadata: ArrayMetadata, path: String) throws {
        guard let chunks = ZYX(metadata.innerChunkShape), !box.isEmpty else { return }
        let count = box.blocks(of: chunks).shape.checkedProduct
        let chunkBytes = chunks.product * metadata.elementType.byteCount
        let bytes = count.map { $0.multipliedReportingOverflow(by: chunkBytes) }
        guard let bytes, !bytes.overflow, bytes.partialValue <= 1 << 56 else {
            throw VolumeError(.tooLarge, path: path, "\(box.shape) voxels in chunks of \(chunks) are more than 64 PiB")
        }
    }
}
