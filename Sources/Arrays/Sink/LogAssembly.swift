internal import Geometry
public import HDF5
internal import Ledger
internal import Threads

/// Puts the chunks of a log into the datasets of a new HDF5 file.
public struct LogAssembly: Sendable {
    public let log: ChunkLog
    /// What of the log counts.
    public let checkpoint: ChunkLog.Checkpoint
    public let stop: StopSignal

    public init(log: ChunkLog, checkpoint: ChunkLog.Checkpoint, stop: StopSignal) {
        (self.log, self.checkpoint, self.stop) = (log, checkpoint, stop)
    }

    /// Makes all datasets, those without chunks too, in their order.
    public func write(_ layouts: [DatasetLayout], to writer: HDF5Writer) async throws {
        var offset = 0
        var next = 0
        var current: (handle: DatasetHandle, layout: DatasetLayout)?
        while offset < checkpoint.length {
            try stop.check()
            let start = offset
            let (entry, end) = try await ThreadPool.files.run { () throws(LedgerError) in
                var end = start
                return (try log.read(at: &end, of: checkpoint), end)
            }
            offset = end
            if entry.isMark { continue }
            while next <= entry.array, next < layouts.count {
                current = (try await writer.createDataset(layouts[next]), layouts[next])
                next += 1
            }
            guard let current, entry.array == next - 1, let shape = ZYX(current.layout.shape),
                let chunkShape = ZYX(current.layout.chunkShape)
            else { throw LedgerError(.corrupt, path: "log", "a chunk of array \(entry.array) after \(next - 1)") }
            let grid = shape.zip(chunkShape) { ($0 + $1 - 1) / $1 }
            let position = Box(shape: grid).index(at: entry.number).zip(chunkShape, *)
            try await writer.writeChunk(entry.bytes, to: current.handle, offset: position.array)
        }
        for layout in layouts[next...] { _ = try await writer.createDataset(layout) }
    }
}
