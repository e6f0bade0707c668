internal import Elements
internal import Foundation
internal import Glibc

/// The only access to packs and volume logs: where they lie, and as which owner this process writes them.
///
/// These files are appended to in place, through a descriptor that stays open. A process that was taken over and wakes up goes on writing
/// through it. So no two processes ever write the same file: each owner makes its own files, with its id in the name, and only reads those
/// of others.
///
/// All names pass through the owner's own folder `work/<id>`, which a take-over removes first. A file is made there and renamed into place;
/// a shared name is removed by renaming it into that folder. An owner that was taken over can do neither. On a node-local disk
/// (`--scratch`) there is no such folder; there the owner only checks whether it was taken over.
public final class Holdings: Sendable {
    let folder: ConfinedFolder
    let identity: OwnerIdentity
    /// The state directory. It holds the notes about logs, also of logs on a node-local disk.
    private let state: ConfinedFolder
    private let owner: Owner?

    /// For a process that is no owner: it only reads, or nobody can take over from it.
    ///
    /// - Parameter state: the state directory, if it is not `folder`.
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

    /// Makes a file, fills it with `body`, and then renames it to `relative`. It stays open.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    func make(
        _ relative: String, _ body: (borrowing FileHandle) throws(LedgerError) -> Void
    ) throws(LedgerError) -> FileHandle {
        try check()
        let temporary = aside ?? "\(relative).new"
        if aside == nil {
            // Left by an earlier attempt of this process.
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

    /// Renames a file, replacing what has the new name. A kill midway leaves the file under the old name, the new one, or both.
    ///
    /// - Returns: false where there is no such file.
    func move(_ from: String, to relative: String) throws(LedgerError) -> Bool {
        try check()
        guard let aside, try folder.fileSize(from) != nil else { return try moveUnfenced(from, to: relative) }
        // Links it into the owner's folder first, because an owner that was taken over cannot rename it from there.
        switch try folder.link(from, to: aside, in: folder, isProven: false) {
        case .made where try isSameFile(from, aside):
            guard try folder.rename(aside, to: relative) else {
                try check()
                throw vanished(relative)
            }
            // rename(2) does nothing if both names are the same file.
            try folder.remove(aside)
            return try takeAway(from)
        case .gone:
            try check()
            return false
        case .made, .taken, .unsupported, .somethingElse:
            // The file system has no true hard links.
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

    /// Removes a file with a shared name; whether there was one.
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

    /// The note about a log; nil where there is none.
    public func note(_ relative: String, maximumBytes: Int) throws(LedgerError) -> [UInt8]? {
        if let bytes = try state.read(relative, maximumBytes: maximumBytes) { return bytes }
        // Earlier versions kept it beside the log.
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

    /// Opens a pack for writing, or makes it. It holds all intact entries that other owners have left.
    public func pack(_ relative: String) throws(LedgerError) -> Pack { try Pack(opening: relative, in: self) }

    /// Opens a pack that has been closed, only to read.
    ///
    /// - Throws: `.corrupt` where there is none.
    public func closedPack(_ relative: String) throws(LedgerError) -> Pack { try Pack(reading: relative, in: self) }

    /// Whether there is a closed pack.
    public func hasClosedPack(_ relative: String) throws(LedgerError) -> Bool { try folder.fileSize(relative) != nil }

    /// Whether there is any part of a pack.
    public func hasPack(_ relative: String) throws(LedgerError) -> Bool {
        if try hasClosedPack(relative) { return true }
        return try !folder.list(PackParts.folder(of: relative)).isEmpty
    }

    /// Removes a pack and all its parts.
    public func removePack(_ relative: String) throws(LedgerError) {
        try takeAway(relative)
        try takeAway(PackParts.journal(of: relative))
        try PackParts.remove(relative, in: folder)
    }

    /// Removes leftover parts of packs that are closed or gone. Only for a process that is alone.
    public func removeLeftovers() throws(LedgerError) {
        for name in try folder.list("packs") {
            guard let pack = PackParts.pack(ofFolder: name) else { continue }
            let names = try folder.list("packs/\(name)")
            // Keeps the parts of an open pack that has data. Parts of a closed pack are obsolete.
            let isClosed = try hasClosedPack("packs/\(pack)")
            if names.contains(where: { $0.hasSuffix(".zip") }), !isClosed { continue }
            try folder.removeTree("packs/\(name)")
        }
    }
}
