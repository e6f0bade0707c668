internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Ledger
internal import Stores
internal import Threads

/// The third stage of a volume: the chunks of its log into an HDF5 file, whose datasets are named as in the store.
struct VolumeConvert: Sendable {
    let context: JobContext
    let plan: ItemPlan

    var path: String { Convert(context: context, plan: plan).path }

    func run(download: Record) async throws -> Record {
        let layout = try VolumeLayout(plan, context: context)
        let (logPath, holdings) = (VolumeDownload(context: context, plan: plan).logPath, context.holdings)
        func keys(_ name: String) -> Set<String> { Set((download.result[name]?.array ?? []).compactMap(\.string)) }
        let (masks, beyond) = (keys("masks"), keys("ids_beyond_255"))
        let found = try await ThreadPool.files.run { () throws(LedgerError) in
            try ChunkLog.existing(logPath, in: holdings, fingerprint: download.fingerprint)
        }
        guard let (log, checkpoint) = found, checkpoint.length == download.result["length"]?.integer,
            checkpoint.content.description == download.result["content"]?.string
        else { throw LedgerError(.corrupt, path: logPath, "the log is not the one that was recorded") }
        let output = try await OutputFile.make(path, in: context.output, stop: context.stop) { writer in
            try await LogAssembly(log: log, checkpoint: checkpoint, stop: context.stop).write(
                layout.arrays.map(\.layout), to: writer)
            for array in layout.arrays {
                var stored = array.plan
                if array.derivation == nil, beyond.contains(stored.key) {
                    stored.annotation = stored.annotation.map {
                        UnknownIdentifier.settled($0, of: array.plan, in: plan, context)
                    }
                }
                try await writer.setAttributes(
                    VolumeAttributes.dataset(
                        stored, isMask: masks.contains(stored.key), derivation: array.derivation,
                        store: context.store.url, manifest: context.manifest),
                    on: array.layout.path)
            }
            try await writer.setAttributes(VolumeAttributes.file(of: plan, store: context.store.url), on: "/")
        }
        let record = Record(
            item: plan.name, stage: "convert",
            fingerprint: try Convert(context: context, plan: plan).fingerprint(download: download), outputs: [output],
            result: .object([:]))
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }
}

/// Puts the chunks of a log into the datasets of a new HDF5 file.
struct LogAssembly: Sendable {
    let log: ChunkLog
    /// What of the log counts.
    let checkpoint: ChunkLog.Checkpoint
    let stop: StopSignal

    /// Makes all datasets, those without chunks too, in their order.
    func write(_ layouts: [DatasetLayout], to writer: HDF5Writer) async throws {
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
