internal import Codecs
public import Elements
internal import Glibc
internal import Synchronization
internal import ZipFiles

/// The downloaded objects of an item: one plain ZIP file with stored entries, named by their keys. Once closed, zarr-python's `ZipStore`,
/// TensorStore and `unzip` open it.
///
/// During download, the owner appends to a file of its own (``PackParts``). The file gets the pack's name when it is closed, and is never
/// written again. After a kill, entries with a right CRC are kept and the torn tail is cut off. A ``PackJournal`` beside it holds the keys
/// that the store proved absent (404), and the version of each object. A changed object is forgotten in the journal and appended again; its
/// old bytes stay in the file, where no reader finds them.
///
/// All functions block; they may be called from any thread.
public final class Pack: Sendable {
    private struct State: Sendable {
        var index: PackIndex
        var journal: PackJournal
        /// Whether the bytes after the last entry have been cut off.
        var isCut = false
        /// Whether it has its final name, and is read-only.
        var isPublished = false
    }

    /// Bytes that are read at a time to check an entry.
    private static let checkedBytes = 1 << 20

    /// The file, for messages.
    public let path: String
    private let file: FileHandle
    /// nil where the pack is only read.
    private let journal: FileHandle?
    private let parts: PackParts
    private var holdings: Holdings { parts.holdings }
    private let state: Mutex<State>

    /// Opens a pack at `relative` (ending in `.zip`) to write to it, making it where there is none.
    ///
    /// - Throws: ``LedgerError``, `.locked` where another process has taken over the work.
    init(opening relative: String, in holdings: Holdings) throws(LedgerError) {
        path = "\(holdings.folder.path)/\(relative)"
        parts = PackParts(pack: relative, holdings: holdings)
        let adopted = try parts.adopt()
        state = Mutex(Self.state(adopted.index, adopted.journal))
        file = adopted.file
        journal = adopted.journalFile
    }

    /// Opens a closed pack, only to read.
    init(reading relative: String, in holdings: Holdings) throws(LedgerError) {
        path = "\(holdings.folder.path)/\(relative)"
        parts = PackParts(pack: relative, holdings: holdings)
        guard let opened = try holdings.folder.open(relative, flags: O_RDONLY) else {
            throw LedgerError(.corrupt, path: path, "the pack is not there any more")
        }
        var known = PackJournal()
        if let file = try holdings.folder.open(PackParts.journal(of: relative), flags: O_RDONLY) {
            known = try PackJournal(of: file, path: path)
        }
        state = Mutex(Self.state(try PackIndex(of: opened, path: path), known, isPublished: true))
        file = opened
        journal = nil
    }

    private static func state(_ found: PackIndex, _ journal: PackJournal, isPublished: Bool = false) -> State {
        var index = found
        for (key, entry) in index.entries where !journal.admits(key, entry) { index.entries[key] = nil }
        return State(index: index, journal: journal, isPublished: isPublished)
    }

    // MARK: Reading

    /// Whether the pack holds the object, or knows that the store does not.
    public func knows(_ key: String) -> Bool {
        state.withLock { $0.index.entries[key] != nil || $0.journal.absent.contains(key) }
    }

    public func isAbsent(_ key: String) -> Bool { state.withLock { $0.journal.absent.contains(key) } }

    /// The version of an object in the pack, as the caller noted it; nil where it is unknown.
    public func mark(_ key: String) -> String? { state.withLock { $0.journal.marks[key]?.text } }

    /// All marks, by key.
    public var marks: [String: String] { state.withLock { $0.journal.marks.compactMapValues(\.text) } }

    /// Whether the time of the first fetch is unknown. Then all objects must be compared with the store.
    public var isDoubtful: Bool { state.withLock { $0.journal.isDoubtful } }

    /// When the store gave the first answer, as noted with ``noteBegan(_:insteadOfEarlier:)``; nil where nothing was noted.
    public var began: Int? { state.withLock { $0.journal.began } }

    /// Size in bytes and CRC of an object; nil where the pack does not hold it.
    public func summary(_ key: String) -> (size: Int, crc32: UInt32)? {
        state.withLock { state in state.index.entries[key].map { ($0.size, $0.crc32) } }
    }

    /// The bytes of an object, checked against their CRC; nil where the pack does not hold it.
    ///
    /// - Throws: `.corrupt` where the bytes are not what was written.
    public func read(_ key: String) throws(LedgerError) -> ByteBuffer? {
        guard let entry = state.withLock({ $0.index.entries[key] }) else { return nil }
        guard let bytes = try PackIndex.read(entry, of: file, path: path) else {
            throw LedgerError(.corrupt, path: path, "the entry \(key) (\(entry.size) bytes) does not match its CRC")
        }
        return bytes
    }

    /// Some bytes of an object, without a check of its CRC; nil where the pack does not hold it.
    public func read(_ key: String, range: Range<Int>) throws(LedgerError) -> ByteBuffer? {
        guard let entry = state.withLock({ $0.index.entries[key] }) else { return nil }
        guard range.lowerBound >= 0, range.upperBound <= entry.size else {
            throw LedgerError(.corrupt, path: path, "the entry \(key) has \(entry.size) bytes, not \(range)")
        }
        let buffer = ByteBuffer(count: range.count)
        let count = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: entry.offset + range.lowerBound, path: path)
        }
        guard count == range.count else {
            throw LedgerError(.corrupt, path: path, "the entry \(key) ends after \(range.lowerBound + count) bytes")
        }
        return buffer
    }

    /// Compares an object with its CRC, a part at a time.
    ///
    /// - Throws: `.corrupt` where the pack does not hold it, or not as it was written.
    public func check(_ key: String) throws(LedgerError) {
        let entry = state.withLock { $0.index.entries[key] }
        var crc32: UInt32 = 0
        for start in stride(from: 0, to: entry?.size ?? 0, by: Self.checkedBytes) {
            let part = try read(key, range: start..<min(start + Self.checkedBytes, entry?.size ?? 0))
            crc32 = part?.withSpan { Checksum.crc32($0, continuing: crc32) } ?? 0
        }
        guard let entry, crc32 == entry.crc32 else {
            throw LedgerError(.corrupt, path: path, "the entry \(key) does not match its CRC")
        }
    }

    // MARK: Writing

    /// Appends an object, unless the pack holds it already.
    ///
    /// - Parameter mark: which version it is, one line without tabs.
    public func append(_ key: String, _ bytes: ByteBuffer, mark: String? = nil) throws(LedgerError) {
        guard bytes.count <= ZipFormat.maximumEntryBytes, key.utf8.count <= 0xFFFF else {
            throw LedgerError(.cannotWrite, path: path, "\(key): \(bytes.count) bytes are too many for an entry")
        }
        let crc32 = bytes.withSpan { Checksum.crc32($0) }
        let header = ZipFormat.localHeader(name: Array(key.utf8), size: bytes.count, crc32: crc32)
        try withState { state throws(LedgerError) in
            guard state.index.entries[key] == nil else { return }
            try self.checkOpen(state)
            try self.reopen(&state)
            // The line names the bytes by their CRC, so that it is void if they do not follow.
            try self.write(.stored(key, size: bytes.count, crc32: crc32, mark: mark), to: &state)
            let start = state.index.end
            // Set again after the write, because the remains of a failed write must be cut off.
            state.isCut = false
            try bytes.withUnsafeBytes { content throws(LedgerError) in
                try self.file.write(header, content, at: start, path: self.path)
            }
            state.isCut = true
            state.index.entries[key] = PackIndex.Entry(
                headerOffset: start, offset: start + header.count, size: bytes.count, crc32: crc32)
            state.index.end = start + header.count + bytes.count
        }
    }

    /// Notes that the store has no such object.
    public func noteAbsent(_ key: String) throws(LedgerError) {
        try withState { state throws(LedgerError) in
            if !state.journal.absent.contains(key) { try self.write(.absent(key), to: &state) }
        }
    }

    /// Notes which version an object is that the pack holds in parts.
    public func noteMark(_ mark: String, of key: String) throws(LedgerError) {
        try withState { state throws(LedgerError) in
            if state.journal.marks[key]?.text != mark { try self.write(.marked(key, mark), to: &state) }
        }
    }

    /// Notes when the store answered, in seconds since 1970 by its clock. The earliest note counts, unless `insteadOfEarlier` replaces it.
    public func noteBegan(_ seconds: Int, insteadOfEarlier: Bool = false) throws(LedgerError) {
        try withState { state throws(LedgerError) in
            guard state.journal.began.map({ insteadOfEarlier ? seconds != $0 : seconds < $0 }) ?? true else { return }
            try self.write(.began(seconds), to: &state)
        }
    }

    /// Forgets objects, also absent ones, so that they are fetched again. Durable on return.
    ///
    /// - Parameter isMeant: asked of the keys of all entries, absent objects and marks.
    public func forget(where isMeant: (String) -> Bool) throws(LedgerError) {
        try withState { state throws(LedgerError) in
            var keys = Set(state.index.entries.keys.filter(isMeant))
            keys.formUnion(state.journal.absent.filter(isMeant))
            keys.formUnion(state.journal.marks.keys.filter(isMeant))
            for key in keys.sorted() {
                try self.write(.forgotten(key), to: &state)
                state.index.entries[key] = nil
            }
            guard !keys.isEmpty else { return }
            try self.journal?.sync(path: self.path)
            // The central directory is out of date.
            if state.index.isClosed {
                try self.file.truncate(to: state.index.end, path: self.path)
                state.index.isClosed = false
                state.isCut = true
            }
        }
    }

    /// Forgets the objects with a wrong CRC.
    ///
    /// - Returns: how many they are.
    public func forgetDamaged() throws(LedgerError) -> Int {
        let keys = state.withLock { $0.index.inOrder.map(\.key) }
        var damaged: Set<String> = []
        for key in keys {
            do throws(LedgerError) {
                try check(key)
            } catch {
                guard error.code == .corrupt else { throw error }
                damaged.insert(key)
            }
        }
        try forget { damaged.contains($0) }
        return damaged.count
    }

    private func write(_ line: PackJournal.Line, to state: inout State) throws(LedgerError) {
        try checkOpen(state)
        let bytes = line.bytes
        try ByteBuffer(bytes).withUnsafeBytes { content throws(LedgerError) in
            try self.journal?.write(content, at: state.journal.end, path: self.path)
        }
        state.journal.take(line)
        state.journal.end += bytes.count
    }

    /// - Throws: `.cannotWrite` where the pack is closed.
    private func checkOpen(_ state: borrowing State) throws(LedgerError) {
        guard state.isPublished else { return }
        throw LedgerError(.cannotWrite, path: path, "the pack is closed")
    }

    /// Writes the central directory, makes all of it durable, and gives the pack its name.
    ///
    /// Entries become durable before the directory is written, so that a directory proves its entries.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    public func close() throws(LedgerError) {
        try withState { state throws(LedgerError) in
            guard !state.isPublished else { return }
            if !state.index.isClosed {
                try self.file.truncate(to: state.index.end, path: self.path)
                try self.file.sync(path: self.path)
                var directory: [UInt8] = []
                for (name, entry) in state.index.inOrder {
                    directory += ZipFormat.centralHeader(
                        name: Array(name.utf8), size: entry.size, crc32: entry.crc32, headerOffset: entry.headerOffset)
                }
                let size = directory.count
                directory += ZipFormat.end(count: state.index.entries.count, size: size, offset: state.index.end)
                try self.write(directory, at: state.index.end)
                state.index.isClosed = true
                state.isCut = false
            }
            try self.file.sync(path: self.path)
            try self.journal?.sync(path: self.path)
            try self.parts.publish()
            state.isPublished = true
        }
    }

    /// Before the first new entry: cuts off the central directory or the torn tail.
    private func reopen(_ state: inout State) throws(LedgerError) {
        guard !state.isCut else { return }
        defer { state.isCut = true }
        let size = try file.size(path: path)
        guard state.index.isClosed || size > state.index.end else { return }
        try file.truncate(to: state.index.end, path: path)
        state.index.isClosed = false
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws(LedgerError) {
        try ByteBuffer(bytes).withUnsafeBytes { pointer throws(LedgerError) in
            try self.file.write(pointer, at: offset, path: self.path)
        }
    }

    /// `Mutex.withLock` with the error type kept.
    private func withState(_ body: (inout State) throws(LedgerError) -> Void) throws(LedgerError) {
        let result: Result<Void, LedgerError> = state.withLock { state in
            do throws(LedgerError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
