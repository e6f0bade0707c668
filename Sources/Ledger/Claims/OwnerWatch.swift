internal import Glibc
internal import Synchronization

/// Decides whether other owners are alive, from the changes of their owner files (beats).
///
/// Clocks of several machines are never compared. What counts is whether an owner shows a new beat while this process watches, by this
/// process's own monotonic clock. This process may have been suspended, and the owner with it. So the time between two looks counts as one
/// beat at most. The age of the last beat by the file system's clock only shortens the wait, and never below two beats of steady watching.
/// A death is certain at once if the owner ran on this kernel and its process, or the lock on its file, is gone.
///
/// A claim or an owner file that names no owner expires in the same way: each change of the file counts as a beat.
public final class OwnerWatch: Sendable {
    public enum Verdict: Sendable {
        /// It has shown a beat while this process watched.
        case alive
        /// It is gone, or has shown no beat for so long that its work may be taken over.
        case dead
        /// It is too early to tell. `age`: seconds since its last beat by the clock of the file system.
        case unknown(age: Double)
    }

    /// What changes with each beat.
    private struct Sign: Sendable, Hashable {
        var beat: Int
        var stamp: FileStamp
    }

    /// What this process has seen of an owner, or of a claim that names none.
    private struct Watched: Sendable {
        var sign: Sign
        /// Seconds by this process's own clock.
        var lastLook: Double
        /// Seconds without a new beat while this process watched.
        var quiet = 0.0
        /// The same, since this process was last suspended.
        var steady = 0.0
        var hasChanged = false
    }

    private let owner: Owner
    /// Seconds without a beat after which an owner may be taken over.
    public let claimSeconds: Double
    private let now: @Sendable () -> Double
    private let watched = Mutex<[String: Watched]>([:])

    /// Seconds from one beat to the next.
    public var beatSeconds: Double { min(15, max(0.5, claimSeconds / 6)) }

    /// - Parameter now: seconds of a clock that only goes forward.
    public init(
        _ owner: Owner, claimSeconds: Double, now: @escaping @Sendable () -> Double = OwnerWatch.monotonicSeconds
    ) {
        self.owner = owner
        self.claimSeconds = claimSeconds
        self.now = now
    }

    private static let start = ContinuousClock.now

    @Sendable public static func monotonicSeconds() -> Double { (ContinuousClock.now - start) / .seconds(1) }

    /// The owner files in a state directory, sorted by id.
    public static func owners(in state: ConfinedFolder) throws(LedgerError) -> [OwnerFile] {
        var owners: [OwnerFile] = []
        for id in try state.list("work") {
            if let file = try state.open(Owner.file(of: id), flags: O_RDONLY),
                let owner = try OwnerFile(file, path: "\(state.path)/\(Owner.file(of: id))")
            {
                owners.append(owner)
            }
        }
        return owners
    }

    /// The ids of folders without an owner file that is complete, sorted. Their owners are starting, or died while they did.
    public static func nameless(in state: ConfinedFolder) throws(LedgerError) -> [String] {
        var ids: [String] = []
        for id in try state.list("work") where try isNameless(id, in: state) { ids.append(id) }
        return ids
    }

    static func isNameless(_ id: String, in state: ConfinedFolder) throws(LedgerError) -> Bool {
        guard let file = try state.open(Owner.file(of: id), flags: O_RDONLY) else { return true }
        return try file.size(path: "\(state.path)/\(Owner.file(of: id))") == 0
    }

    /// The ids of owners whose file is damaged, sorted. They may be alive.
    public static func damaged(in state: ConfinedFolder) throws(LedgerError) -> [String] {
        var ids: [String] = []
        for id in try state.list("work") {
            let path = "\(state.path)/\(Owner.file(of: id))"
            guard let file = try state.open(Owner.file(of: id), flags: O_RDONLY) else { continue }
            let size = try file.size(path: path)
            if size > 0, try OwnerFile(file, path: path) == nil { ids.append(id) }
        }
        return ids
    }

    /// Looks at an owner. Repeated calls come to a verdict within ``claimSeconds``.
    public func judge(_ id: String) throws(LedgerError) -> Verdict {
        let path = Owner.file(of: id)
        // An owner without a folder has ended, or was taken over by a process that then died.
        guard let file = try owner.state.open(path, flags: O_RDONLY) else { return .dead }
        let found = try OwnerFile(file, path: "\(owner.state.path)/\(path)")
        if let found, Self.isProvenDead(found, file) { return .dead }
        return judge(id, Sign(beat: found?.beat ?? -1, stamp: file.stamp))
    }

    /// Looks at a claim that names no owner.
    public func judge(nameless claim: String, _ stamp: FileStamp) -> Verdict {
        // The slash keeps the key apart from owners' ids.
        judge("claims/\(claim)", Sign(beat: -1, stamp: stamp))
    }

    private func judge(_ key: String, _ sign: Sign) -> Verdict {
        let now = now()
        let seen = watched.withLock { watched in
            guard var seen = watched[key] else {
                let first = Watched(sign: sign, lastLook: now)
                watched[key] = first
                return first
            }
            let gap = now - seen.lastLook
            seen.lastLook = now
            if seen.sign != sign {
                seen.sign = sign
                (seen.quiet, seen.steady, seen.hasChanged) = (0, 0, true)
            } else {
                seen.quiet += min(gap, beatSeconds)
                seen.steady = gap > beatSeconds ? 0 : seen.steady + gap
            }
            watched[key] = seen
            return seen
        }
        let age = owner.lastBeat - sign.stamp.modified
        if seen.quiet >= claimSeconds || (age > claimSeconds && seen.steady >= 2 * beatSeconds) { return .dead }
        return seen.hasChanged ? .alive : .unknown(age: age)
    }

    /// Whether an owner is certainly gone: it ran on this kernel, and its process or its lock is not there.
    public static func isProvenDead(_ id: String, in state: ConfinedFolder) throws(LedgerError) -> Bool {
        guard let file = try state.open(Owner.file(of: id), flags: O_RDONLY) else { return true }
        guard let found = try OwnerFile(file, path: "\(state.path)/\(Owner.file(of: id))") else { return false }
        return isProvenDead(found, file)
    }

    private static func isProvenDead(_ found: OwnerFile, _ file: borrowing FileHandle) -> Bool {
        let identity = found.identity
        if identity.hasNoProcess { return true }
        guard identity.isOnThisKernel, !identity.lock.isEmpty, identity.lock == file.place else { return false }
        return FileLock.isHeld(file) == false
    }
}
