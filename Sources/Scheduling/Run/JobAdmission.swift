internal import Arrays
internal import Foundation
public import Job
internal import Ledger
internal import Manifest
internal import Threads

/// The door of a job: a run of the whole job keeps everybody else out, tasks let each other in.
public struct JobAdmission: Sendable {
    public let context: JobContext
    /// nil for a run of the whole job.
    public let share: TaskShare?

    public init(context: JobContext, share: TaskShare?) {
        (self.context, self.share) = (context, share)
    }

    /// Registers this process and lets it in.
    ///
    /// - Throws: ``JobError`` `.locked` at once where somebody alive keeps it out. One who has been quiet for longer than `limits.claim_seconds`
    ///   is watched for a while, and taken over where it is dead.
    public func enter() async throws -> Worker {
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
        var tries = 0
        while try await !ThreadPool.files.run({ () throws(LedgerError) in try worker.claims.take(ClaimName.job) }) {
            try await clear(ClaimName.job, worker)
            tries += 1
            if tries == Self.mostTries { throw restless(ClaimName.job) }
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
                try await clear(owner: other.identity.id, other.identity, worker)
            }
        }
        // Those who cannot be read may be at work as well.
        for id in try await ThreadPool.files.run({ () throws(LedgerError) in try OwnerWatch.damaged(in: state) }) {
            try await clear(owner: id, nil, worker)
        }
        // Now nobody else is here: claims without an owner are nobody's.
        try await ThreadPool.files.run { () throws(LedgerError) in try worker.claims.removeOrphans() }
    }

    // MARK: A task

    private func passJob(_ worker: Worker) async throws {
        let state = context.state
        var tries = 0
        while try await ThreadPool.files.run({ () throws(LedgerError) in
            try Claims.holding(ClaimName.job, in: state) != .nobody
        }) {
            try await clear(ClaimName.job, worker)
            tries += 1
            if tries == Self.mostTries { throw restless(ClaimName.job) }
        }
    }

    // MARK: Who stands in the way

    /// How often the claim on the job may be found free, and then taken by another.
    private static let mostTries = 1000
    /// Seconds, beyond twice `limits.claim_seconds`, for somebody who is dead to be out of the way.
    private static let slackSeconds = 60.0

    /// Returns when nobody has the claim.
    private func clear(_ claim: String, _ worker: Worker) async throws {
        try await clear(worker) { () throws(LedgerError) in
            let holder = try Claims.holder(of: claim, in: context.state)
            return (try worker.look(at: claim), holder)
        } or: {
            "claims/\(claim)"
        }
    }

    /// Returns when an owner is out of the way.
    private func clear(owner id: String, _ identity: OwnerIdentity?, _ worker: Worker) async throws {
        try await clear(worker) { () throws(LedgerError) in
            switch try worker.watch.judge(id) {
            case .alive: (.alive, identity)
            case .unknown(let age): (.unclear(age: age), identity)
            case .dead: (try worker.takeOver(from: id) ? .freed : .busy, identity)
            }
        } or: {
            "work/\(id)/owner"
        }
    }

    /// - Parameters:
    ///   - look: blocks.
    ///   - file: the file to name where it does not say who it is.
    private func clear(
        _ worker: Worker, look: @escaping @Sendable () throws(LedgerError) -> (Worker.Held, OwnerIdentity?),
        or file: () -> String
    ) async throws {
        let watch = worker.watch
        let begin = OwnerWatch.monotonicSeconds()
        while true {
            try context.stop.check()
            let (held, holder) = try await ThreadPool.files.run { () throws(LedgerError) in try look() }
            switch held {
            case .gone, .freed: return
            case .alive: throw locked(by: holder, file(), "just now")
            case .unclear(let age) where age <= watch.claimSeconds:
                throw locked(by: holder, file(), "\(Int(max(0, age))) s ago")
            case .unclear, .busy: break
            }
            guard OwnerWatch.monotonicSeconds() - begin < 2 * watch.claimSeconds + Self.slackSeconds else {
                throw locked(by: holder, file(), "too long ago, but it cannot be taken over")
            }
            try await Task.sleep(for: .seconds(min(1, watch.beatSeconds / 2)))
        }
    }

    private func restless(_ claim: String) -> JobError {
        .locked("\(context.state.path)/claims/\(claim): others take it again and again; try again later")
    }

    private func locked(by holder: OwnerIdentity?, _ file: String, _ last: String) -> JobError {
        let who =
            if let holder {
                "\(holder.description) works on this job, since \(Self.time(holder.since)) by its clock"
            } else {
                "\(file) is damaged, or was never finished: it does not say who works on this job"
            }
        return .locked(
            "\(context.state.path): \(who); last sign of life \(last), it counts as gone after "
                + "\(context.manifest.limits.claimSeconds) s without one")
    }

    private static func time(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(.iso8601)
    }
}
