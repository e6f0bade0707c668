public import Elements
internal import Glibc
internal import Synchronization

/// A run of bytes in a file.
public struct FilePiece: Sendable, Codable, Equatable {
    /// Below the directory that the file lies in.
    public let file: String
    public let start: Int
    public internal(set) var count: Int

    public init(file: String, start: Int = 0, count: Int) {
        self.file = file
        self.start = start
        self.count = count
    }

    /// Where it ends in its file; nil for impossible numbers.
    var end: Int? {
        let (end, overflows) = start.addingReportingOverflow(count)
        return start >= 0 && count >= 0 && !overflows ? end : nil
    }
}

/// A sequence of bytes stored as pieces in several files. Each owner appends to a file of its own, and reads the pieces in other owners'
/// files. What an owner appends after it was taken over is in no piece, so nobody reads it.
///
/// The caller keeps the list of pieces. All functions block; one task at a time may append.
public final class PiecedFile: Sendable {
    /// A file that is open to be read.
    private final class Source: Sendable {
        let name: String
        let file: FileHandle

        init(_ name: String, _ file: consuming FileHandle) {
            self.name = name
            self.file = file
        }
    }

    /// The file that this owner appends to.
    private final class Target: Sendable {
        let file: FileHandle
        let end = Mutex(0)

        init(_ file: consuming FileHandle) { self.file = file }
    }

    /// The file that this owner appends to, for messages.
    public let path: String
    private let own: String
    private let holdings: Holdings
    private let source = Mutex<Source?>(nil)
    private let target = Mutex<Target?>(nil)

    /// - Parameter own: the file that this owner appends to. It is made with the first bytes, and must not exist before.
    init(own: String, in holdings: Holdings) {
        path = "\(holdings.folder.path)/\(own)"
        self.own = own
        self.holdings = holdings
    }

    /// Appends bytes, and adds their place to the pieces.
    public func append(_ bytes: ByteBuffer, to pieces: inout [FilePiece]) throws(LedgerError) {
        guard bytes.count > 0 else { return }
        let target = try opened()
        let start = target.end.withLock { $0 }
        try bytes.withUnsafeBytes { content throws(LedgerError) in
            try target.file.write(content, at: start, path: path)
        }
        target.end.withLock { $0 = start + bytes.count }
        if let last = pieces.last, last.file == own, last.end == start {
            pieces[pieces.count - 1].count += bytes.count
        } else {
            pieces.append(FilePiece(file: own, start: start, count: bytes.count))
        }
    }

    private func opened() throws(LedgerError) -> Target {
        if let known = target.withLock({ $0 }) { return known }
        let made = Target(try holdings.make(own) { _ throws(LedgerError) in })
        target.withLock { $0 = made }
        return made
    }

    /// Makes what was appended durable.
    public func sync() throws(LedgerError) {
        guard let target = target.withLock({ $0 }) else { return }
        try target.file.sync(path: path)
    }

    /// Reads exactly `count` bytes at `offset`, counted over all pieces.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where they end before.
    public func read(count: Int, at offset: Int, of pieces: [FilePiece]) throws(LedgerError) -> ByteBuffer {
        var first = 0
        guard count >= 0, offset >= 0, count <= pieces.reduce(0, { $0 + $1.count }) - offset else {
            throw LedgerError(.corrupt, path: path, "\(count) bytes at \(offset) are more than were written")
        }
        let bytes = ByteBuffer(count: count)
        var done = 0
        for piece in pieces {
            defer { first += piece.count }
            guard offset + done >= first, offset + done < first + piece.count, done < count else { continue }
            let inside = offset + done - first
            let length = min(count - done, piece.count - inside)
            let source = try source(piece.file)
            let found = try bytes.withUnsafeMutableBytes { content throws(LedgerError) in
                try source.file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: content[done..<(done + length)]),
                    at: piece.start + inside, path: path)
            }
            guard found == length else {
                throw LedgerError(
                    .corrupt, path: "\(holdings.folder.path)/\(piece.file)",
                    "\(found) bytes at \(piece.start + inside) where \(length) were written")
            }
            done += length
        }
        return bytes
    }

    private func source(_ name: String) throws(LedgerError) -> Source {
        if let known = source.withLock({ $0 }), known.name == name { return known }
        guard let file = try holdings.folder.open(name, flags: O_RDONLY) else {
            throw LedgerError(.corrupt, path: "\(holdings.folder.path)/\(name)", "the file is not there any more")
        }
        let made = Source(name, file)
        source.withLock { $0 = made }
        return made
    }
}

extension Holdings {
    /// Whether all pieces can be in their files.
    public func holds(_ pieces: [FilePiece]) throws(LedgerError) -> Bool {
        var ends: [String: Int] = [:]
        var sum = 0
        for piece in pieces {
            guard let end = piece.end, !sum.addingReportingOverflow(piece.count).overflow else { return false }
            sum += piece.count
            ends[piece.file] = max(ends[piece.file] ?? 0, end)
        }
        for (file, end) in ends {
            guard let size = try folder.fileSize(file), size >= end else { return false }
        }
        return true
    }
}

extension [FilePiece] {
    /// The pieces of a range of bytes, counted over all pieces.
    public func slice(_ range: Range<Int>) -> [FilePiece] {
        var first = 0
        var found: [FilePiece] = []
        for piece in self {
            let lower = Swift.max(range.lowerBound, first)
            let upper = Swift.min(range.upperBound, first + piece.count)
            if lower < upper {
                found.append(FilePiece(file: piece.file, start: piece.start + lower - first, count: upper - lower))
            }
            first += piece.count
        }
        return found
    }
}
