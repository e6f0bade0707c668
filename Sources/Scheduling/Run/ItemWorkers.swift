public import Arrays
internal import JSONText
internal import Job
internal import Ledger
public import Logging
public import Planning
internal import Threads

/// Takes items through their stages, each under a claim of its own.
struct ItemWorkers: Sendable {
    /// Items that download at a time: small crops have too few chunks to fill the network one by one.
    private static let downloadingItems = 8
    /// Items that are claimed at a time: those that download, those that compute, and some that wait in between.
    static let width = 12

    /// How the work on an item ended.
    enum Ending: Sendable {
        case done
        /// It was complete when it was looked at.
        case already
        /// Another process is at it.
        case held
        /// An earlier stage, which was not asked for, is not done.
        case waiting(Stage)
        /// Nothing is made of it: its labels have decided that.
        case leftOut(LeftOut)
        case failed(Failure)
        /// Another process has tried it since this one began, in vain.
        case failedElsewhere
        /// The dataset has been planned anew meanwhile, or its plan is damaged.
        case superseded
        case stopped

        /// What it is in the account; nil where the item is still open.
        var entry: RunAccount.Entry? {
            switch self {
            case .done: .done
            case .already: .alreadyDone
            case .waiting(let stage): .waiting(stage)
            case .leftOut(let item): .leftOut(item.reason)
            case .failed(let failure): .failed(failure)
            case .failedElsewhere: .elsewhere
            case .held, .superseded, .stopped: nil
            }
        }
    }

    let context: JobContext
    let worker: Worker
    let stages: Set<Stage>
    /// Whether outputs that are there are read again before they count.
    let verifies: Bool
    let markers: CompletionMarkers
    /// Takes in how each item ended, as soon as it did.
    let account: RunAccount
    /// Whether no other task tells of the items that were left out before.
    private let isAlone: Bool
    /// What is done with an item: its stages, unless a test of the coordination puts something else here.
    private let perform: (@Sendable (ItemEntry, CompletionMarkers.Marker?) async throws -> Ending)?
    /// The failures that lay there when this process began.
    private let known: [String: FailureLog.Entry]
    private let downloading: ByteBudget
    private let computing: ByteBudget
    private var failures: FailureLog { FailureLog(state: context.state) }

    init(
        context: JobContext, worker: Worker, stages: Set<Stage>, verifies: Bool = false, markers: CompletionMarkers,
        account: RunAccount,
        known: [String: FailureLog.Entry], isAlone: Bool = true,
        perform: (@Sendable (ItemEntry, CompletionMarkers.Marker?) async throws -> Ending)? = nil
    ) {
        self.perform = perform
        self.isAlone = isAlone
        self.known = known
        self.context = context
        self.worker = worker
        self.stages = stages
        self.verifies = verifies
        self.markers = markers
        self.account = account
        downloading = ByteBudget(limit: Self.downloadingItems)
        computing = ByteBudget(limit: context.memory.computingItems)
    }

    /// Works on items in their order, `width` at a time.
    ///
    /// - Parameters:
    ///   - marks: marks of these items from before, which go when they are marked anew.
    ///   - failed: names of items that have failed before.
    ///   - refreshes: whether the store is asked if it still holds what they were made from.
    /// - Returns: how it ended for each item that was begun.
    func work(
        on items: [ItemEntry], width: Int, marks: [String: CompletionMarkers.Marker], failed: Set<String>,
        refreshes: Bool = false
    ) async throws -> [(item: ItemEntry, ending: Ending)] {
        try await withThrowingTaskGroup(of: (ItemEntry, Ending).self) { group in
            var endings: [(ItemEntry, Ending)] = []
            var next = items.makeIterator()
            var running = 0
            while true {
                while running < width, !context.stop.isStopped, let item = next.next() {
                    running += 1
                    let task = Assignment(
                        item: item, mark: marks[item.name], hasFailed: failed.contains(item.name), refreshes: refreshes)
                    group.addTask { (item, try await work(on: task)) }
                }
                guard running > 0, let ending = try await group.next() else { break }
                running -= 1
                if let entry = ending.1.entry { account.note([ending.0], entry) }
                endings.append(ending)
            }
            return endings
        }
    }

    /// What is to be done with one item, and what is known of it.
    private struct Assignment: Sendable {
        let item: ItemEntry
        let mark: CompletionMarkers.Marker?
        let hasFailed: Bool
        let refreshes: Bool
    }

    private func work(on task: Assignment) async throws -> Ending {
        let claim = ClaimName.item(task.item.name)
        let claims = worker.claims
        guard try await ThreadPool.files.run({ () throws(LedgerError) in try claims.take(claim) }) else { return .held }
        do {
            let ending =
                if let perform { try await perform(task.item, task.mark) } else { try await workClaimed(on: task) }
            try await ThreadPool.files.run { () throws(LedgerError) in try claims.release(claim) }
            return ending
        } catch {
            // Whatever it was, the item is no longer worked on here.
            try? await ThreadPool.files.run { () throws(LedgerError) in try claims.release(claim) }
            throw error
        }
    }

    private func workClaimed(on task: Assignment) async throws -> Ending {
        let (item, mark) = (task.item, task.mark)
        do {
            let failure = try await ThreadPool.files.run { () throws(LedgerError) in try failures.entry(item.name) }
            if let failure, failure != known[item.name], failure.owner != worker.owner.identity.id {
                context.progress.finish(failed: true)
                return .failedElsewhere
            }
            let runner = ItemRunner(
                context: context,
                plan: try await ThreadPool.files.run { () throws in try PlanFile.item(item, in: context.state) },
                downloading: downloading, computing: computing)
            var found = try await ThreadPool.files.run { () throws in try runner.done() }
            let refreshes = task.refreshes && stages.contains(.download)
            if refreshes {
                let markers = markers
                // Others must not take it for done meanwhile.
                let hasChanged = try await runner.refresh(found) { if let mark { try markers.remove(mark) } }
                if hasChanged { found = try await ThreadPool.files.run { () throws in try runner.done() } }
            }
            if verifies {
                let markers = markers
                found = try await runner.checked(found) { if let mark { try markers.remove(mark) } }
            }
            let known = found
            let made =
                known.isComplete
                ? known
                : try await runner.run(known, stages: stages, verifies: refreshes && known.download == nil)
            let (done, freed) = try await runner.lettingGoOfNative(made)
            // Of what this run has made itself, nobody has seen the file.
            if let freed, known.isComplete { account.noteFreed(bytes: freed) }
            try await ThreadPool.files.run { () throws(LedgerError) in
                if let sizes = done.outputSizes {
                    try markers.mark(item, native: sizes.native, resized: sizes.resized, insteadOf: mark)
                }
                if task.hasFailed, done.missing(of: stages) == nil { try failures.forget(item.name) }
            }
            if let leftOut = done.leftOut {
                context.progress.finish(failed: false)
                // Of several tasks the one that has found it out tells.
                if isAlone || known.leftOut == nil, account.isUntold(leftOut) { leftOut.log(to: context.logger) }
                return .leftOut(leftOut)
            }
            if let missing = done.missing(of: stages) {
                let first = Stage.ofItems.first { !done.has($0) } ?? missing
                return .waiting(first)
            }
            if known.missing(of: stages) == nil {
                context.progress.finish(failed: false)
                return .already
            }
            context.progress.finish(failed: false, bytes: item.bytes)
            context.logger.info("\(item.name): done", metadata: ["item": "\(item.name)", "event": "item_done"])
            return .done
        } catch is PlanChange {
            return .superseded
        } catch let damage as PlanDamage {
            context.logger.warning(
                "\(damage)", metadata: ["item": "\(item.name)", "dataset": "\(item.dataset)", "event": "state_damaged"])
            try await ThreadPool.files.run { () throws(LedgerError) in
                try PlanFile.removeDamaged(item.dataset, in: context.state)
            }
            return .superseded
        } catch let failure as Failure {
            return try await fail(failure)
        } catch {
            switch JobError(error, context.stop) {
            // The others finish what they have under way, too.
            case .stopped?: return .stopped
            case let jobError?: throw jobError
            case nil: break
            }
            if Cancellation.isFromOutside(error) { throw error }
            return try await fail(
                Failure(
                    item: item.name, dataset: item.dataset, stage: Stage.discover.rawValue,
                    reason: Cancellation.reason(error)))
        }
    }

    private func fail(_ failure: Failure) async throws -> Ending {
        context.progress.finish(failed: true)
        failure.log(to: context.logger)
        try await ThreadPool.files.run { () throws in try failures.note(failure, owner: worker.owner.identity.id) }
        return .failed(failure)
    }
}

extension Failure {
    /// One line, as soon as it happens.
    public func log(to logger: Logger) {
        logger.error(
            "\(self)",
            metadata: ["item": "\(item ?? dataset)", "dataset": "\(dataset)", "stage": "\(stage)"])
    }
}

extension LeftOut {
    /// One line.
    public func log(to logger: Logger) {
        logger.notice(
            "\(description)",
            metadata: ["item": "\(name)", "dataset": "\(dataset)", "event": "left_out", "reason": "\(reason.rawValue)"])
    }
}
