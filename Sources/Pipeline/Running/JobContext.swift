internal import Elements
internal import Foundation
public import Ledger
public import Logging
public import Stores

/// What all stages of a job share.
public struct JobContext: Sendable {
    public let manifest: Manifest
    public let store: any ObjectStore
    public let output: ConfinedFolder
    public let state: ConfinedFolder
    public let counter: TransferCounter
    public let stop: StopSignal
    public let logger: Logger
    public let progress: Progress

    let records: RecordStore
    /// Bytes of downloads under way.
    let downloadBudget: ByteBudget
    let memory: MemoryShares

    /// Opens the store and the two directories.
    ///
    /// - Throws: ``JobError`` `.cannotWrite` or `.badManifest`.
    public init(manifest: Manifest, stop: StopSignal, logger: Logger) throws {
        self.manifest = manifest
        self.stop = stop
        self.logger = logger
        counter = TransferCounter()
        do throws(StoreError) {
            store = try openStore(
                try StoreURL(manifest.source),
                options: StoreOptions(
                    endpoint: manifest.endpoint, anonymous: manifest.anonymous,
                    connections: manifest.limits.connections,
                    bandwidth: manifest.limits.bandwidth, maxAttempts: manifest.limits.maxAttempts),
                counter: counter)
        } catch {
            throw JobError.badManifest("$.source: \(error.message)")
        }
        do throws(LedgerError) {
            output = try ConfinedFolder(creating: manifest.output)
            state = try ConfinedFolder(creating: manifest.state)
        } catch {
            throw JobError.cannotWrite(error.description)
        }
        records = RecordStore(in: state)
        memory = MemoryShares(limit: manifest.limits.memory)
        BufferPool.setLimit(bytes: manifest.limits.memory / 16)
        downloadBudget = ByteBudget(limit: memory.download)
        progress = Progress()
    }
}

/// How `limits.memory` is shared out, in bytes. What is not given to anybody is for the program itself, the libraries and the
/// allocator's slack.
struct MemoryShares: Sendable {
    /// Items whose chunks are computed at a time.
    let computingItems: Int
    /// Bodies that are under way.
    let download: Int
    /// Decoded source chunks of one computing item.
    let cache: Int
    /// Windows, chunks and encoded chunks of one computing item that are worked on.
    let work: Int

    init(limit: Int) {
        let usable = max(limit - (96 << 20), limit / 4)
        computingItems = limit >= 512 << 20 ? 2 : 1
        download = usable / 4
        cache = usable / 4 / computingItems
        work = usable / 4 / computingItems
    }
}
