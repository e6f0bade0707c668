internal import Elements
internal import Glibc
internal import ZipFiles

/// The owners' parts of an open pack: `<pack>.parts/<owner>.zip` and its journal `<pack>.parts/<owner>.absent`.
///
/// ``adopt()`` makes this owner's own part from the best existing part:
///
/// 1. It makes the owner's journal: a copy of the best part's, with this owner and a higher generation.
/// 2. The owner's data appear, by one rename: the best part's file itself where nobody else can write to it any more, else a copy of its
///    intact entries.
/// 3. It removes the other parts.
///
/// The best part has the highest generation among those with data. A kill before 2 leaves the old part as the best, because a journal
/// without data is no part. A kill after 2 leaves the owner's part as the best, and it holds all that the others held. Closing moves the
/// journal to `<pack>.absent` and then the data to `<pack>`. A kill between the two leaves a part whose journal has the pack's name; it is
/// looked for there. An owner that was taken over can do neither 1 nor 2, nor close (``Holdings``).
///
/// Only its owner writes a file, until it is closed. So a file can be taken by renaming if it is a closed pack, if it is this owner's, or
/// if its owner is certainly gone: same kernel, same process namespace, no process of that number. All other files are only read, and what
/// their owners append later is ignored.
struct PackParts {
    /// The best part, taken over.
    struct Adopted: ~Copyable {
        let file: FileHandle
        let journalFile: FileHandle?
        let index: PackIndex
        let journal: PackJournal
    }

    private struct Part {
        let data: String
        let journal: PackJournal
        /// Whether it is the pack itself.
        let isClosed: Bool
    }

    let pack: String
    let holdings: Holdings
    private var folder: ConfinedFolder { holdings.folder }
    private var path: String { "\(folder.path)/\(pack)" }

    private static let suffix = ".parts"
    static func folder(of pack: String) -> String { pack + suffix }
    static func journal(of pack: String) -> String { pack + ".absent" }
    /// The pack that a folder of parts belongs to; nil for another folder.
    static func pack(ofFolder name: String) -> String? {
        name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : nil
    }

    private func data(of id: String) -> String { "\(Self.folder(of: pack))/\(id).zip" }
    private func journal(of id: String) -> String { "\(Self.folder(of: pack))/\(id).absent" }
    var ownData: String { data(of: holdings.identity.id) }
    var ownJournal: String { journal(of: holdings.identity.id) }

    /// Removes all parts of a pack: data before journals. After a kill in between, data without a journal would count with entries that were
    /// forgotten.
    static func remove(_ pack: String, in folder: ConfinedFolder) throws(LedgerError) {
        let parts = Self.folder(of: pack)
        guard try folder.changed(parts) != nil else { return }
        for name in try folder.list(parts) where name.hasSuffix(".zip") { try folder.remove("\(parts)/\(name)") }
        try folder.removeTree(parts)
    }

    /// Removes the folder of the parts if it is empty.
    func removeFolder() throws(LedgerError) { try folder.removeEmptyFolder(Self.folder(of: pack)) }

    // MARK: Taking over

    func adopt() throws(LedgerError) -> Adopted {
        let names = try folder.list(Self.folder(of: pack))
        let best = try best(names)
        var journal = best?.journal ?? PackJournal()
        if let best, journal.generation == 0 {
            // Journals of earlier versions lack lines for some entries.
            guard let file = try folder.open(best.data, flags: O_RDONLY) else { throw lost(best.data) }
            for (key, entry) in try PackIndex(of: file, path: path).entries where journal.versions[key] == nil {
                journal.take(.stored(key, size: entry.size, crc32: entry.crc32, version: nil))
            }
        }
        let lines = journal.lines(of: holdings.identity, generation: journal.generation + 1)
        let journalFile = try holdings.make(ownJournal) { file throws(LedgerError) in
            try ByteBuffer(lines).withUnsafeBytes { bytes throws(LedgerError) in
                try file.write(bytes, at: 0, path: path)
            }
            // It takes the place of one that is durable. After a power cut an empty one would count as one of an earlier version.
            if best != nil { try file.sync(path: path) }
        }
        let file = try data(of: best)
        let known = try PackJournal(of: journalFile, path: path)
        let found = try PackIndex(of: file, path: path)
        if best != nil || !names.isEmpty { try removeOthers(names) }
        return Adopted(file: file, journalFile: consume journalFile, index: found, journal: known)
    }

    private func data(of best: Part?) throws(LedgerError) -> FileHandle {
        guard let best else { return try holdings.make(ownData) { _ throws(LedgerError) in } }
        if best.data != ownData {
            guard best.isClosed || isCertainlyGone(best.journal.owner) else {
                return try holdings.make(ownData) { file throws(LedgerError) in try copy(best, to: file) }
            }
            guard try holdings.move(best.data, to: ownData) else { throw lost(best.data) }
        }
        guard let file = try folder.open(ownData, flags: O_RDWR) else { throw lost(ownData) }
        return file
    }

    /// Copies the intact entries that match the journal.
    private func copy(_ part: Part, to file: borrowing FileHandle) throws(LedgerError) {
        guard let source = try folder.open(part.data, flags: O_RDONLY) else { throw lost(part.data) }
        let index = try PackIndex(of: source, path: path)
        var end = 0
        for (key, entry) in index.inOrder where part.journal.admits(key, entry) {
            // Checks the CRC while copying, because the file may have changed since the index was read.
            guard let bytes = try PackIndex.read(entry, of: source, path: path) else { continue }
            let header = ZipFormat.localHeader(name: Array(key.utf8), size: entry.size, crc32: entry.crc32)
            try bytes.withUnsafeBytes { content throws(LedgerError) in
                try file.write(header, content, at: end, path: path)
            }
            end += header.count + entry.size
        }
    }

    private func lost(_ data: String) -> LedgerError {
        LedgerError(.corrupt, path: "\(folder.path)/\(data)", "the file has vanished while it was taken over")
    }

    private func isCertainlyGone(_ other: OwnerIdentity?) -> Bool {
        guard let other else { return false }
        let own = holdings.identity
        guard !other.boot.isEmpty, !other.namespace.isEmpty, other.boot == own.boot, other.namespace == own.namespace
        else { return false }
        // A process that has ended except for a thread that hangs in a write still has its number.
        return kill(other.process, 0) != 0 && errno == ESRCH
    }

    // MARK: Closing

    /// Gives the owner's part the pack's name. Both files are durable already.
    func publish() throws(LedgerError) {
        guard try holdings.move(ownJournal, to: Self.journal(of: pack)), try holdings.move(ownData, to: pack) else {
            try holdings.check()
            throw lost(ownData)
        }
        try removeFolder()
        guard let place = try folder.place(of: pack, creating: false) else { return }
        try place.folder.sync(path: path)
    }

    // MARK: What is there

    private func best(_ names: [String]) throws(LedgerError) -> Part? {
        var best: (part: Part, known: Int)?
        var candidates: [(data: String, journal: String, isClosed: Bool)] = []
        // The pack comes first, so that it wins against an equally good part.
        if try folder.fileSize(pack) != nil { candidates.append((pack, Self.journal(of: pack), true)) }
        for name in names where name.hasSuffix(".zip") {
            let id = String(name.dropLast(4))
            let own = journal(of: id)
            candidates.append((data(of: id), names.contains("\(id).absent") ? own : Self.journal(of: pack), false))
        }
        for candidate in candidates {
            let journal = try read(candidate.journal)
            guard candidates.count > 1 else {
                return Part(data: candidate.data, journal: journal, isClosed: candidate.isClosed)
            }
            guard let file = try folder.open(candidate.data, flags: O_RDONLY) else { continue }
            let index = try PackIndex(of: file, path: path)
            let known = journal.absent.count + index.entries.count { journal.admits($0.key, $0.value) }
            if let best, (best.part.journal.generation, best.known) >= (journal.generation, known) { continue }
            best = (Part(data: candidate.data, journal: journal, isClosed: candidate.isClosed), known)
        }
        return best?.part
    }

    private func read(_ journal: String) throws(LedgerError) -> PackJournal {
        guard let file = try folder.open(journal, flags: O_RDONLY) else { return PackJournal() }
        return try PackJournal(of: file, path: "\(folder.path)/\(journal)")
    }

    /// Removes the other parts: data before journals, because a journal without data is no part.
    private func removeOthers(_ names: [String]) throws(LedgerError) {
        try holdings.takeAway(pack)
        try holdings.takeAway(Self.journal(of: pack))
        let own = [ownData, ownJournal]
        for suffix in [".zip", ""] {
            for name in names where name.hasSuffix(suffix) {
                let file = "\(Self.folder(of: pack))/\(name)"
                if !own.contains(file) { try folder.remove(file) }
            }
        }
    }
}
