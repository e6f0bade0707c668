internal import Arrays
internal import CropFiles
internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Ledger
internal import Logging
internal import Manifest
internal import Planning
internal import Resampling
internal import Stores
internal import Threads
internal import Volumes

/// The fifth stage of a volume: raw data and labels of the whole volume on one common grid, that of the raw data; crops on the part of it
/// that they touch.
///
/// Chunks go into a log with checkpoints, as those of the native file do, and from there into the file.
struct VolumeResize: Sendable {
    /// Chunks between two checkpoints.
    private static let blockChunks = 1024

    let context: JobContext
    let plan: ItemPlan

    /// One array to resize, and where it goes.
    private struct Piece: Sendable {
        let resampler: Resampler
        let layout: DatasetLayout
        let attributes: [(String, AttributeValue)]
        let chunks: Box

        var shape: ZYX<Int> { ZYX(layout.shape) ?? ZYX(repeating: 0) }
        var chunkShape: ZYX<Int> { ZYX(layout.chunkShape) ?? ZYX(repeating: 1) }
    }

    func run(convert: Record) async throws -> Record {
        let fingerprint = ItemFingerprints(plan, context).resize(convert: convert)
        let (path, holdings) = (plan.resizedLogPath, context.holdings)
        let output = try await InputFile.read(plan.nativePath, in: context.output) { reader in
            let pieces = try await pieces(reader)
            var round = 0
            while true {
                let (log, checkpoint) = try await ThreadPool.files.run { () throws(LedgerError) in
                    try ChunkLog.open(path, in: holdings, fingerprint: fingerprint)
                }
                do {
                    let known = round > 0 ? try await repaired(log, checkpoint, pieces) : checkpoint
                    let filled = try await fill(log, known, pieces)
                    return try await assemble(pieces, log, filled, reader)
                } catch let error as LedgerError where error.code == .corrupt {
                    round += 1
                    guard round <= HoldingsDamage.maximumHealings else {
                        throw ResizeError("\(error), also after \(HoldingsDamage.maximumHealings) repairs")
                    }
                }
            }
        }
        let entry = try await InputFile.read(plan.resizedPath, in: context.output) { reader in
            try await VolumeStatistics(stop: context.stop, workBytes: context.memory.work).entry(
                "\(plan.name).h5", in: reader)
        }
        let record = Record(
            item: plan.name, stage: "resize", fingerprint: fingerprint, outputs: [output], result: entry)
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in
            try records.write(record)
            try ChunkLog.remove(path, in: holdings)
        }
        return record
    }

    // MARK: What is to be done

    private func pieces(_ reader: HDF5Reader) async throws -> [Piece] {
        let entries = try await VolumeFile(reader).entries
        var pieces: [Piece] = []
        for entry in entries {
            // Each alignment has a frame of its own; its raw image says where the grid begins.
            guard let raw = entries.first(where: { !$0.isLabel && $0.alignment == entry.alignment }) else {
                throw ResizeError("\(entry.path) has no raw image in its alignment")
            }
            let common = commonGrid(raw.grid)
            pieces.append(try piece(entry, try target(entry, common, isCrop: VolumeFile.isCrop(entry.path))))
        }
        return pieces
    }

    private func commonGrid(_ raw: Grid) -> Grid {
        let manifest = context.manifest
        return CropResizer.targetGrid(
            covering: [raw], manifest.resize.grid, manifest.targetNm, manifest.tolerance)
    }

    private func target(_ entry: VolumeFile.Entry, _ common: Grid, isCrop: Bool) throws -> Grid {
        let limit = UpsamplingLimit(context.manifest)
        let found = limit.excess(of: entry.path, voxelSize: entry.grid.voxelSize, output: common.voxelSize)
        if let found { throw ResizeError(found.message) }
        return isCrop ? try VolumeFile.part(of: common, entry.grid) : common
    }

    private func piece(_ entry: VolumeFile.Entry, _ target: Grid) throws -> Piece {
        let type = entry.chunks.elementType
        let source =
            plan.arrays.first { ArrayPlan.path(of: $0.key, below: plan.group).hasSameBytes(as: entry.path) }
            ?? plan.derived.first { ArrayPlan.path(of: $0, below: plan.group) == entry.path }?.source
        let planned = try source.map { try PlannedArray($0, store: context.store.url) }
        let encoding = Encoding(
            context.manifest.convert.compression, elementType: type, shape: target.shape, isLabel: entry.isLabel,
            source: planned)
        let fill =
            entry.chunks.fillValue.allSatisfy { $0 == 0 }
            ? entry.chunks.fillValue : Array(repeating: 0, count: type.byteCount)
        let layout = encoding.layout(entry.image, type, shape: target.shape.array, fillValue: fill)
        let own = CropAttributes.grid(target)
        let left = CoveredBox.names.union(own.map(\.0))
        let kept = entry.attributes.filter { !left.contains($0.key) }.sorted { $0.key < $1.key }
        let resampler = try Resampler(
            source: CachedChunks(entry.chunks, limit: context.memory.cache), grid: entry.grid, covered: entry.covered,
            target: target, isLabel: entry.isLabel,
            unknown: CropAttributes.annotation(from: entry.attributes).unknown,
            windowBytes: max(context.memory.work / (2 * ThreadPool.compute.width), 1 << 16))
        return Piece(
            resampler: resampler,
            layout: layout,
            attributes: own + kept.map { ($0.key, $0.value) } + [
                ("resized_from_shape", .integers(entry.grid.shape.array.map(Int64.init))),
                ("resized_from_scale", .doubles(entry.grid.voxelSize.array)),
            ] + resampler.coveredAttributes,
            chunks: Box(shape: target.shape).isEmpty
                ? Box(shape: ZYX(repeating: 0))
                : Box(shape: target.shape).blocks(of: ZYX(layout.chunkShape) ?? target.shape))
    }

    // MARK: Chunks

    /// What a log holds whose file could not be assembled, with what is damaged made anew.
    private func repaired(
        _ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, _ pieces: [Piece]
    ) async throws -> ChunkLog.Checkpoint {
        let stop = context.stop
        let blocks = pieces.indices.flatMap { piece in
            stride(from: 0, to: pieces[piece].chunks.volume, by: Self.blockChunks).map { (piece: piece, first: $0) }
        }
        let scan = try await ThreadPool.files.run { () throws in
            try LogScan(log, checkpoint, blockCount: min(checkpoint.blocks, blocks.count), stop: stop)
        }
        guard let scan else {
            return ChunkLog.Checkpoint(
                fingerprint: checkpoint.fingerprint, content: Fingerprint(of: .null), pieces: [], versionPieces: [],
                generation: checkpoint.generation)
        }
        context.logger.notice(
            "\(plan.name): \(scan.summary)", metadata: ["item": "\(plan.name)", "event": "healing"])
        return try await scan.mended(checkpoint) { number, mended in
            let (index, first) = blocks[number]
            let range = first..<min(first + Self.blockChunks, pieces[index].chunks.volume)
            try await resample(range, of: pieces[index], index, log, number, &mended)
        }
    }

    /// Resamples what the log does not hold yet.
    private func fill(
        _ log: ChunkLog, _ known: ChunkLog.Checkpoint, _ pieces: [Piece]
    ) async throws -> ChunkLog.Checkpoint {
        var checkpoint = known
        var block = 0
        for (index, piece) in pieces.enumerated() {
            for first in stride(from: 0, to: piece.chunks.volume, by: Self.blockChunks) {
                defer { block += 1 }
                guard block >= checkpoint.blocks else { continue }
                let range = first..<min(first + Self.blockChunks, piece.chunks.volume)
                try await resample(range, of: piece, index, log, block, &checkpoint)
                checkpoint.blocks = block + 1
                let durable = checkpoint
                try await ThreadPool.files.run { () throws(LedgerError) in try log.commit(durable) }
            }
        }
        return checkpoint
    }

    private func resample(
        _ range: Range<Int>, of piece: Piece, _ index: Int, _ log: ChunkLog, _ block: Int,
        _ checkpoint: inout ChunkLog.Checkpoint
    ) async throws {
        let (stop, layout, shape, chunkShape) = (context.stop, piece.layout, piece.shape, piece.chunkShape)
        let bytes = piece.resampler.workBytes(forChunk: chunkShape, within: shape)
        let width = ThreadPool.chunksUnderWay(of: bytes, within: context.memory.work)
        try await inOrder(count: range.count, width: width) { offset -> ByteBuffer? in
            try stop.check()
            let box = layout.box(ofChunk: piece.chunks.index(at: range.lowerBound + offset))
            guard let voxels = try await piece.resampler.voxels(box) else { return nil }
            return try await layout.encoded(voxels, of: box)
        } consume: { (offset: Int, encoded: ByteBuffer?) in
            guard let encoded else { return }
            let entry = ChunkLog.Entry(array: index, number: range.lowerBound + offset, bytes: encoded)
            checkpoint = try await checkpoint.extended { next throws(LedgerError) in
                try log.append(entry, to: &next)
            }
        }
        checkpoint = try await checkpoint.extended { next throws(LedgerError) in
            try log.append(ChunkLog.BlockMark(content: Fingerprint(of: .null)), ofBlock: block, to: &next)
        }
    }

    private func assemble(
        _ pieces: [Piece], _ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, _ reader: HDF5Reader
    ) async throws -> Record.Output {
        let file = try await reader.attributes(of: "/")
        let grid = commonGrid(plan.raw.grid)
        return try await OutputFile.make(plan.resizedPath, in: context.output, stop: context.stop) { writer in
            try await log.assemble(checkpoint, as: pieces.map(\.layout), in: writer, stop: context.stop)
            for piece in pieces { try await writer.setAttributes(piece.attributes, on: piece.layout.path) }
            var attributes = file
            attributes["scale"] = .doubles(grid.voxelSize.array)
            attributes["translation"] = .doubles(grid.translation.array)
            try await writer.setAttributes(
                attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, on: "/")
        }
    }
}
