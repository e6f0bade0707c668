public import Arrays
internal import Elements
internal import Foundation
internal import JSONText
public import Ledger
public import Logging
public import Manifest
internal import Planning
internal import SampleStore
public import Stores

/// What all stages of a job share.
public struct JobContext: Sendable {
    public let manifest: Manifest
    public let store: any ObjectStore
    public private(set) var output: ConfinedFolder
    public private(set) var state: ConfinedFolder
    /// Packs and volume logs: in the state directory, or on a disk of this node alone.
    public private(set) var holdings: Holdings
    public let counter: TransferCounter
    public let stop: StopSignal
    public let logger: Logger
    public let progress: JobProgress

    public private(set) var records: RecordStore
    /// Bytes of downloads under way.
    let downloadBudget: ByteBudget
    /// Of the chunks downloaded so far.
    let chunkSizes = ChunkSizes()
    public let memory: MemoryShares
    /// Room for the chunks that items keep from one stage to the next.
    public let kept: HandoverRoom

    /// Opens the store and the two directories, making them where they are missing.
    ///
    /// - Parameter scratch: a directory of this node for packs and logs, instead of the state directory; below it the job has a folder of its own.
    /// - Throws: ``JobError`` `.cannotWrite` or `.badManifest`.
    public init(manifest: Manifest, stop: StopSignal, logger: Logger, scratch: String? = nil) throws {
        let (output, state, packs): (ConfinedFolder, ConfinedFolder, ConfinedFolder)
        do throws(LedgerError) {
            output = try ConfinedFolder(creating: manifest.output)
            state = try ConfinedFolder(creating: manifest.state)
            if let scratch {
                let job = Fingerprint(of: .string(manifest.state)).description.prefix(12)
                packs = try ConfinedFolder(creating: "\(scratch)/cristae-\(job)")
            } else {
                packs = state
            }
        } catch {
            throw JobError.cannotWrite(error.description)
        }
        try self.init(manifest, stop, logger, output: output, state: state, holdings: Holdings(in: packs, state: state))
    }

    /// The same, only to look: makes nothing. nil where the job has no state directory yet.
    ///
    /// - Parameter given: what flags say; store and output are else those of the last run, whose flags need not be given again.
    public init?(
        reading manifest: Manifest, given: Manifest.Overrides = Manifest.Overrides(), stop: StopSignal, logger: Logger
    ) throws {
        let (state, output): (ConfinedFolder?, ConfinedFolder?)
        var manifest = manifest
        do throws(LedgerError) {
            manifest = try LastRun.manifest(manifest, given: given)
            state = try ConfinedFolder(reading: manifest.state)
            output = try ConfinedFolder(reading: manifest.output)
        } catch {
            throw JobError.cannotWrite(error.description)
        }
        guard let state else { return nil }
        try self.init(manifest, stop, logger, output: output ?? state, state: state, holdings: Holdings(in: state))
    }

    private init(
        _ manifest: Manifest, _ stop: StopSignal, _ logger: Logger, output: ConfinedFolder, state: ConfinedFolder,
        holdings: Holdings
    ) throws(JobError) {
        self.manifest = manifest
        self.stop = stop
        self.logger = logger
        self.output = output
        self.state = state
        self.holdings = holdings
        counter = TransferCounter()
        do throws(StoreError) {
            let url = try StoreURL(manifest.source)
            var options = StoreOptions(
                endpoint: manifest.endpoint, anonymous: manifest.anonymous,
                connections: manifest.limits.connections,
                bandwidth: manifest.limits.bandwidth, maxAttempts: manifest.limits.maxAttempts,
                outageSeconds: manifest.limits.outageSeconds,
                hasAnswered: MetadataCache.hasAnswers(of: url, in: state),
                tell: { logger.warning("\($0)", metadata: ["event": "store"]) })
            options.listingBytes = manifest.limits.memory / 4
            store = try openStore(url, options: options, counter: counter)
        } catch {
            throw JobError.badManifest("$.source: \(error.message)")
        }
        records = RecordStore(in: state)
        memory = MemoryShares(limit: manifest.limits.memory, hasCrops: manifest.mode == .crops)
        kept = HandoverRoom(limit: memory.kept, idle: manifest.limits.memory / 16)
        downloadBudget = ByteBudget(limit: memory.download)
        progress = JobProgress()
    }

    /// The same job, as this owner: what it writes takes its name only as long as nobody has taken the work over.
    public func owned(by owner: Owner) -> JobContext {
        var context = self
        context.state = owner.state
        context.output = owner.output
        context.records = RecordStore(in: owner.state)
        context.holdings = holdings.owned(by: owner)
        return context
    }
}
