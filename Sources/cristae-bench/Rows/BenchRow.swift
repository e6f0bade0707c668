/// A row of the table, or several that share their data.
protocol BenchRow: SendableMetatype {
    /// By which it is chosen on the command line.
    static var name: String { get }

    init()

    func results(in workshop: Workshop) throws -> [RowResult]
}

/// All rows, in the order of the table.
let allRows: [any BenchRow.Type] = [
    DiscoverRow.self, DownloadRow.self, CopyRow.self, EncodeRow.self, ResampleRow.self, JobRow.self, MemoryRow.self,
    TasksRow.self, NothingRow.self,
]
