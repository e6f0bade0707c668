internal import Elements
internal import Foundation
internal import Glibc

/// Where packs and the logs of volumes lie, and in whose name this process writes there: the one way to them.
///
/// What is appended to is written in place, through a descriptor that stays open. A process that was taken over and wakes up goes on
/// writing through it. So no two processes ever write one file: each owner makes files of its own, under names with its id, and only reads
/// those of others.
///
/// All names come from the owner's own folder `work/<id>`, which whoever takes over removes first: a file is made there and renamed
/// into place, a name that others may use is taken away by renaming it into that folder. Whoever was taken over can do neither.
/// On a disk of the node alone (`--scratch`) there is no such folder; there the owner only looks whether it has been taken over.
public final class Holdings: Sendable {
    let folder: ConfinedFolder
    let identity: OwnerIdentity
    /// The state directory: what says how far a log is lies there, also where the log is on a disk of the node.
    private let state: ConfinedFolder
    private let owner: Owner?

    /// For a process that is no owner: one that only looks, or one that nobody can take over.
    ///
    /// - Parameter state: the state directory, where that is another one.
    public convenience init(in folder: ConfinedFolder, state: ConfinedFolder? = nil) {
        self.init(in: folder, state: state, as: OwnerIdentity.current(role: OwnerIdentity.wholeJob))
    }

    init(in folder: ConfinedFolder, state: ConfinedFolder? = nil, as identity: OwnerIdentity) {
        self.folder = folder
        self.state = state ?? folder
        self.identity = identity
        owner = nil
    }

    private init(in folder: ConfinedFolder, of owner: Owner) {
        self.folder = folder
        state = owner.state
        identity = owner.identity
        self.owner = owner
    }

    /// The same place for an owner.
    public func owned(by owner: Owner) -> Holdings {
        Holdings(in: folder === state ? owner.state : folder, of: owner)
    }

    /// - Throws: `.locked` where another process has taken over the work.
    func check() throws(LedgerError) { try owner?.check() }

    /// A new name in the owner's folder; nil where there is no such folder.
    private var aside: String? {
        guard let owner = folder.owner else { return nil }
        return "\(folder.folder(ofOwner: owner))/held-\(UUID().uuidString.prefix(8))"
    }

    // MARK: Names

    /// Makes a file, fills it by `body`, and gives it the name `relative` when that is done. It stays open.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    func make(
        _ relative: String, _ body: (borrowing FileHandle) throws(LedgerError) -> Void
    ) throws(LedgerError) -> FileHandle {
        try check()
        let temporary = aside ?? "\(relative).new"
        if aside == nil {
            // Left by this very process.
            try folder.remove(temporary)
            _ = try folder.place(of: relative, creating: true)
        }
        let opened: FileHandle?
        do throws(LedgerError) {
            opened = try folder.open(temporary, flags: O_RDWR | O_CREAT | O_EXCL)
        } catch {
            try check()
            throw error
        }
        guard let opened else { throw vanished(relative) }
        do throws(LedgerError) {
            try body(opened)
            _ = try folder.place(of: relative, creating: true)
            guard try folder.rename(temporary, to: relative) else {
                try check()
                throw vanished(relative)
            }
        } catch {
            _ = try? folder.remove(temporary)
            throw error
        }
        return opened
    }

    /// Gives a file another name, whatever has that name now. A kill on the way leaves the file under the old name, the new one, or both.
    ///
    /// - Returns: false where there is no such file.
    func move(_ from: String, to relative: String) throws(LedgerError) -> Bool {
        try check()
        guard let aside, try folder.fileSize(from) != nil else { return try moveUnfenced(from, to: relative) }
        // A second name in the owner's folder first: from there it cannot be renamed by an owner that was taken over.
        switch try folder.link(from, to: aside, in: folder, isProven: false) {
        case .made where try isSameFile(from, aside):
            guard try folder.rename(aside, to: relative) else {
                try check()
                throw vanished(relative)
            }
            // Where both were names of one file, rename does nothing.
            try folder.remove(aside)
            return try takeAway(from)
        case .gone:
            try check()
            return false
        case .made, .taken, .unsupported, .somethingElse:
            // A file system without hard links, or one that makes something else of them.
            try folder.remove(aside)
            return try moveUnfenced(from, to: relative)
        }
    }

    private func moveUnfenced(_ from: String, to relative: String) throws(LedgerError) -> Bool {
        try check()
        return try folder.rename(from, to: relative)
    }

    private func isSameFile(_ first: String, _ second: String) throws(LedgerError) -> Bool {
        guard let one = try folder.status(of: first), let other = try folder.status(of: second) else { return false }
        return one.st_mode & S_IFMT == S_IFREG && one.st_ino == other.st_ino && one.st_dev == other.st_dev
    }

    /// Removes a file whose name others may use, too; whether there was one.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    @discardableResult
    func takeAway(_ relative: String) throws(LedgerError) -> Bool {
        guard let aside else {
            try check()
            return try folder.remove(relative)
        }
        guard try folder.rename(relative, to: aside) else {
            try check()
            return false
        }
        return try folder.remove(aside)
    }

    private func vanished(_ relative: String) -> LedgerError {
        LedgerError(.cannotWrite, path: "\(folder.path)/\(relative)", "the folder vanishes while a file is made in it")
    }

    // MARK: Logs

    /// What is written about a log; nil where there is nothing.
    public func note(_ relative: String, maximumBytes: Int) throws(LedgerError) -> [UInt8]? {
        if let bytes = try state.read(relative, maximumBytes: maximumBytes) { return bytes }
        // Earlier versions had it beside the log.
        return folder === state ? nil : try folder.read(relative, maximumBytes: maximumBytes)
    }

    /// - Throws: `.locked` where another process has taken over the work.
    public func write(_ bytes: [UInt8], toNote relative: String) throws(LedgerError) {
        try state.write(bytes, to: relative)
    }

    /// - Throws: `.locked` where another process has taken over the work.
    public func removeNote(_ relative: String) throws(LedgerError) {
        if folder !== state {
            if let id = state.owner {
                let aside = "\(state.folder(ofOwner: id))/held-\(UUID().uuidString.prefix(8))"
                if try state.rename(relative, to: aside) { try state.remove(aside) }
            } else {
                try state.remove(relative)
            }
            try check()
        }
        try takeAway(relative)
    }

    /// A file to append to, beside the pieces of others.
    public func pieces(appendingTo own: String) -> PiecedFile { PiecedFile(own: own, in: self) }

    /// The names in a folder.
    public func names(in relative: String) throws(LedgerError) -> [String] { try folder.list(relative) }

    /// Removes a file that no other owner uses.
    public func remove(_ relative: String) throws(LedgerError) { try folder.remove(relative) }

    public var id: String { identity.id }

    // MARK: Packs

    /// Opens a pack to write to it, making it where there is none; whatever is intact in what others have left of it is there.
    public func pack(_ relative: String) throws(LedgerError) -> Pack { try Pack(opening: relative, in: self) }

    /// Opens a pack that has been closed, only to read.
    ///
    /// - Throws: `.corrupt` where there is none.
    public func closedPack(_ relative: String) throws(LedgerError) -> Pack { try Pack(reading: relative, in: self) }

    /// Whether there is a closed pack.
    public func hasClosedPack(_ relative: String) throws(LedgerError) -> Bool { try folder.fileSize(relative) != nil }

    /// Whether there is anything of a pack.
    public func hasPack(_ relative: String) throws(LedgerError) -> Bool {
        if try hasClosedPack(relative) { return true }
        return try !folder.list(PackParts.folder(of: relative)).isEmpty
    }

    /// Removes a pack, and what others have left of it.
    public func removePack(_ relative: String) throws(LedgerError) {
        try takeAway(relative)
        try takeAway(PackParts.journal(of: relative))
        try PackParts.remove(relative, in: folder)
    }

    /// Removes what processes that were taken over have left of packs that are closed or gone. Only for a process that is alone.
    public func removeLeftovers() throws(LedgerError) {
        for name in try folder.list("packs") {
            guard let pack = PackParts.pack(ofFolder: name) else { continue }
            let names = try folder.list("packs/\(name)")
            // A pack that is under way has data; what a newer one was closed over is of no use.
            let isClosed = try hasClosedPack("packs/\(pack)")
            if names.contains(where: { $0.hasSuffix(".zip") }), !isClosed { continue }
            try folder.removeTree("packs/\(name)")
        }
    }
}
