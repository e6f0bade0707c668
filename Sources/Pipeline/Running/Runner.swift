internal import Foundation
internal import JSONText
internal import Ledger
internal import Stores
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

        public init(
            share: TaskShare? = nil, stages: Set<Stage> = Set(Stage.allCases), graceSeconds: Double = 8,
            refresh: Bool = false
        ) {
            self.refresh = refresh
            self.share = share
            self.stages = stages
            self.graceSeconds = graceSeconds
        }
    }

    /// How a job, or a task, ended.
    public struct Outcome: Sendable {
        /// Items of the job.
        public var items = 0
        /// Items that this run has finished.
        public var done = 0
        /// Items that were complete before this run, as far as it has looked.
        public var alreadyDone = 0
        /// Items that could not begin, by the stage that they wait for: it was not asked for.
        public var waiting: [Stage: Int] = [:]
        public var failures: [Failure] = []
        /// Crops of selected datasets without any of the classes.
        public var cropsWithoutClass = 0
        /// Datasets that `select` takes.
        public var datasets = 0

        /// 0, or 1 where some items failed, or 75 where some wait for a stage that was not asked for.
        public var exitCode: Int32 { failures.isEmpty ? (waiting.isEmpty ? 0 : 75) : 1 }
    }

    private let context: JobContext
    private let options: Options

    public init(_ context: JobContext, options: Options = Options()) {
        self.context = context
        self.options = options
    }

    /// - Parameter graceOver: called where the job was asked to stop and has not ended in time; by then all claims are given back, and
    ///   nothing can be published any more.
    /// - Throws: ``JobError`` where the whole job has to end; what was done stays.
    public func run(graceOver: @escaping @Sendable () -> Void = {}) async throws -> Outcome {
        do {
            let worker = try await JobEntrance(context: context, share: options.share).enter()
            let owned = context.owned(by: worker.owner)
            try await ThreadPool.files.run { () throws in try LastRun.note(owned) }
            let meter = RateMeter()
            let progress = owned.progress
            worker.startBeating(owned, changes: { progress.changes }) { Self.sign(owned, meter) }
            stopInTime(worker, graceOver)
            do {
                let outcome = try await JobRun(
                    context: owned, worker: worker, share: options.share, stages: options.stages,
                    refreshes: options.refresh
                ).run()
                await ThreadPool.files.run { worker.end() }
                return outcome
            } catch {
                await ThreadPool.files.run { worker.end() }
                throw error
            }
        } catch {
            throw JobError(error) ?? error
        }
    }

    private func stopInTime(_ worker: Worker, _ graceOver: @escaping @Sendable () -> Void) {
        let seconds = options.graceSeconds
        context.stop.whenStopped {
            let thread = Thread {
                Thread.sleep(forTimeInterval: seconds)
                worker.end()
                graceOver()
            }
            thread.name = "grace"
            thread.start()
        }
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
