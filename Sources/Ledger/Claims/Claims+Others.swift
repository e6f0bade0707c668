internal import Glibc

/// The claims of all owners, and how those of dead owners become free.
extension Claims {
    /// How a claim stands.
    public enum Holder: Sendable, Hashable {
        case nobody
        case owner(OwnerIdentity)
        /// The claim names no owner: it is being written, its owner died before that, or it is damaged.
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
            // ELOOP, ENXIO and ENODEV: a symbolic link, a socket, a device. ESTALE: another machine has just removed it.
            guard let number = error.errorNumber, [ELOOP, ENXIO, ENODEV, ESTALE].contains(number) else { throw error }
        }
        guard let status = try state.status(of: path(name)) else { return .nobody }
        return .nameless(FileStamp(status))
    }

    /// The holder of the claim `name`; nil where it is free or names no owner.
    public static func holder(of name: String, in state: ConfinedFolder) throws(LedgerError) -> OwnerIdentity? {
        guard case .owner(let holder) = try holding(name, in: state) else { return nil }
        return holder
    }

    /// The claim that a process needs to take over from an owner, or to remove a claim that names no owner.
    public static func fenceName(_ id: String) -> String { "fence-\(id)" }

    /// Takes over from a dead owner. Afterwards the owner can publish nothing, and its claims are free. If this process dies midway, another
    /// process finishes the work.
    ///
    /// - Parameters:
    /// - nameless: do so only where the owner file is missing or empty. A process that is just making it starts again.
    /// - names: the claims that the owner may hold; nil for any.
    /// - Returns: false where another process is doing the same.
    @discardableResult
    public func fence(_ id: String, nameless: Bool = false, claims names: [String]? = nil) throws(LedgerError) -> Bool {
        guard id != owner.identity.id else { return false }
        if !resume(id) { guard try take(Self.fenceName(id)) else { return false } }
        let isDone: Bool
        do throws(LedgerError) {
            isDone = try revoke(id, nameless: nameless, claims: names)
        } catch {
            // Keeps the fence claim: the dead owner's folder may already lie in this owner's, and nobody else must think that it was removed.
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
        // Also when nothing was renamed, because a failed attempt may have left the folder here.
        guard try owner.folder.removeFolder(fence, refuge: "") else { throw Self.kept("\(owner.folder.path)/\(fence)") }
        try owner.check()
        let output = owner.output.folder(ofOwner: id)
        guard
            try owner.output.removeFolder(output, refuge: owner.output.folder(ofOwner: owner.identity.id))
        else { throw Self.kept("\(owner.output.path)/\(output)") }
        // The claims become free only now that the owner can neither publish nor claim nor release.
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

    /// Removes a claim that names no owner, if it has not changed since it was found to be expired.
    ///
    /// - Returns: false where another process is doing the same.
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

    /// Removes the claim of a process that was taking over from `id`, while `id` was taking over from that process. Both are dead.
    public func breakCircle(at id: String, heldBy holder: String) throws(LedgerError) {
        let fence = Self.fenceName(id)
        guard let file = try folder.open(Self.path(fence), flags: O_RDONLY),
            try OwnerFile(file, path: "\(folder.path)/\(Self.path(fence))")?.identity.id == holder
        else { return }
        try takeAway(fence, file.stamp)
    }

    /// Removes claims whose owner has no folder any more, and claims that name no owner. Only for a process that is alone.
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
