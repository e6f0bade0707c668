internal import Arrays
internal import Foundation
public import JSONText
public import Ledger
internal import Logging
internal import Manifest
internal import Synchronization
internal import Threads

/// This process at work on a job: its claims, and a thread that shows that it is alive.
public final class Worker: Sendable {
    public let owner: Owner
    public let claims: Claims
    public let watch: OwnerWatch
    /// Seconds from one sign of life to the next.
    private let beatSeconds: Double
    private let isEnded = Mutex(false)

    /// Registers the process as an owner. Blocks.
    ///
    /// - Parameter beatSeconds: seconds from one sign of life to the next, instead of ``OwnerWatch/beatSeconds``.
    public init(role: String, _ context: JobContext, beatSeconds: Double? = nil) throws(LedgerError) {
        let claimSeconds = Double(context.manifest.limits.claimSeconds)
        owner = try Owner(role: role, state: context.state, output: context.output)
        claims = Claims(of: owner, claimSeconds: claimSeconds)
        watch = OwnerWatch(owner, claimSeconds: claimSeconds)
        self.beatSeconds = beatSeconds ?? watch.beatSeconds
    }

    /// Starts the signs of life. Where somebody has taken over the work, the job is stopped: nothing can be published any more.
    ///
    /// It is a thread of its own: neither a slow disk nor a long computation may hold it up.
    ///
    /// - Parameter changes: grows when an item begins or ends a stage: others shall see that within two seconds.
    public func startBeating(
        _ context: JobContext, changes: @escaping @Sendable () -> Int, progress: @escaping @Sendable () -> JSONValue
    ) {
        OwnThread.startRequired("beat") { [self] in
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
    }

    /// Returns when the next sign of life is due: after ``beatSeconds``, or a second after the last one where something has changed.
    private func waitForBeat(after shown: Int, _ changes: () -> Int) {
        let start = OwnerWatch.monotonicSeconds()
        while !isEnded.withLock({ $0 }) {
            let left = beatSeconds - (OwnerWatch.monotonicSeconds() - start)
            guard left > 0 else { return }
            Thread.sleep(forTimeInterval: min(1, left))
            if changes() != shown { return }
        }
    }

    /// Takes the process off the job: it can publish nothing any more, then its claims are free. Blocks; may be called more than once and from
    /// any thread.
    public func end() {
        let isFirst = isEnded.withLock { ended in
            defer { ended = true }
            return !ended
        }
        guard isFirst else { return }
        claims.end()
    }

    /// Frees what dead owners hold among the claims `names`.
    ///
    /// - Returns: the names whose holders are neither gone nor known to be alive: look again later. Blocks.
    public func freeDead(_ names: [String]) throws(LedgerError) -> [String] {
        var unclear: [String] = []
        var seen: [String: Held] = [:]
        for name in names {
            let holding = try Claims.holding(name, in: owner.state)
            let held: Held
            if case .owner(let holder) = holding, holder.id != owner.identity.id {
                if let known = seen[holder.id] { held = known } else { held = try look(at: name, holding, []) }
                seen[holder.id] = held
            } else {
                held = try look(at: name, holding, [])
            }
            switch held {
            case .unclear, .busy: unclear.append(name)
            case .gone, .alive, .freed: break
            }
        }
        return unclear
    }

    /// How a claim of another process stands.
    public enum Held: Sendable {
        /// Nobody has it.
        case gone
        /// Its holder is alive.
        case alive
        /// Its holder is dead, and has been taken over.
        case freed
        /// Look again later; seconds since the last sign of life by the clock of the file system.
        case unclear(age: Double)
        /// It is dead, but another process is at it: look again soon.
        case busy
    }

    /// Looks at a claim, and frees it where its holder is dead. Called again and again, it comes to an end within `limits.claim_seconds`. Blocks.
    public func look(at name: String) throws(LedgerError) -> Held {
        try look(at: name, Claims.holding(name, in: owner.state), [])
    }

    /// - Parameter chain: the owners that are being taken over from, each of which holds the right to take over from the one before.
    private func look(at name: String, _ holding: Claims.Holder, _ chain: [String]) throws(LedgerError) -> Held {
        switch holding {
        case .nobody: return .gone
        case .owner(let holder) where holder.id == owner.identity.id:
            return try claims.releaseStale(name) ? .freed : .alive
        case .owner(let holder):
            switch try watch.judge(holder.id) {
            case .alive: return .alive
            case .unknown(let age): return .unclear(age: age)
            case .dead: return try takeOver(from: holder.id, chain) ? .freed : .busy
            }
        case .nameless(let stamp):
            switch watch.judge(nameless: name, stamp) {
            case .alive: return .alive
            case .unknown(let age): return .unclear(age: age)
            case .dead: return try removeNameless(name, stamp, chain) ? .freed : .busy
            }
        }
    }

    /// Removes a claim that does not say whose it is. Where one that was about to do so has died on the way, that one comes first.
    private func removeNameless(
        _ name: String, _ stamp: FileStamp, _ chain: [String]
    ) throws(LedgerError) -> Bool {
        if try claims.removeNameless(name, stamp) { return true }
        let fence = Claims.fenceName(name)
        // The name of the claim grows with each step.
        guard fence.utf8.count < 240, chain.count < Self.longestChain,
            case .freed = try look(at: fence, Claims.holding(fence, in: owner.state), chain)
        else { return false }
        return try claims.removeNameless(name, stamp)
    }

    private static let longestChain = 100

    /// Removes what owners that are certainly dead have left, also where they held nothing. Blocks.
    public func clearDead() throws(LedgerError) {
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
    public func takeOver(from id: String) throws(LedgerError) -> Bool { try takeOver(from: id, []) }

    private func takeOver(from id: String, _ chain: [String]) throws(LedgerError) -> Bool {
        if try claims.fence(id) { return true }
        guard chain.count < Self.longestChain else { return false }
        let fence = Claims.fenceName(id)
        let holding = try Claims.holding(fence, in: owner.state)
        if case .owner(let holder) = holding, (chain + [id]).contains(holder.id) {
            // Each was taking over from the other when they died.
            try claims.breakCircle(at: id, heldBy: holder.id)
        } else {
            guard case .freed = try look(at: fence, holding, chain + [id]) else { return false }
        }
        return try claims.fence(id)
    }
}
