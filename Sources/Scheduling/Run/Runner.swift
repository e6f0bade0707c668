public import Arrays
internal import Foundation
internal import JSONText
public import Job
internal import Ledger
public import Planning
internal import Stores
public import Summaries
internal import Threads

/// Runs a job, or one task of it: discover, then every item through its stages, then the summaries.
public struct Runner: Sendable {
    /// What of a job is to be done.
    public struct Options: Sendable {
        /// nil for the whole job.
        public var share: TaskShare?
        public var stages: Set<Stage>
        /// Seconds after a request to stop, when everything is let go of at once.
        public var graceSeconds: Double
        /// Whether the store is asked again what it holds: what has changed is made anew.
        public var refresh: Bool
        /// Whether all outputs are read again, and made anew where they are not what their records say.
        public var verify: Bool
        /// Whether the output folder is taken over where it is another job's.
        public var adoptsOutput: Bool
        /// Names of the items that are looked at; nil is all that the manifest means.
        public var items: Set<String>?

        public init(
            share: TaskShare? = nil, stages: Set<Stage> = Set(Stage.allCases), graceSeconds: Double = 8,
            refresh: Bool = false, verify: Bool = false, adoptsOutput: Bool = false
        ) {
            self.refresh = refresh
            self.verify = verify
            self.adoptsOutput = adoptsOutput
            self.share = share
            self.stages = stages
            self.graceSeconds = graceSeconds
        }
    }

    /// How a job, or a task, ended: done, done before, failed, waiting, left out and elsewhere are all items, or some are unaccounted for.
    public struct Outcome: Sendable {
        /// Items of the job, those that could not be planned among them.
        public var items = 0
        /// Items that this run has finished.
        public var done = 0
        /// Items that were complete before this run, as far as it has looked.
        public var alreadyDone = 0
        /// Items that failed.
        public var failed = 0
        /// Items that could not begin, by the stage that they wait for: it was not asked for.
        public var waiting: [Stage: Int] = [:]
        /// Items of which nothing is made, by the rules of the manifest.
        public var leftOut: Int { leftOutReasons.values.reduce(0, +) }
        /// The same, by their reasons.
        public var leftOutReasons: [LeftOut.Reason: Int] = [:]
        /// What is on each side of the split; nil where there is none, or where another task writes the summaries.
        public var split: SplitCount?
        /// Items that other tasks have done, or are at.
        public var elsewhere = 0
        /// Names of the items of which nobody knows what became of them.
        public var unaccounted: [String] = []
        /// Of items, and of datasets as a whole: those could not be read, and nobody knows what items they have.
        public var failures: [Failure] = []
        /// Datasets that `select` takes.
        public var datasets = 0

        public init() {}

        public var failedDatasets: Int { Set(failures.filter { $0.item == nil }.map(\.dataset)).count }
        /// How many items are left out for which reason, in words; nil where none are.
        public var leftOutText: String? { leftOut > 0 ? "\(leftOut) left out (\(leftOutCounts))" : nil }

        private var leftOutCounts: String {
            LeftOut.Reason.allCases.compactMap { reason in leftOutReasons[reason].map { "\($0) \(reason.words)" } }
                .joined(separator: ", ")
        }

        /// What is said where all that was asked for is left out; else nil.
        public var nothingMade: String? {
            guard items > 0, leftOut == items, failures.isEmpty else { return nil }
            return "nothing was made, for all that was asked for is left out: \(leftOutCounts)"
        }

        public var waitingItems: Int { waiting.values.reduce(0, +) }

        /// 0; 1 where some items failed; 75 where some wait for a stage that was not asked for, or are unaccounted for.
        public var exitCode: Int32 {
            guard unaccounted.isEmpty else { return 75 }
            return failures.isEmpty ? (waiting.isEmpty ? 0 : 75) : 1
        }

        /// Why it did not end with 0.
        public var reason: String? {
            if !unaccounted.isEmpty {
                let names = unaccounted.prefix(20).joined(separator: ", ")
                let more = unaccounted.count > 20 ? ", …" : ""
                return "nobody knows what became of \(unaccounted.count) items (\(names)\(more)): run me again"
            }
            var parts: [String] = []
            if failed > 0 { parts.append("\(failed) items failed") }
            if failedDatasets > 0 { parts.append("\(failedDatasets) datasets could not be read") }
            if parts.isEmpty, !waiting.isEmpty {
                parts.append("\(waitingItems) items wait for a stage that was not asked for")
            }
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
    }

    private let context: JobContext
    private let options: Options
    private let account = RunAccount()

    /// How the run stands, at any time.
    public var outcome: Outcome { account.outcome }

    public init(_ context: JobContext, options: Options = Options()) {
        self.context = context
        self.options = options
    }

    /// - Parameter graceOver: called where the job was asked to stop and has not ended in time; by then all claims are given back, and
    ///   nothing can be published any more.
    /// - Throws: ``JobError`` where the whole job has to end; what was done stays.
    public func run(graceOver: @escaping @Sendable () -> Void = {}) async throws -> Outcome {
        do {
            let (mark, adopting) = (JobIdentity(context: context), options.adoptsOutput)
            try await ThreadPool.files.run { () throws in try mark.settle(adopting: adopting) }
            let worker = try await JobAdmission(context: context, share: options.share).enter()
            let owned = context.owned(by: worker.owner)
            try await ThreadPool.files.run { () throws in try LastRun.note(owned) }
            let meter = RateMeter()
            let progress = owned.progress
            worker.startBeating(owned, changes: { progress.changes }) { Self.sign(owned, meter) }
            stopInTime(worker, graceOver)
            do {
                try await JobRun(
                    context: owned, worker: worker, share: options.share, stages: options.stages, account: account,
                    refreshes: options.refresh, verifies: options.verify, limit: options.items
                ).run()
                await ThreadPool.files.run { worker.end() }
                return account.outcome
            } catch {
                await ThreadPool.files.run { worker.end() }
                throw error
            }
        } catch {
            throw JobError(error, context.stop) ?? error
        }
    }

    private func stopInTime(_ worker: Worker, _ graceOver: @escaping @Sendable () -> Void) {
        let seconds = options.graceSeconds
        // Started now: when the job is asked to stop, there may be no thread to be had.
        let isStopping = DispatchSemaphore(value: 0)
        OwnThread.startRequired("grace") {
            isStopping.wait()
            Thread.sleep(forTimeInterval: seconds)
            worker.end()
            graceOver()
        }
        context.stop.whenStopped { isStopping.signal() }
    }

    /// What this process tells of its progress, for `cristae status` on any node.
    private static func sign(_ context: JobContext, _ meter: RateMeter) -> JSONValue {
        let (progress, transfer) = (context.progress.snapshot, context.counter.snapshot)
        return [
            "finished": .integer(progress.finished), "failed": .integer(progress.failed),
            "chunks": .integer(progress.chunks), "chunks_done": .integer(progress.chunksDone),
            "requests": .integer(transfer.requests), "retries": .integer(transfer.retries),
            "bytes": .integer(transfer.bytes),
            "bytes_per_second": .number(meter.rate(transfer.bytes).rounded()),
            "bytes_finished": .integer(progress.bytesFinished),
            "seconds": .number((progress.seconds * 10).rounded() / 10),
            "working": .array(progress.working.prefix(24).map { .string($0) }),
        ]
    }
}
