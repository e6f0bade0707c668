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
    /// Chunks of the converted file that are in memory still.
    public var kept: ChunkHandover?

    public init(context: JobContext, plan: ItemPlan, kept: ChunkHandover? = nil) {
        (self.context, self.plan, self.kept) = (context, plan, kept)
    }

    /// - Parameter entry: what was found in the file when it was made, if that has been looked at.
    public func run(convert: Record, entry: JSONValue? = nil) async throws -> Record {
        let entry = if let entry { entry } else { try await self.entry() }
        let record = Record(
            item: plan.name, stage: "stat", fingerprint: ItemFingerprints(plan, context).stat(convert: convert),
            outputs: [], result: entry)
        let records = context.records
        try await ThreadPool.files.run { () throws(LedgerError) in try records.write(record) }
        return record
    }

    private func entry() async throws -> JSONValue {
        try await InputFile.read(plan.nativePath, in: context.output) { try await entry($0) }
    }

    /// What is in a file of the item.
    public func entry(_ reader: HDF5Reader) async throws -> JSONValue {
        guard plan.kind == .volume else { return try await entry(ofCrop: reader) }
        return try await VolumeStatistics(stop: context.stop, workBytes: context.memory.work).entry(
            "\(plan.name).h5", in: reader)
    }

    public func entry(ofCrop reader: HDF5Reader) async throws -> JSONValue {
        try await CropStatistics(stop: context.stop, workBytes: context.memory.work, kept: kept)
            .entry("\(plan.name).h5", in: reader)
    }
}
