internal import Ledger
public import Planning
internal import Stores
internal import Threads

/// The texts of one dataset, which discover writes: what is to be downloaded, and the metadata of its raw image.
public struct DatasetLists: Sendable {
    public let context: JobContext

    public init(_ context: JobContext) { self.context = context }

    public static func listPath(_ dataset: String) -> String { "txt/\(dataset)_to_download" }
    public static func metadataPath(_ dataset: String) -> String { "txt/zattrs/\(dataset).zattrs" }

    /// `txt/<dataset>_to_download` and `txt/zattrs/<dataset>.zattrs`. One that the plan does not give any more goes.
    public func write(_ plan: DatasetPlan) async throws {
        let (output, lists, dataset) = (context.output, texts(plan), plan.dataset)
        try await ThreadPool.files.run { () throws(LedgerError) in
            for (path, text) in lists { try output.update(text, to: path) }
            for path in [Self.metadataPath(dataset), Self.listPath(dataset)]
            where !lists.contains(where: { $0.path == path }) {
                try output.remove(path)
            }
        }
    }

    /// Whether the texts of a dataset are there. Blocks.
    static func areThere(_ plan: DatasetPlan, in output: ConfinedFolder) throws(LedgerError) -> Bool {
        guard plan.isSelected else { return true }
        if plan.imageMetadata != nil, try output.fileSize(metadataPath(plan.dataset)) == nil { return false }
        return try output.fileSize(listPath(plan.dataset)) != nil
    }

    /// The texts of a dataset, by their paths, in the order in which they are written.
    private func texts(_ plan: DatasetPlan) -> [(path: String, text: [UInt8])] {
        guard plan.isSelected else { return [] }
        let list = (Self.listPath(plan.dataset), Array(DownloadList(plan: plan).text(store: context.store.url).utf8))
        return (plan.imageMetadata.map { [(Self.metadataPath(plan.dataset), Array($0.utf8))] } ?? []) + [list]
    }

    /// The same, of a kept plan. Blocks.
    ///
    /// - Throws: ``PlanChange`` where an item of it cannot be read.
    public func texts(_ plan: PlanFile) throws -> [(path: String, text: [UInt8])] {
        var whole = plan.plan
        whole.items = try plan.items.map { try PlanFile.item($0, in: context.state) }
        return texts(whole)
    }
}
