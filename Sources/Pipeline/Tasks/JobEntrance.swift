internal import Foundation
internal import Ledger
internal import Threads

/// The door of a job: a run of the whole job keeps everybody else out, tasks let each other in.
struct JobEntrance: Sendable {
    let context: JobContext
    /// nil for a run of the whole job.
    let share: TaskShare?

    /// Registers this process and lets it in.
    ///
    /// - Throws: ``JobError`` `.locked` at once where somebody alive keeps it out. One who has been quiet for longer than `limits.claim_seconds`
    ///   is watched for a while, and taken over where it is dead.
    func enter() async throws -> Worker {
        let context = context
        let role = share?.description ?? OwnerIdentity.wholeJob
        let worker = try await ThreadPool.files.run { () throws(LedgerError) in try Worker(role: role, context) }
        do {
            if share == nil { try await takeJob(worker) } else { try await passJob(worker) }
            return worker
        } catch {
            await ThreadPool.files.run { worker.end() }
            throw error
        }
    }

    // MARK: The whole job

    private func takeJob(_ worker: Worker) async throws {
        let state = context.state
        while try await !ThreadPool.files.run({ () throws(LedgerError) in try worker.claims.take(ClaimName.job) }) {
            try context.stop.check()
            let holder = try await ThreadPool.files.run { () throws(LedgerError) in
                try Claims.holder(of: ClaimName.job, in: state)
            }
            if let holder { try await clear(holder, worker) } else { try await Task.sleep(for: .milliseconds(20)) }
        }
        // Tasks that are at work keep a run of the whole job out, too. Others that want the whole job do not: they come no further.
        for other in try await ThreadPool.files.run({ () throws(LedgerError) in try OwnerWatch.owners(in: state) })
        where other.identity.id != worker.owner.identity.id {
            if other.identity.isWholeJob {
                try await ThreadPool.files.run { () throws(LedgerError) in
                    let isQuiet = worker.owner.age(of: other) > worker.watch.claimSeconds
                    let isDead = try OwnerWatch.isProvenDead(other.identity.id, in: state)
                    if isQuiet || isDead {
                        _ = try worker.takeOver(from: other.identity.id)
                    }
                }
            } else {
                try await clear(other.identity, worker)
            }
        }
        // Now nobody else is here: claims without an owner are nobody's.
        try await ThreadPool.files.run { () throws(LedgerError) in try worker.claims.removeOrphans() }
    }

    // MARK: A task

    private func passJob(_ worker: Worker) async throws {
        let state = context.state
        while let holder = try await ThreadPool.files.run({ () throws(LedgerError) in
            try Claims.holder(of: ClaimName.job, in: state)
        }) {
            try await clear(holder, worker)
        }
    }

    /// Takes over from an owner that is dead; returns when it is out of the way.
    private func clear(_ holder: OwnerIdentity, _ worker: Worker) async throws {
        let watch = worker.watch
        while true {
            try context.stop.check()
            let verdict = try await ThreadPool.files.run { () throws(LedgerError) in try watch.judge(holder.id) }
            switch verdict {
            case .dead:
                let isFree = try await ThreadPool.files.run { () throws(LedgerError) in
                    try worker.takeOver(from: holder.id)
                }
                if isFree { return }
            case .alive: throw locked(by: holder, "just now")
            case .unknown(let age) where age <= watch.claimSeconds:
                throw locked(by: holder, "\(Int(max(0, age))) s ago")
            case .unknown: break
            }
            try await Task.sleep(for: .seconds(min(1, watch.beatSeconds / 2)))
        }
    }

    private func locked(by holder: OwnerIdentity, _ last: String) -> JobError {
        .locked(
            "\(context.state.path): \(holder.description) works on this job, since \(Self.time(holder.since)) by its clock; last sign of life "
                + "\(last), it counts as gone after \(context.manifest.limits.claimSeconds) s without one")
    }

    private static func time(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(.iso8601)
    }
}
