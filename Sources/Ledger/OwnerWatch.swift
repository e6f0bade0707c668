internal import Glibc
internal import Synchronization

/// Tells whether other owners are alive, from their signs of life.
///
/// Clocks of several machines are never compared. What counts is whether an owner has shown a new sign of life while this process
/// looked, by this process's own monotonic clock. The age of the last sign by the clock of the file system only
/// shortens the wait, and never below two beats. A death is certain at once where the owner ran on this very kernel and its process, or the
/// lock on its file, is gone.
public final class OwnerWatch: Sendable {
    public enum Verdict: Sendable {
        /// It has shown a sign of life while this process looked.
        case alive
        /// It is gone, or has not shown a sign of life for so long that its work may be taken over.
        case dead
        /// It is too early to tell; seconds since its last sign of life by the clock of the file system.
        case unknown(age: Double)
    }

    private struct Sign: Sendable {
        var beat: Int
        var modified: Double
        /// When this process first saw it, in seconds by its own clock.
        var since: Double
        var hasChanged: Bool
    }

    private let owner: Owner
    /// Seconds after which an owner without a sign of life may be taken over.
    public let claimSeconds: Double
    private let now: @Sendable () -> Double
    private let signs = Mutex<[String: Sign]>([:])

    /// Seconds from one sign of life to the next.
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

    /// The ids of folders whose owner has not, or never will have, said who it is, sorted.
    public static func nameless(in state: ConfinedFolder) throws(LedgerError) -> [String] {
        var ids: [String] = []
        for id in try state.list("work") where try isNameless(id, in: state) { ids.append(id) }
        return ids
    }

    static func isNameless(_ id: String, in state: ConfinedFolder) throws(LedgerError) -> Bool {
        guard let file = try state.open(Owner.file(of: id), flags: O_RDONLY) else { return true }
        return try OwnerFile(file, path: "\(state.path)/\(Owner.file(of: id))") == nil
    }

    /// Looks at an owner. Called again and again, it comes to a verdict within ``claimSeconds``.
    public func judge(_ id: String) throws(LedgerError) -> Verdict {
        let path = Owner.file(of: id)
        // An owner without a folder has ended, or was taken over by one which died on the way.
        guard let file = try owner.state.open(path, flags: O_RDONLY) else { return .dead }
        let found = try OwnerFile(file, path: "\(owner.state.path)/\(path)")
        if let found, Self.isProvenDead(found, file) { return .dead }
        let (beat, modified) = (found?.beat ?? -1, file.modified)
        let now = now()
        let sign = signs.withLock { signs in
            var sign = signs[id] ?? Sign(beat: beat, modified: modified, since: now, hasChanged: false)
            if sign.beat != beat || sign.modified != modified {
                sign = Sign(beat: beat, modified: modified, since: now, hasChanged: true)
            }
            signs[id] = sign
            return sign
        }
        let quiet = now - sign.since
        let age = owner.lastBeat - modified
        if quiet >= claimSeconds || (age > claimSeconds && quiet >= 2 * beatSeconds) { return .dead }
        return sign.hasChanged ? .alive : .unknown(age: age)
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
