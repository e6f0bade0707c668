public import Arrays
internal import CropFiles
internal import Elements
internal import Geometry
public import HDF5
public import JSONText
public import Ledger
internal import Manifest
public import Planning
internal import Stores
internal import Threads
internal import Volumes

/// The third stage: from the pack to an HDF5 file at native resolution, decoding and encoding on all cores.
public struct Convert: Sendable {
    public let context: JobContext
    public let plan: ItemPlan
    /// Takes the chunks of the file in, for the stages after this one.
    public var kept: ChunkHandover?

    public init(context: JobContext, plan: ItemPlan, kept: ChunkHandover? = nil) {
        (self.context, self.plan, self.kept) = (context, plan, kept)
    }

    /// - Parameter measuring: looks at the file of a crop while it goes to the disk. What fails there fails again, and is reported, where
    ///   the file is looked at for itself.
    public func run(
        download: Record, measuring: ((HDF5Reader) async throws -> JSONValue)? = nil
    ) async throws -> (record: Record, entry: JSONValue?) {
        let pack = try await openPack(download)
        var notAnnotated: [String] = []
        let (output, entry) = try await OutputFile.make(plan.nativePath, in: context.state.output, stop: context.stop) {
            writer in
            try await writeRaw(writer, pack)
            notAnnotated = try await writeLabels(writer, pack)
            try await writer.setAttributes(
                FileAttributes.file(
                    of: plan, grid: referenceLabel.writtenGrid, labelLevel: referenceLabel.level,
                    store: context.store.url),
                on: "/")
            let labels = Set((plan.labels.map(\.name) + plan.derived.map(\.name))).subtracting(notAnnotated).sorted()
            try await writer.linkAliases(of: [CropPaths.raw] + labels.map(CropPaths.label))
            // Room that is not used is the next item's.
            kept?.close()
        } reading: { reader in
            try? await measuring?(reader)
        }
        let record = Record(
            .convert, of: plan.name, fingerprint: try ItemFingerprints(plan, context).convert(download: download),
            outputs: [output],
            result: .object(
                notAnnotated.isEmpty ? [:] : ["not_annotated": .array(notAnnotated.map { .string($0) })]))
        try await context.state.write(record)
        return (record, entry ?? nil)
    }

    /// Opens the pack, if it is the one that was recorded.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where its directory or its journal do not name what was downloaded.
    private func openPack(_ download: Record) async throws -> Pack {
        let arrays = try plan.arrays.map { try PlannedArray($0, store: context.store.url) }
        return try await context.state.run {
            let pack = try context.state.holdings.closedPack(plan.packPath(context))
            let content = PlannedArray.contentDigest(
                of: arrays, keys: plan.metadata.map(\.key), in: pack)
            guard content.description == download.result["content"]?.string else {
                throw LedgerError(.corrupt, path: pack.path, "the pack does not hold what was recorded")
            }
            return pack
        }
    }

    /// About how many bytes the chunks of a crop's file have before they are encoded; 0 where the source's chunks are so large that the
    /// memory is needed for them.
    public func decodedByteCount() throws -> Int {
        var sum = 0
        for plan in [plan.raw] + plan.labels + plan.derived.map(\.source) {
            let array = try PlannedArray(plan, store: context.store.url)
            guard array.chunkByteCount <= context.memory.cache / 4 else { return 0 }
            sum += plan.written.volume * array.metadata.elementType.byteCount
        }
        return sum
    }

    /// The label array that the crop is placed by.
    private var referenceLabel: ArrayPlan { plan.labels.first ?? plan.derived.first?.source ?? plan.raw }

    private func chunks(of plan: ArrayPlan, _ pack: Pack) throws -> (CachedChunks, PlannedArray) {
        let array = try PlannedArray(plan, store: context.store.url)
        try array.checkMemory(context.manifest.limits.memory, store: context.store.url)
        return (CachedChunks(PackChunks(array, pack: pack), limit: context.memory.cache), array)
    }

    private func chunkWriter(
        _ writer: HDF5Writer, path: String, type: ElementType, shape: ZYX<Int>, fill: [UInt8], source: PlannedArray
    ) -> ChunkWriter {
        let encoding = Encoding(
            context.manifest.convert.compression, elementType: type, shape: shape, isLabel: path != CropPaths.raw,
            source: source)
        return ChunkWriter(
            writer: writer,
            layout: encoding.layout(path, type, shape: shape.array, fillValue: fill),
            stop: context.stop, workBytes: context.memory.work, kept: kept)
    }

    // MARK: Raw data

    private func writeRaw(_ writer: HDF5Writer, _ pack: Pack) async throws {
        let path = CropPaths.raw
        try await copy(plan.raw, to: path, writer, pack)
        var attributes = FileAttributes.grid(plan.raw.writtenGrid)
        attributes.append(("source_path", .string(context.store.url.url(of: plan.raw.key))))
        attributes += RawCoverage(of: try PlannedArray(plan.raw, store: context.store.url), in: pack).attributes
        attributes += CoveredBox.attributes(
            plan.raw.box.moved(by: plan.raw.written.start.map { -$0 }), of: plan.raw.written.shape)
        try await writer.setAttributes(attributes, on: path)
    }

    /// Copies the voxels of an array as they are.
    ///
    /// - Parameter watch: sees the voxels that are stored, part by part.
    private func copy(
        _ plan: ArrayPlan, to path: String, _ writer: HDF5Writer, _ pack: Pack, watch: ValueWatch? = nil
    ) async throws {
        let (source, array) = try chunks(of: plan, pack)
        let type = array.metadata.elementType
        let chunkWriter = chunkWriter(
            writer, path: path, type: type, shape: plan.written.shape, fill: array.metadata.fillValue, source: array)
        let start = plan.written.start
        // A window holds on to the source chunks it is cut from.
        let held = 2 * source.chunkByteCount / max(1, chunkWriter.chunkShape.product)
        try await chunkWriter.write(bytesPerVoxel: 3 * type.byteCount + held) { box in
            let window = try await source.window(box.moved(by: start))
            guard !window.isUnstored else { return nil }
            if let watch { await ThreadPool.compute.run { watch.see(window.bytes, type) } }
            return window.bytes
        }
    }

    // MARK: Labels

    /// Writes all classes, in the order of their names. Returns those that nobody has annotated in this item: they are not written.
    private func writeLabels(_ writer: HDF5Writer, _ pack: Pack) async throws -> [String] {
        var notAnnotated: [String] = []
        let stored = Dictionary(plan.labels.map { ($0.name, $0) }) { first, _ in first }
        let derived = Dictionary(plan.derived.map { ($0.name, $0) }) { first, _ in first }
        for name in Set(stored.keys).union(derived.keys).sorted() {
            if let rule = derived[name], try await derive(rule, insteadOf: stored[name], writer, pack) { continue }
            guard let label = stored[name] else {
                notAnnotated.append(name)
                continue
            }
            let watch = UnknownIdentifier(label, in: plan).map { _ in ValueWatch() }
            try await copy(label, to: CropPaths.label(name), writer, pack, watch: watch)
            let annotation = try await annotation(of: label, isInQuestion: watch?.hasBoth ?? false, pack)
            try await setAttributes(of: label, annotation: annotation, writer)
        }
        return notAnnotated
    }

    private func setAttributes(
        of label: ArrayPlan, named name: String? = nil, annotation: AnnotationPlan,
        more: [(String, AttributeValue)] = [], _ target: HDF5Writer
    ) async throws {
        var attributes = FileAttributes.grid(label.writtenGrid) + FileAttributes.annotation(annotation)
        attributes.append(("source_path", .string(context.store.url.url(of: label.key))))
        attributes += LabelOrigin(of: label, isDerived: name != nil, context.manifest).attributes
        try await target.setAttributes(attributes + more, on: CropPaths.label(name ?? label.name))
    }

    /// What the values mean, as declared; where nothing is declared and there are no other values than 0 and 255, they mean
    /// absent and present (predictions are stored like that).
    ///
    /// - Parameter isInQuestion: whether 255 and ids beyond it are there, where that is asked (``UnknownIdentifier``).
    private func annotation(of label: ArrayPlan, isInQuestion: Bool, _ pack: Pack) async throws -> AnnotationPlan {
        let declared = label.annotation ?? AnnotationPlan(type: "unspecified")
        if isInQuestion {
            return UnknownIdentifier.settled(declared, of: label, in: plan, context.store.url, context.logger)
        }
        guard declared.isOpen else { return declared }
        let (source, _) = try chunks(of: label, pack)
        let scan = LabelScan(source: source, box: label.box, stop: context.stop)
        guard try await !scan.hasValue(otherThan: [0, 255]), try await scan.hasValue(otherThan: [0]) else {
            return declared
        }
        return .mask
    }

    /// Makes a class from another one's ids, where it is missing or has no object.
    ///
    /// A voxel is absent only if somebody has said so: where the source is 0 or unknown, or the own labels are unknown, it
    /// is unknown.
    ///
    /// - Returns: false where the own labels have an object, or the source has none of the ids.
    private func derive(
        _ rule: DerivePlan, insteadOf stored: ArrayPlan?, _ writer: HDF5Writer, _ pack: Pack
    ) async throws -> Bool {
        var own: OwnUnknown?
        if let stored {
            let (chunks, _) = try chunks(of: stored, pack)
            let scan = LabelScan(source: chunks, box: stored.box, stop: context.stop)
            if try await scan.hasValue(otherThan: stored.background) { return false }
            own = OwnUnknown(stored, source: chunks, target: rule.source.writtenGrid)
        }
        let (source, array) = try chunks(of: rule.source, pack)
        let scan = LabelScan(source: source, box: rule.source.box, stop: context.stop)
        guard try await scan.hasValue(among: rule.ids) else { return false }
        var sourcePlan = rule.source
        if UnknownIdentifier(sourcePlan, in: plan) != nil, try await scan.hasIdsBeyond() {
            sourcePlan.annotation = sourcePlan.annotation.map {
                UnknownIdentifier.settled($0, of: rule.source, in: plan, context.store.url, context.logger)
            }
        }
        let derivation = Derivation(
            source: source, own: own, start: rule.source.written.start,
            mask: IdentifierMask(
                elementType: source.elementType, ids: rule.ids, unknownValues: sourcePlan.unknownValues))
        let path = CropPaths.label(rule.name)
        if rule.instances {
            try await writeComponents(rule, derivation, array, path, writer)
        } else {
            try await writeMask(rule, derivation, array, path, writer)
        }
        try await setAttributes(
            of: rule.source, named: rule.name, annotation: .derived(instances: rule.instances),
            more: [
                ("derived_from", .string(rule.source.name)), ("derived_ids", .integers(rule.ids.map(Int64.init))),
            ], writer)
        return true
    }

    /// Where the voxels of a derived class come from.
    private struct Derivation: Sendable {
        public let source: CachedChunks
        public let own: OwnUnknown?
        /// The first voxel of the source that is written.
        public let start: ZYX<Int>
        let mask: IdentifierMask

        /// 1, unknown or 0 for each voxel of a box of the dataset.
        public func voxels(_ box: Box) async throws -> ByteBuffer {
            let window = try await source.window(box.moved(by: start))
            let mask = mask
            let voxels = await ThreadPool.compute.run { mask.mask(window.bytes) }
            try await own?.add(to: voxels, box: box)
            return voxels
        }
    }

    private func writeComponents(
        _ rule: DerivePlan, _ derivation: Derivation, _ array: PlannedArray, _ path: String, _ writer: HDF5Writer
    ) async throws {
        let chunkWriter = chunkWriter(
            writer, path: path, type: .uint32, shape: rule.source.written.shape, fill: [0, 0, 0, 0], source: array)
        let planes = chunkWriter.chunkShape.z
        let components = try ComponentVolume(
            source: derivation.source, box: rule.source.written, ids: rule.ids, layerPlanes: planes,
            chunksPerLayer: chunkWriter.chunksPerLayer, workBytes: context.memory.work, stop: context.stop)
        _ = try await components.count()
        try await chunkWriter.write(bytesPerVoxel: 9 + derivation.source.elementType.byteCount) { box in
            let layer = try await components.layer(box.start.z / planes)
            let mask = try await derivation.voxels(box)
            return await ThreadPool.compute.run { layer.identifiers(in: box, mask: mask) }
        }
    }

    private func writeMask(
        _ rule: DerivePlan, _ derivation: Derivation, _ array: PlannedArray, _ path: String, _ writer: HDF5Writer
    ) async throws {
        let chunkWriter = chunkWriter(
            writer, path: path, type: .uint8, shape: rule.source.written.shape, fill: [0], source: array)
        try await chunkWriter.write(bytesPerVoxel: 1 + derivation.source.elementType.byteCount) { box in
            try await derivation.voxels(box)
        }
    }
}
