internal import Elements
internal import Glibc
internal import Synchronization

/// The claims of one owner: its right to work on something, as files `claims/<name>` in the state directory.
///
/// A claim is a hard link to the owner file: it comes into being whole, only one process gets it, and it says by itself who holds
/// it. To release it is to rename it into the owner's folder, and to take it from a dead owner is to rename it into one's own, once
/// that owner's folder is gone: whoever has no folder any more can do neither (``Owner``). All functions block.
public final class Claims: Sendable {
    private struct State: Sendable {
        var held: Set<String> = []
        var isClosed = false
        var counter = 0
    }

    public let owner: Owner
    private let state = Mutex(State())
    private var folder: ConfinedFolder { owner.state }

    public init(of owner: Owner) { self.owner = owner }

    private static func path(_ name: String) -> String { "claims/\(name)" }

    /// Takes the claim `name`; false where somebody holds it.
    ///
    /// - Throws: ``LedgerError`` `.locked` where another process has taken over this owner's work.
    public func take(_ name: String) throws(LedgerError) -> Bool {
        guard !state.withLock({ $0.isClosed }) else { return false }
        switch try owner.folder.link("owner", to: name, in: owner.claims) {
        case .made: break
        case .taken: return false
        case .gone: try takenOver()
        case .unsupported: guard try create(name) else { return false }
        }
        state.withLock { _ = $0.held.insert(name) }
        return true
    }

    /// The way without hard links: the claim names its owner in its own text.
    private func create(_ name: String) throws(LedgerError) -> Bool {
        let opened: FileHandle?
        do throws(LedgerError) {
            opened = try folder.open(Self.path(name), flags: O_WRONLY | O_CREAT | O_EXCL)
        } catch {
            if error.errorNumber == EEXIST { return false }
            throw error
        }
        guard let opened else { return false }
        try ByteBuffer(try OwnerFile.firstLine(owner.identity)).withUnsafeBytes { bytes throws(LedgerError) in
            try opened.write(bytes, at: 0, path: Self.path(name))
        }
        try owner.check()
        return true
    }

    private func takenOver() throws(LedgerError) {
        try owner.check()
        // The folder is there: somebody has removed `claims`, or the state directory is being taken apart.
        throw LedgerError(.cannotWrite, path: "\(folder.path)/claims", "a claim could not be made")
    }

    /// Gives a claim back.
    public func release(_ name: String) throws(LedgerError) {
        guard state.withLock({ $0.held.remove(name) }) != nil else { return }
        try remove(name)
    }

    /// Gives all claims back and takes no more: the last thing an owner does before it ends.
    public func close() {
        let names = state.withLock { state in
            state.isClosed = true
            defer { state.held = [] }
            return state.held
        }
        for name in names { _ = try? remove(name) }
    }

    /// Takes the claim out of the folder. This needs the folder of this owner, which nobody has who has been taken over.
    private func remove(_ name: String) throws(LedgerError) {
        let number = state.withLock { state in
            state.counter += 1
            return state.counter
        }
        let aside = "claim-\(number)"
        if try owner.claims.rename(name, to: aside, in: owner.folder) { try owner.folder.remove(aside) }
    }

    // MARK: Others

    /// The names of all claims that anybody holds, sorted.
    public static func all(in state: ConfinedFolder) throws(LedgerError) -> [String] { try state.list("claims") }

    /// Who holds the claim `name`; nil where nobody does, or its owner is just writing it.
    public static func holder(of name: String, in state: ConfinedFolder) throws(LedgerError) -> OwnerIdentity? {
        guard let file = try state.open(path(name), flags: O_RDONLY) else { return nil }
        return try OwnerFile(file, path: "\(state.path)/\(path(name))")?.identity
    }

    public static func isTaken(_ name: String, in state: ConfinedFolder) throws(LedgerError) -> Bool {
        try state.fileSize(path(name)) != nil
    }

    /// The claim of the process that takes over from an owner.
    public static func fenceName(_ id: String) -> String { "fence-\(id)" }

    /// Takes over from an owner that is dead: from now on it can publish nothing, and its claims are free. The work of one who does
    /// that and dies on the way is finished by the next one.
    ///
    /// - Parameter nameless: only where its owner file is missing or says nothing: a process that is just making it begins anew.
    /// - Returns: false where another process is at it.
    @discardableResult
    public func fence(_ id: String, nameless: Bool = false) throws(LedgerError) -> Bool {
        guard id != owner.identity.id else { return false }
        let fence = Self.fenceName(id)
        guard try take(fence) else { return false }
        if nameless, try !OwnerWatch.isNameless(id, in: folder) {
            try release(fence)
            return false
        }
        if try folder.rename(Owner.folder(of: id, in: folder), to: fence, in: owner.folder) {
            try owner.folder.removeFolder(fence)
        }
        try owner.check()
        try owner.output.removeFolder(Owner.folder(of: id, in: owner.output))
        // Only now, when it can neither publish nor claim nor release, its claims are free.
        for name in try Self.all(in: folder) where try Self.holder(of: name, in: folder)?.id == id { try remove(name) }
        try release(fence)
        return true
    }

    /// Removes claims whose owner has no folder any more, or that name none: for a process that knows to be alone.
    public func removeOrphans() throws(LedgerError) {
        for name in try Self.all(in: folder) where !state.withLock({ $0.held.contains(name) }) {
            guard let holder = try Self.holder(of: name, in: folder) else {
                try remove(name)
                continue
            }
            if try folder.fileSize(Owner.file(of: holder.id)) == nil { _ = try fence(holder.id) }
        }
    }
}
