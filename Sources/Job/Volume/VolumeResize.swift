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

/// The resized file of a volume.
///
/// Chunks go into a log with checkpoints, as those of the native file do, and from there into the file.
struct VolumeResize: Sendable {
    /// Chunks between two checkpoints.
    private static let blockChunks = 1024

    let context: JobContext
    let plan: ItemPlan

    func make(_ resizing: ResizePlan, _ fingerprint: Fingerprint) async throws -> Record.Output {
        var round = 0
        while true {
            let (log, checkpoint) = try await context.state.run {
                try ChunkLog.open(plan.resizedLogPath, in: context.state.holdings, fingerprint: fingerprint)
            }
            do {
                let known = round > 0 ? try await repaired(log, checkpoint, resizing.datasets) : checkpoint
                return try await assemble(resizing, log, try await fill(log, known, resizing.datasets))
            } catch let error as LedgerError where error.code == .corrupt {
                round += 1
                guard round <= HoldingsDamage.maximumHealings else {
                    throw ResizeError("\(error), also after \(HoldingsDamage.maximumHealings) repairs")
                }
            }
        }
    }

    // MARK: Chunks

    /// What a log holds whose file could not be assembled, with what is damaged made anew.
    private func repaired(
        _ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, _ datasets: [ResizePlan.Dataset]
    ) async throws -> ChunkLog.Checkpoint {
        let stop = context.stop
        let blocks = datasets.indices.flatMap { index in
            stride(from: 0, to: datasets[index].chunks.volume, by: Self.blockChunks).map { (index, first: $0) }
        }
        let scan = try await context.state.run {
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
            let range = first..<min(first + Self.blockChunks, datasets[index].chunks.volume)
            try await resample(range, of: datasets[index], datasets[index].resampler(), index, log, number, &mended)
        }
    }

    /// Resamples what the log does not hold yet.
    private func fill(
        _ log: ChunkLog, _ known: ChunkLog.Checkpoint, _ datasets: [ResizePlan.Dataset]
    ) async throws -> ChunkLog.Checkpoint {
        var checkpoint = known
        var block = 0
        for (index, dataset) in datasets.enumerated() {
            let resampler = try dataset.resampler()
            for first in stride(from: 0, to: dataset.chunks.volume, by: Self.blockChunks) {
                defer { block += 1 }
                guard block >= checkpoint.blocks else { continue }
                let range = first..<min(first + Self.blockChunks, dataset.chunks.volume)
                try await resample(range, of: dataset, resampler, index, log, block, &checkpoint)
                checkpoint.blocks = block + 1
                let durable = checkpoint
                try await context.state.run { try log.commit(durable) }
            }
        }
        return checkpoint
    }

    private func resample(
        _ range: Range<Int>, of dataset: ResizePlan.Dataset, _ resampler: Resampler, _ index: Int, _ log: ChunkLog,
        _ block: Int, _ checkpoint: inout ChunkLog.Checkpoint
    ) async throws {
        let (stop, layout, chunks) = (context.stop, dataset.layout, dataset.chunks)
        let bytes = resampler.workBytes(forChunk: dataset.chunkShape, within: dataset.shape)
        let width = ThreadPool.chunksUnderWay(of: bytes, within: context.memory.work)
        try await inOrder(count: range.count, width: width) { offset -> ByteBuffer? in
            try stop.check()
            let box = layout.box(ofChunk: chunks.index(at: range.lowerBound + offset))
            guard let voxels = try await resampler.voxels(box) else { return nil }
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
        _ resizing: ResizePlan, _ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint
    ) async throws -> Record.Output {
        try await OutputFile.make(plan.resizedPath, in: context.state.output, stop: context.stop) { writer in
            try await log.assemble(
                checkpoint, as: resizing.datasets.map(\.layout), in: writer, stop: context.stop)
            for dataset in resizing.datasets {
                try await writer.setAttributes(dataset.attributes, on: dataset.layout.path)
            }
            try await writer.setAttributes(resizing.attributes, on: "/")
        }
    }
}
