public import Arrays
internal import CropFiles
internal import HDF5
public import JSONText
public import Ledger
public import Planning
internal import Threads

/// The fourth stage: what is in the converted file.
public struct Stat: Sendable {
    public let context: JobContext
    public let plan: ItemPlan
    /// Chunks of the converted file that are in memory still.
    public var kept: ChunkHandover?

    public init(context: JobContext, plan: ItemPlan, kept: ChunkHandover? = nil) {
        (self.context, self.plan, self.kept) = (context, plan, kept)
    }

    /// - Parameter entry: what was found in the file when it was made, if that has been looked at.
    public func run(convert: Record, entry: JSONValue? = nil) async throws -> Record {
        let entry = if let entry { entry } else { try await self.entry() }
        let record = Record(
            .stat, of: plan.name, fingerprint: ItemFingerprints(plan, context).stat(convert: convert),
            outputs: [], result: entry)
        try await context.state.write(record)
        return record
    }

    private func entry() async throws -> JSONValue {
        try await InputFile.read(plan.nativePath, in: context.state.output) {
            try await plan.job(context).entry($0, kept)
        }
    }
}
