internal import Elements
internal import Glibc
internal import Synchronization

/// The claims of one owner: its right to work on something, as files `claims/<name>` in the state directory.
///
/// A claim is a hard link to the owner file. So it appears complete, only one process gets it, and its content names the holder. Releasing
/// a claim renames it into the owner's folder. Taking it from a dead owner renames it into one's own folder, after the dead owner's folder
/// is gone. A process whose folder is gone can do neither (``Owner``).
///
/// On a file system without true hard links, a claim is a file with the first line of the owner file. It is written and flushed in the
/// owner's folder, and renamed without replacing anything. Where that is not supported either, the claim is made with `O_EXCL` and then
/// written. A process that dies in between leaves a claim that names no owner; it expires like others (``OwnerWatch``).
///
/// All functions block. Several threads may call them; one thread at a time works on a name.
public final class Claims: Sendable {
    private struct State: Sendable {
        /// Names that are held, or that a thread is taking or releasing now.
        var busy: Set<String> = []
        var held: Set<String> = []
        /// Dead owners whose take-over failed midway. This process still holds the claim for it.
        var unfinished: Set<String> = []
        var isClosed = false
        var counter = 0
        /// False once the file system has refused a link.
        var canLink = true
        /// True once a link was checked to be a hard link.
        var makesHardLinks = false
        var canRename = true
    }

    public let owner: Owner
    private let claimSeconds: Double
    private let state = Mutex(State())
    var folder: ConfinedFolder { owner.state }

    /// - Parameter claimSeconds: seconds after which others may remove a claim that names no owner.
    public init(of owner: Owner, claimSeconds: Double = .infinity) {
        self.owner = owner
        self.claimSeconds = claimSeconds
    }

    static func path(_ name: String) -> String { "claims/\(name)" }

    /// Takes the claim `name`; false where another process, or another thread of this one, holds it.
    ///
    /// - Throws: ``LedgerError`` `.locked` where another process has taken over this owner's work.
    public func take(_ name: String) throws(LedgerError) -> Bool {
        guard state.withLock({ !$0.isClosed && $0.busy.insert(name).inserted }) else { return false }
        let isMade: Bool
        do throws(LedgerError) {
            isMade = try make(name)
        } catch {
            letGo(of: name)
            throw error
        }
        if isMade { state.withLock { _ = $0.held.insert(name) } } else { letGo(of: name) }
        return isMade
    }

    private func letGo(of name: String) { state.withLock { _ = $0.busy.remove(name) } }

    /// Releases a claim.
    public func release(_ name: String) throws(LedgerError) {
        guard state.withLock({ $0.held.remove(name) }) != nil else { return }
        // Another thread may take the name only when the claim has left the folder.
        defer { letGo(of: name) }
        try remove(name)
    }

    /// Removes a claim of this owner that no thread holds. Such a claim stays where a release failed, or where the answer to taking it was
    /// lost.
    ///
    /// - Returns: false where a thread holds it.
    public func releaseStale(_ name: String) throws(LedgerError) -> Bool {
        guard state.withLock({ !$0.isClosed && $0.busy.insert(name).inserted }) else { return false }
        defer { letGo(of: name) }
        try remove(name)
        return true
    }

    /// Ends the owner. First it loses its right to publish, then its claims are released.
    ///
    /// Without its folder the owner cannot release claims itself. So a new owner does that, if any claims are left.
    public func end() {
        let names = state.withLock { state in
            state.isClosed = true
            defer { state.held = [] }
            return state.held
        }
        owner.end()
        guard !names.isEmpty,
            let caretaker = try? Owner(role: OwnerIdentity.wholeJob, state: owner.state, output: owner.output)
        else { return }
        _ = try? Claims(of: caretaker).fence(owner.identity.id, claims: names.sorted())
        caretaker.end()
    }

    // MARK: Making and removing

    private func make(_ name: String) throws(LedgerError) -> Bool {
        let (canLink, isProven) = state.withLock { ($0.canLink, $0.makesHardLinks) }
        if canLink {
            switch try owner.folder.link("owner", to: name, in: owner.claims, isProven: isProven) {
            case .made:
                state.withLock { $0.makesHardLinks = true }
                return true
            case .taken: return false
            case .gone: try takenOver()
            case .somethingElse: try remove(name)
            case .unsupported: break
            }
            state.withLock { $0.canLink = false }
        }
        let text = ByteBuffer(try OwnerFile.firstLine(owner.identity))
        if state.withLock({ $0.canRename }) {
            if let isMade = try rename(text, to: name) { return isMade }
            state.withLock { $0.canRename = false }
        }
        return try create(name, text)
    }

    /// Makes a claim without hard links; nil where the file system cannot rename without replacing.
    private func rename(_ text: ByteBuffer, to name: String) throws(LedgerError) -> Bool? {
        let new = newName()
        guard let file = try open(new, in: owner.folder) else { throw Self.occupied("\(owner.folder.path)/\(new)") }
        let path = "\(owner.folder.path)/\(new)"
        try text.withUnsafeBytes { bytes throws(LedgerError) in try file.write(bytes, at: 0, path: path) }
        try file.sync(path: path)
        switch try owner.folder.renameToFreeName(new, to: name, in: owner.claims) {
        case .made: return true
        case .gone: try takenOver()
        case .taken:
            try owner.folder.remove(new)
            return false
        case .unsupported, .somethingElse: break
        }
        try owner.folder.remove(new)
        return nil
    }

    /// Makes a claim with `O_EXCL` alone. It names no owner until it is written.
    private func create(_ name: String, _ text: ByteBuffer) throws(LedgerError) -> Bool {
        let begin = OwnerWatch.monotonicSeconds()
        guard let file = try open(name, in: owner.claims) else { return false }
        let path = "\(owner.claims.path)/\(name)"
        do throws(LedgerError) {
            try text.withUnsafeBytes { bytes throws(LedgerError) in try file.write(bytes, at: 0, path: path) }
            try file.sync(path: path)
        } catch {
            try? takeAway(name, file.stamp)
            throw error
        }
        try owner.check()
        // If this process was suspended before it wrote, the claim may have expired and belong to another process now.
        let isLate = OwnerWatch.monotonicSeconds() - begin > claimSeconds / 2
        if !isLate, let status = try owner.claims.status(of: name), FileStamp(status).isSameFile(as: file.stamp) {
            return true
        }
        try takeAway(name, file.stamp)
        return false
    }

    /// Makes a new file; nil where there is one.
    private func open(_ name: String, in folder: ConfinedFolder) throws(LedgerError) -> FileHandle? {
        do throws(LedgerError) {
            return try folder.open(name, flags: O_WRONLY | O_CREAT | O_EXCL)
        } catch {
            if error.errorNumber == EEXIST { return nil }
            if let number = error.errorNumber, ConfinedFolder.isGone(number) { try takenOver() }
            throw error
        }
    }

    private static func occupied(_ path: String) -> LedgerError {
        LedgerError(.cannotWrite, path: path, "there is a file already which only this process makes")
    }

    private func takenOver() throws(LedgerError) -> Never {
        try owner.check()
        // This owner's folder exists. So somebody has removed `claims`, or is deleting the state directory.
        throw LedgerError(.cannotWrite, path: "\(folder.path)/claims", "a claim could not be made")
    }

    /// A name in the owner's folder that no other thread uses.
    private func newName() -> String {
        let number = state.withLock { state in
            state.counter += 1
            return state.counter
        }
        return "claim-\(number)"
    }

    /// Moves the claim into this owner's folder, which is gone if the owner was taken over.
    func remove(_ name: String) throws(LedgerError) {
        let aside = newName()
        if try owner.claims.rename(name, to: aside, in: owner.folder) { try discard(aside) }
    }

    /// The same, if the file is still the one of `stamp`. Another file is put back.
    func takeAway(_ name: String, _ stamp: FileStamp) throws(LedgerError) {
        let aside = newName()
        guard try owner.claims.rename(name, to: aside, in: owner.folder) else { return }
        guard let status = try owner.folder.status(of: aside), !FileStamp(status).isSameFile(as: stamp) else {
            return try discard(aside)
        }
        if case .unsupported = try owner.folder.renameToFreeName(aside, to: name, in: owner.claims) {
            _ = try owner.folder.rename(aside, to: name, in: owner.claims)
        }
    }

    /// Under a claim's name there may be any kind of file.
    private func discard(_ aside: String) throws(LedgerError) {
        if let status = try owner.folder.status(of: aside), status.st_mode & S_IFMT == S_IFDIR {
            try owner.folder.removeFolder(aside)
        } else {
            try owner.folder.remove(aside)
        }
    }

    // MARK: What others have

    /// Whether this process had begun to take over from the owner `id` without finishing. The caller finishes it now.
    func resume(_ id: String) -> Bool { state.withLock { $0.unfinished.remove(id) != nil } }

    func noteUnfinished(_ id: String) { state.withLock { _ = $0.unfinished.insert(id) } }

    func isHeldHere(_ name: String) -> Bool { state.withLock { $0.busy.contains(name) } }
}
