public import Ledger
internal import Threads

/// What a job keeps on disk: its state directory with records, failures, packs and logs, and its output directory.
///
/// All functions of these folders block. They are called inside ``run(_:)``, on a thread that may be blocked, or by functions that say
/// that they block and are called there.
public struct JobState: Sendable {
    /// The state directory.
    public let folder: ConfinedFolder
    public let output: ConfinedFolder
    public let records: RecordStore
    /// Packs and volume logs: in the state directory, or on a disk of this node alone.
    public let holdings: Holdings
    public let failures: FailureLog

    init(folder: ConfinedFolder, output: ConfinedFolder, holdings: Holdings) {
        (self.folder, self.output, self.holdings) = (folder, output, holdings)
        records = RecordStore(in: folder)
        failures = FailureLog(state: folder)
    }

    /// The same folders, as this owner: what it writes takes its name only as long as nobody has taken the work over.
    func owned(by owner: Owner) -> JobState {
        JobState(folder: owner.state, output: owner.output, holdings: holdings.owned(by: owner))
    }

    /// Runs work that blocks.
    public func run<R: Sendable, E: Error>(_ work: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
        try await ThreadPool.files.run(work)
    }

    /// Writes the record of a stage that is done.
    public func write(_ record: Record) async throws {
        let records = records
        try await run { try records.write(record) }
    }
}
