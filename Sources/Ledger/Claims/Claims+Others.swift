internal import Glibc

/// The claims of all owners, and how those of dead owners become free.
extension Claims {
    /// How a claim stands.
    public enum Holder: Sendable, Hashable {
        case nobody
        case owner(OwnerIdentity)
        /// It does not say whose it is: its owner is just writing it, or has died before that, or it is damaged.
        case nameless(FileStamp)
    }

    /// The names of all claims that anybody holds, sorted.
    public static func all(in state: ConfinedFolder) throws(LedgerError) -> [String] { try state.list("claims") }

    /// How the claim `name` stands.
    public static func holding(_ name: String, in state: ConfinedFolder) throws(LedgerError) -> Holder {
        do throws(LedgerError) {
            guard let file = try state.open(path(name), flags: O_RDONLY) else { return .nobody }
            let stamp = file.stamp
            if stamp.isRegular {
                if let found = try OwnerFile(file, path: "\(state.path)/\(path(name))") {
                    return .owner(found.identity)
                }
                return .nameless(stamp)
            }
        } catch {
            // A symbolic link, a socket, a device without its driver; ESTALE: another machine has just removed it.
            guard let number = error.errorNumber, [ELOOP, ENXIO, ENODEV, ESTALE].contains(number) else { throw error }
        }
        guard let status = try state.status(of: path(name)) else { return .nobody }
        return .nameless(FileStamp(status))
    }

    /// Who holds the claim `name`; nil where nobody does, or it does not say who.
    public static func holder(of name: String, in state: ConfinedFolder) throws(LedgerError) -> OwnerIdentity? {
        guard case .owner(let holder) = try holding(name, in: state) else { return nil }
        return holder
    }

    /// The claim of the process that takes over from an owner, or removes a claim that does not say whose it is.
    public static func fenceName(_ id: String) -> String { "fence-\(id)" }

    /// Takes over from an owner that is dead: from now on it can publish nothing, and its claims are free. The work of one who does
    /// that and dies on the way is finished by the next one.
    ///
    /// - Parameters:
    ///   - nameless: only where its owner file is missing or empty: a process that is just making it begins anew.
    ///   - names: the claims it may have; nil for any.
    /// - Returns: false where another process is at it.
    @discardableResult
    public func fence(_ id: String, nameless: Bool = false, claims names: [String]? = nil) throws(LedgerError) -> Bool {
        guard id != owner.identity.id else { return false }
        if !resume(id) { guard try take(Self.fenceName(id)) else { return false } }
        let isDone: Bool
        do throws(LedgerError) {
            isDone = try revoke(id, nameless: nameless, claims: names)
        } catch {
            // The claim is kept: its folder may lie in this owner's by now, and nobody else must take it for removed.
            noteUnfinished(id)
            throw error
        }
        try release(Self.fenceName(id))
        return isDone
    }

    private func revoke(_ id: String, nameless: Bool, claims names: [String]?) throws(LedgerError) -> Bool {
        if nameless, try !OwnerWatch.isNameless(id, in: folder) { return false }
        let fence = Self.fenceName(id)
        _ = try folder.rename(folder.folder(ofOwner: id), to: fence, in: owner.folder)
        // Also where there was nothing to rename: an attempt that failed may have left it here.
        guard try owner.folder.removeFolder(fence, refuge: "") else { throw Self.kept("\(owner.folder.path)/\(fence)") }
        try owner.check()
        let output = owner.output.folder(ofOwner: id)
        guard
            try owner.output.removeFolder(output, refuge: owner.output.folder(ofOwner: owner.identity.id))
        else { throw Self.kept("\(owner.output.path)/\(output)") }
        // Only now, when it can neither publish nor claim nor release, its claims are free.
        let candidates = if let names { names } else { try Self.all(in: folder) }
        for name in candidates where try Self.holder(of: name, in: folder)?.id == id { try remove(name) }
        return true
    }

    private static func kept(_ path: String) -> LedgerError {
        LedgerError(
            .locked, path: path,
            "a process on this machine that sleeps has files in this folder open (.nfs…), so it cannot be taken over; end that process"
        )
    }

    /// Removes a claim that does not say whose it is, if it still is as it was when it was found to have run out.
    ///
    /// - Returns: false where another process is at it.
    public func removeNameless(_ name: String, _ stamp: FileStamp) throws(LedgerError) -> Bool {
        let fence = Self.fenceName(name)
        guard try take(fence) else { return false }
        do throws(LedgerError) {
            if try Self.holding(name, in: folder) == .nameless(stamp) { try takeAway(name, stamp) }
        } catch {
            try? release(fence)
            throw error
        }
        try release(fence)
        return true
    }

    /// Removes the claim of a process that was taking over from `id`, and is itself being taken over from by `id`, or was: both are dead.
    public func breakCircle(at id: String, heldBy holder: String) throws(LedgerError) {
        let fence = Self.fenceName(id)
        guard let file = try folder.open(Self.path(fence), flags: O_RDONLY),
            try OwnerFile(file, path: "\(folder.path)/\(Self.path(fence))")?.identity.id == holder
        else { return }
        try takeAway(fence, file.stamp)
    }

    /// Removes claims whose owner has no folder any more, or that name none: for a process that knows to be alone.
    public func removeOrphans() throws(LedgerError) {
        for name in try Self.all(in: folder) where !isHeldHere(name) {
            switch try Self.holding(name, in: folder) {
            case .nobody: break
            case .nameless(let stamp): try takeAway(name, stamp)
            case .owner(let holder) where holder.id == owner.identity.id: _ = try releaseStale(name)
            case .owner(let holder):
                if try folder.fileSize(Owner.file(of: holder.id)) == nil { _ = try fence(holder.id) }
            }
        }
    }
}
