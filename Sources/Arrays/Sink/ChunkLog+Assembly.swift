internal import Elements
public import HDF5
public import Ledger
internal import Threads

extension ChunkLog {
    /// Puts the chunks that count by a checkpoint into the datasets of a new HDF5 file. Makes all datasets, those without chunks too, in
    /// their order.
    public func assemble(
        _ checkpoint: Checkpoint, as layouts: [DatasetLayout], in writer: HDF5Writer, stop: StopSignal
    ) async throws {
        var offset = 0
        var next = 0
        var current: DatasetSink?
        while offset < checkpoint.length {
            try stop.check()
            let start = offset
            let (entry, end) = try await ThreadPool.files.run { () throws(LedgerError) in
                var end = start
                return (try self.read(at: &end, of: checkpoint), end)
            }
            offset = end
            if entry.isMark { continue }
            while next <= entry.array, next < layouts.count {
                current = try await DatasetSink(layouts[next], in: writer)
                next += 1
            }
            guard let current, entry.array == next - 1, entry.number < current.chunks.count else {
                throw LedgerError(
                    .corrupt, path: "log", "chunk \(entry.number) of array \(entry.array) after array \(next - 1)")
            }
            try await current.place(entry.bytes, entry.number)
        }
        for layout in layouts[next...] { _ = try await DatasetSink(layout, in: writer) }
    }
}

extension ChunkLog.Checkpoint {
    /// The checkpoint after `append`, which writes to the log, and blocks a thread for files.
    public func extended(
        _ append: @escaping @Sendable (inout ChunkLog.Checkpoint) throws(LedgerError) -> Void
    ) async throws(LedgerError) -> ChunkLog.Checkpoint {
        try await ThreadPool.files.run { () throws(LedgerError) in
            var next = self
            try append(&next)
            return next
        }
    }
}
