internal import Foundation
internal import Geometry
internal import JSONText
internal import Ledger
internal import Logging
internal import Threads

/// Runs a job: discover, then every item through its stages, then the summaries.
public struct Runner: Sendable {
    /// How a job ended.
    public struct Outcome: Sendable {
        public var items = 0
        /// Items that were complete before this run.
        public var alreadyDone = 0
        public var failures: [Failure] = []
        /// Crops of selected datasets without any of the classes.
        public var cropsWithoutClass = 0
        /// Datasets that `select` takes.
        public var datasets = 0

        /// 0, or 1 where some items failed.
        public var exitCode: Int32 { failures.isEmpty ? 0 : 1 }
    }

    /// Items that download at a time: small crops have too few chunks to fill the network one by one.
    private static let downloadingItems = 8

    private let context: JobContext

    public init(_ context: JobContext) { self.context = context }

    /// - Throws: ``JobError`` where the whole job has to end; what was done stays.
    public func run() async throws -> Outcome {
        let claim = try await takeClaim()
        let heartbeat = Task { try await keep(claim) }
        defer { heartbeat.cancel() }
        do {
            let outcome = try await runClaimed()
            await ThreadPool.files.run { claim.release() }
            return outcome
        } catch {
            await ThreadPool.files.run { claim.release() }
            throw JobError(error) ?? error
        }
    }

    // MARK: The claim on the job

    /// The name under which a job's state directory is claimed.
    static let claimName = "job"

    private func takeClaim() async throws -> Claim {
        let (state, seconds) = (context.state, Double(context.manifest.limits.claimSeconds))
        do {
            return try await ThreadPool.files.run { () throws(LedgerError) in
                try Claim.take(Self.claimName, in: state, claimSeconds: seconds)
            }
        } catch {
            throw JobError(error) ?? error
        }
    }

    /// Touches the claim while the job runs, and stops the job where somebody else has taken over.
    private func keep(_ claim: Claim) async throws {
        while true {
            try await Task.sleep(for: .seconds(Double(context.manifest.limits.claimSeconds) / 4))
            do {
                try await ThreadPool.files.run { () throws(LedgerError) in try claim.renew() }
            } catch  where error.code == .locked {
                context.logger.error("\(error)")
                context.stop.stop()
                return
            } catch {
                context.logger.warning("\(error)")
            }
        }
    }

    // MARK: The job

    private func runClaimed() async throws -> Outcome {
        let (output, state) = (context.output, context.state)
        try await ThreadPool.files.run { () throws(LedgerError) in
            try output.removeTemporaries(in: ["hdf5", "crops", "txt", "txt/zattrs"])
            let records = try state.list("records").map { "records/\($0)" }
            try state.removeTemporaries(in: ["", "plans", "metadata", "volumes"] + records)
        }
        let (plans, datasetFailures) = try await Discover(context).run()
        var outcome = Outcome()
        outcome.datasets = plans.count { $0.isSelected }
        outcome.cropsWithoutClass = plans.reduce(0) { $0 + $1.cropsWithoutClass }
        let only = try context.manifest.only.map { try Glob($0) }
        func isWanted(_ item: String, _ dataset: String) -> Bool {
            only.isEmpty || only.contains { $0.matches(item) || $0.matches("\(dataset)/\(item)") }
        }
        outcome.failures = datasetFailures
        outcome.failures += plans.flatMap(\.failures).filter { isWanted($0.item ?? "", $0.dataset) }
        for failure in outcome.failures { log(failure) }
        let items = plans.flatMap(\.items).filter { isWanted($0.name, $0.dataset) }
        outcome.items = items.count
        let summaries = Summaries(context: context)
        try await summaries.writeLists(plans)
        let result = try await runItems(items)
        outcome.alreadyDone = result.alreadyDone
        outcome.failures += result.failures
        // What is left undone is no failure: the reports wait for a run that ends by itself.
        if context.stop.isStopped { throw JobError.stopped }
        try await summaries.write()
        try await FailureReport(context: context).write(outcome.failures)
        return outcome
    }

    private func log(_ failure: Failure) {
        context.logger.error(
            "\(failure)",
            metadata: [
                "item": "\(failure.item ?? failure.dataset)", "dataset": "\(failure.dataset)",
                "stage": "\(failure.stage)",
            ])
    }

    private func runItems(_ items: [ItemPlan]) async throws -> (alreadyDone: Int, failures: [Failure]) {
        context.progress.add(items: items.count)
        let downloading = ByteBudget(limit: Self.downloadingItems)
        let computing = ByteBudget(limit: context.memory.computingItems)
        let runners = items.map { plan in
            ItemRunner(context: context, plan: plan, downloading: downloading, computing: computing)
        }
        var open: [(ItemRunner, ItemRunner.Done)] = []
        for (runner, done) in zip(runners, try await Self.done(runners)) {
            if done.isComplete { context.progress.finish(failed: false) } else { open.append((runner, done)) }
        }
        let alreadyDone = items.count - open.count
        // The large ones first, so that the job does not end waiting for one of them.
        open.sort { $0.0.plan.raw.box.volume > $1.0.plan.raw.box.volume }
        let failures = try await withThrowingTaskGroup(of: Failure?.self) { group in
            for (runner, done) in open {
                group.addTask {
                    do {
                        try await runner.run(done)
                        context.progress.finish(failed: false)
                        context.logger.info(
                            "\(runner.plan.name): done",
                            metadata: ["item": "\(runner.plan.name)", "event": "item_done"])
                        return nil
                    } catch let failure as Failure {
                        context.progress.finish(failed: true)
                        log(failure)
                        return failure
                    } catch JobError.stopped {
                        // The others finish what they have under way, too.
                        return nil
                    }
                }
            }
            var failures: [Failure] = []
            for try await failure in group.compactMap({ $0 }) { failures.append(failure) }
            return failures
        }
        return (alreadyDone, failures.sorted { ($0.dataset, $0.item ?? "") < ($1.dataset, $1.item ?? "") })
    }

    private static func done(_ runners: [ItemRunner]) async throws -> [ItemRunner.Done] {
        try await ThreadPool.files.run { () throws in try runners.map { try $0.done() } }
    }
}
