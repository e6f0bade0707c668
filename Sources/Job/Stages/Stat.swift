public import Arrays
internal import CropFiles
public import HDF5
public import JSONText
public import Ledger
public import Planning
internal import Threads

/// The fourth stage: what is in the converted file.
public struct Stat: Sendable {
    public let context: JobContext
    public let plan: ItemPlan
    /// Chunks of the converted file that are still in memory.
    public var kept: ChunkHandover?

    public init(context: JobContext, plan: ItemPlan, kept: ChunkHandover? = nil) {
        (self.context, self.plan, self.kept) = (context, plan, kept)
    }

    /// - Parameter entry: what is in the file, where it was measured while it was written.
    public func run(convert: Record, entry: JSONValue? = nil) async throws -> Record {
        let entry =
            if let entry { entry } else {
                try await InputFile.read(plan.nativePath, in: context.state.output) { try await self.entry($0) }
            }
        let record = Record(
            .stat, of: plan.name, fingerprint: ItemFingerprints(plan, context).stat(convert: convert),
            outputs: [], result: entry)
        try await context.state.write(record)
        return record
    }

    /// What is in a file of the item.
    public func entry(_ reader: HDF5Reader) async throws -> JSONValue {
        try await FileStatistics(stop: context.stop, workBytes: context.memory.work)
            .entry("\(plan.name).h5", of: try await VoxelFile(reader, plan.layout, kept: kept))
    }
}
