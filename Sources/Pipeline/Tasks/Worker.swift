internal import Foundation
internal import JSONText
internal import Ledger
internal import Logging
internal import Synchronization
internal import Threads

/// This process at work on a job: its claims, and a thread that shows that it is alive.
final class Worker: Sendable {
    let owner: Owner
    let claims: Claims
    let watch: OwnerWatch
    private let isEnded = Mutex(false)

    /// Registers the process as an owner. Blocks.
    init(role: String, _ context: JobContext) throws(LedgerError) {
        owner = try Owner(role: role, state: context.state, output: context.output)
        claims = Claims(of: owner)
        watch = OwnerWatch(owner, claimSeconds: Double(context.manifest.limits.claimSeconds))
    }

    /// Starts the signs of life. Where somebody has taken over the work, the job is stopped: nothing can be published any more.
    ///
    /// It is a thread of its own: neither a slow disk nor a long computation may hold it up.
    ///
    /// - Parameter changes: grows when an item begins or ends a stage: others shall see that within two seconds.
    func startBeating(
        _ context: JobContext, changes: @escaping @Sendable () -> Int, progress: @escaping @Sendable () -> JSONValue
    ) {
        let thread = Thread { [self] in
            while !isEnded.withLock({ $0 }) {
                let shown = changes()
                do throws(LedgerError) {
                    try owner.beat(progress())
                } catch {
                    if isEnded.withLock({ $0 }) { return }
                    if error.code == .locked {
                        context.logger.error("\(error)")
                        context.stop.stop()
                        return
                    }
                    context.logger.warning("\(error)")
                }
                waitForBeat(after: shown, changes)
            }
        }
        thread.name = "beat"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Returns when the next sign of life is due: after ``OwnerWatch/beatSeconds``, or a second after the last one where something has changed.
    private func waitForBeat(after shown: Int, _ changes: () -> Int) {
        let start = OwnerWatch.monotonicSeconds()
        while !isEnded.withLock({ $0 }) {
            let left = watch.beatSeconds - (OwnerWatch.monotonicSeconds() - start)
            guard left > 0 else { return }
            Thread.sleep(forTimeInterval: min(1, left))
            if changes() != shown { return }
        }
    }

    /// Gives back all claims and takes the process off the job. Blocks; may be called more than once and from any thread.
    func end() {
        let isFirst = isEnded.withLock { ended in
            defer { ended = true }
            return !ended
        }
        guard isFirst else { return }
        claims.close()
        owner.end()
    }

    /// Frees what dead owners hold among the claims `names`.
    ///
    /// - Returns: the names whose holders are neither gone nor known to be alive: look again later. Blocks.
    func freeDead(_ names: [String]) throws(LedgerError) -> [String] {
        var unclear: [String] = []
        var verdicts: [String: OwnerWatch.Verdict] = [:]
        for name in names {
            guard let holder = try Claims.holder(of: name, in: owner.state) else {
                // Its owner is just writing it, or it has just gone.
                if try Claims.isTaken(name, in: owner.state) { unclear.append(name) }
                continue
            }
            guard holder.id != owner.identity.id else { continue }
            let verdict: OwnerWatch.Verdict
            if let known = verdicts[holder.id] { verdict = known } else { verdict = try watch.judge(holder.id) }
            verdicts[holder.id] = verdict
            switch verdict {
            case .alive: break
            case .unknown: unclear.append(name)
            case .dead: if try !takeOver(from: holder.id) { unclear.append(name) }
            }
        }
        return unclear
    }

    /// How a claim of another process stands.
    enum Held {
        /// Nobody has it.
        case gone
        /// Its holder is alive.
        case alive
        /// Its holder is dead, and has been taken over.
        case freed
        /// Look again later.
        case unclear
    }

    /// Looks at a claim of another process. Blocks.
    func look(at name: String) throws(LedgerError) -> Held {
        guard let holder = try Claims.holder(of: name, in: owner.state) else {
            // Without hard links, a claim is there before it says whose it is.
            return try Claims.isTaken(name, in: owner.state) ? .unclear : .gone
        }
        return switch try watch.judge(holder.id) {
        case .alive: .alive
        case .dead: try takeOver(from: holder.id) ? .freed : .unclear
        case .unknown: .unclear
        }
    }

    /// Removes what owners that are certainly dead have left, also where they held nothing. Blocks.
    func clearDead() throws(LedgerError) {
        for other in try OwnerWatch.owners(in: owner.state) where other.identity.id != owner.identity.id {
            if try OwnerWatch.isProvenDead(other.identity.id, in: owner.state) {
                _ = try takeOver(from: other.identity.id)
            }
        }
        for id in try OwnerWatch.nameless(in: owner.state) { try claims.fence(id, nameless: true) }
    }

    /// Takes over from an owner that is dead. Where one that was about to do so has died on the way, that one comes first.
    ///
    /// - Returns: false where another process is at it. Blocks.
    func takeOver(from id: String, depth: Int = 0) throws(LedgerError) -> Bool {
        if try claims.fence(id) { return true }
        guard depth < 100, let holder = try Claims.holder(of: Claims.fenceName(id), in: owner.state),
            holder.id != owner.identity.id, case .dead = try watch.judge(holder.id),
            try takeOver(from: holder.id, depth: depth + 1)
        else { return false }
        return try claims.fence(id)
    }
}
