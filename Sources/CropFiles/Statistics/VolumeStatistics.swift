public import Arrays
internal import Elements
internal import Geometry
public import HDF5
public import JSONText
internal import Threads

/// What is in a volume's file: as for crops, but for datasets of any name, and without reading what is not stored.
public struct VolumeStatistics: Sendable {
    public let stop: StopSignal
    /// Bytes that chunks under way may take.
    public let workBytes: Int

    public init(stop: StopSignal, workBytes: Int) {
        (self.stop, self.workBytes) = (stop, workBytes)
    }

    /// The entry of a file for `attributes.json` or `crops.json`.
    public func entry(_ name: String, in reader: HDF5Reader) async throws -> JSONValue {
        var entry: [String: JSONValue] = [
            "name": .string(name), CropStatistics.versionKey: .integer(CropStatistics.version),
        ]
        let file = try await reader.attributes(of: "/")
        for key in ["dataset", "em_level", "level_case", "source"] {
            if let value = file[key]?.string { entry[key] = .string(value) }
        }
        for (key, attribute) in [("resolution", "scale"), ("voxel_size", "scale"), ("translation", "translation")] {
            if let numbers = file[attribute]?.doubles { entry[key] = .array(numbers.map { .number($0) }) }
        }
        var raw: [String: JSONValue] = [:]
        var labels: [String: JSONValue] = [:]
        for dataset in try await VolumeFile(reader).entries {
            let path = String(dataset.path.dropFirst())
            let values = try await dataset.isLabel ? label(dataset) : self.raw(dataset)
            if dataset.isLabel { labels[path] = .object(values) } else { raw[path] = .object(values) }
            if !dataset.isLabel, entry["shape"] == nil, dataset.grid.voxelSize.array == file["scale"]?.doubles {
                entry["shape"] = .array(dataset.chunks.shape.array.map { .integer($0) })
            }
        }
        entry["raw"] = .object(raw)
        entry["labels"] = .object(labels)
        return .object(entry)
    }

    private func placement(_ dataset: VolumeFile.Entry) -> [String: JSONValue] {
        [
            "dtype": .string(dataset.chunks.elementType.rawValue),
            "shape": .array(dataset.chunks.shape.array.map { .integer($0) }),
            "voxel_size": .array(dataset.grid.voxelSize.array.map { .number($0) }),
            "translation": .array(dataset.grid.translation.array.map { .number($0) }),
            "offset": .array(dataset.grid.edge.array.map { .number($0) }),
        ]
    }

    private func raw(_ dataset: VolumeFile.Entry) async throws -> [String: JSONValue] {
        let type = dataset.chunks.elementType
        let counter = IntensityCounter(type)
        var moments = IntensityMoments()
        try await forEachChunk(
            of: dataset.chunks, within: dataset.covered, tableBytes: IntensityCounter.tableByteCount(type)
        ) {
            counter.measure($0, times: $1)
        } merge: {
            moments.merge($0)
        }
        let found = CropStatistics.intensities(counter.counts(), moments)
        return placement(dataset).merging(found.json) { own, _ in own }.merging(found.counts) { own, _ in own }
    }

    private func label(_ dataset: VolumeFile.Entry) async throws -> [String: JSONValue] {
        let type = dataset.chunks.elementType
        let annotation = CropAttributes.annotation(from: dataset.attributes)
        var total = LabelStatistics(annotation)
        try await forEachChunk(of: dataset.chunks, within: dataset.covered) {
            LabelStatistics(annotation, $0, type).repeated($1)
        } merge: {
            total.merge($0)
        }
        let origin = CropStatistics.origin(dataset.attributes)
        return placement(dataset).merging(origin) { own, _ in own }.merging(total.json) { own, _ in own }
    }

    /// Measures the voxels of each chunk, in order. Of chunks that are not stored one voxel is measured, which stands for all.
    ///
    /// - Parameters:
    ///   - tableBytes: what a thread needs beside the chunk.
    ///   - measure: takes voxels, and how many each of them stands for.
    private func forEachChunk<Part: Sendable>(
        of source: HDF5Chunks, within box: Box, tableBytes: Int = 0,
        _ measure: @escaping @Sendable (ByteBuffer, Int) -> Part, merge: (Part) -> Void
    ) async throws {
        guard !box.isEmpty else { return }
        let chunks = box.blocks(of: source.chunkShape)
        let bytes = max(1, 3 * source.chunkByteCount + tableBytes)
        let width = max(1, min(ThreadPool.compute.width + 2, workBytes / bytes))
        let (stop, one) = (stop, ByteBuffer(source.fillValue))
        try await inOrder(count: chunks.volume, width: width) { number -> Part in
            try stop.check()
            guard let part = source.coveredBox(ofChunk: chunks.index(at: number)).intersection(box) else {
                return measure(ByteBuffer(count: 0), 1)
            }
            guard let stored = try await source.chunk(chunks.index(at: number)) else {
                return measure(one, part.volume)
            }
            let full = source.box(of: stored, at: chunks.index(at: number))
            return await ThreadPool.compute.run {
                guard part != full else { return measure(stored, 1) }
                let inside = ByteBuffer(count: part.volume * source.elementType.byteCount)
                stored.copyOverlap(of: full, into: inside, box: part, elementByteCount: source.elementType.byteCount)
                return measure(inside, 1)
            }
        } consume: { _, part in
            merge(part)
        }
    }
}
