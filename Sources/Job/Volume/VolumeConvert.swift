internal import Arrays
internal import CropFiles
internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Ledger
internal import Planning
internal import Stores
internal import Threads

/// The third stage of a volume: the chunks of its log into an HDF5 file, whose datasets are named as in the store.
struct VolumeConvert: Sendable {
    let context: JobContext
    let plan: ItemPlan

    func run(download: Record) async throws -> Record {
        let layout = try VolumeLayout(plan, context: context)
        func keys(_ name: String) -> Set<String> { Set((download.result[name]?.array ?? []).compactMap(\.string)) }
        let (masks, beyond) = (keys("masks"), keys("ids_beyond_255"))
        let found = try await context.state.run {
            try ChunkLog.existing(plan.logPath, in: context.state.holdings, fingerprint: download.fingerprint)
        }
        guard let (log, checkpoint) = found, checkpoint.length == download.result["length"]?.integer,
            checkpoint.content.description == download.result["content"]?.string
        else { throw LedgerError(.corrupt, path: plan.logPath, "the log is not the one that was recorded") }
        let output = try await OutputFile.make(plan.nativePath, in: context.state.output, stop: context.stop) {
            writer in
            try await log.assemble(
                checkpoint, as: layout.arrays.map(\.layout), in: writer, stop: context.stop)
            for array in layout.arrays {
                var stored = array.plan
                if array.derivation == nil, beyond.contains(stored.key) {
                    stored.annotation = stored.annotation.map {
                        UnknownIdentifier.settled($0, of: array.plan, in: plan, context.store.url, context.logger)
                    }
                }
                try await writer.setAttributes(
                    FileAttributes.volumeDataset(
                        stored, isMask: masks.contains(stored.key), derivation: array.derivation,
                        store: context.store.url, manifest: context.manifest),
                    on: array.layout.path)
            }
            try await writer.setAttributes(
                FileAttributes.file(of: plan, grid: plan.raw.grid, labelLevel: nil, store: context.store.url), on: "/")
        }
        let record = Record(
            .convert, of: plan.name, fingerprint: try ItemFingerprints(plan, context).convert(download: download),
            outputs: [output],
            result: .object([:]))
        try await context.state.write(record)
        return record
    }
}
