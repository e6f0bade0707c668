internal import Codecs
public import Elements
internal import JSONText
public import Ledger

/// The encoded chunks of a future HDF5 file, in the order in which they will be placed, and a checkpoint of what is durable.
///
/// An HDF5 file cannot be trusted after a kill during a write. A log can: it is only appended to, and the checkpoint says how much of it
/// counts. The HDF5 file is assembled from the log at the end. A mark follows the chunks of each block and names the block, so that damaged
/// blocks are told from whole ones. All functions block. One task at a time uses a log.
///
/// A log may have hundreds of gigabytes, so it is never copied. It consists of pieces, which the checkpoint lists. Each owner appends to its
/// own file, `<log>.<generation>-<owner>`, and only reads the files of others. The checkpoint is published by rename. An owner whose work was
/// taken over cannot rename any more. Nobody reads what it still appends, because no checkpoint lists it. A kill at any instant leaves the last
/// checkpoint and all pieces that it lists: a piece is removed only after a checkpoint without it was published, and only if its
/// generation is older than the current one.
public final class ChunkLog: Sendable {
    /// How much of a log counts. The log itself uses only ``fingerprint`` and ``length``; the writer uses the other members.
    public struct Checkpoint: Codable, Equatable, Sendable {
        /// Of everything that the chunks are made from. A log with another fingerprint is discarded.
        public var fingerprint: Fingerprint
        /// Durable bytes.
        public var length = 0
        /// Finished blocks.
        public var blocks = 0
        /// Of all objects that the blocks were made from, in order.
        public var content: Fingerprint
        /// Objects that the store does not hold.
        public var absent = 0
        /// What has been seen of the values of each label array, by its key.
        public var values: [String: LabelValues] = [:]
        /// Durable bytes of the file of those objects' versions, beside the log; nil where the versions are not known.
        public var versions: Int?
        /// When the store gave the first answer, in seconds since 1970 by its clock.
        public var began: Int?
        /// The latest change of any of those objects, in the same unit.
        public var latestChange: Int?
        /// When the store was last asked whether it still has those objects, in the same unit.
        public var checked: Int?
        /// Where the log lies; nil in checkpoints of earlier versions, which had one file under the log's own name.
        public var pieces: [FilePiece]?
        /// Where the versions lie.
        public var versionPieces: [FilePiece]?
        /// Rises with each owner; nil in checkpoints of earlier versions.
        public var generation: Int?
        /// Where the first block with a mark begins; nil is the beginning of the log.
        public var marksFrom: Place?

        public init(
            fingerprint: Fingerprint, length: Int = 0, blocks: Int = 0, content: Fingerprint, absent: Int = 0,
            values: [String: LabelValues] = [:], versions: Int? = nil, began: Int? = nil, latestChange: Int? = nil,
            checked: Int? = nil, pieces: [FilePiece]? = nil, versionPieces: [FilePiece]? = nil, generation: Int? = nil,
            marksFrom: Place? = nil
        ) {
            (
                self.fingerprint, self.length, self.blocks, self.content, self.absent, self.values, self.versions,
                self.began, self.latestChange, self.checked, self.pieces, self.versionPieces, self.generation,
                self.marksFrom
            ) = (
                fingerprint, length, blocks, content, absent, values, versions, began, latestChange, checked, pieces,
                versionPieces, generation, marksFrom
            )
        }
    }

    /// A place between two blocks.
    public struct Place: Codable, Equatable, Sendable {
        public var length: Int
        public var blocks: Int
        public var content: Fingerprint

        public init(length: Int, blocks: Int, content: Fingerprint) {
            (self.length, self.blocks, self.content) = (length, blocks, content)
        }
    }

    /// What has been seen of a label array's values.
    public struct LabelValues: Sendable, Codable, Equatable {
        public var has255 = false
        public var hasOthers = false
        /// Whether ids go beyond 255; nil where that was not asked.
        public var hasIdsBeyond: Bool?

        public init(has255: Bool = false, hasOthers: Bool = false, hasIdsBeyond: Bool? = nil) {
            (self.has255, self.hasOthers, self.hasIdsBeyond) = (has255, hasOthers, hasIdsBeyond)
        }
    }

    /// One chunk as it was written.
    public struct Entry: Sendable {
        public let array: Int
        /// The number of the chunk in the scan order of its array.
        public let number: Int
        public let bytes: ByteBuffer

        public init(array: Int, number: Int, bytes: ByteBuffer) {
            (self.array, self.number, self.bytes) = (array, number, bytes)
        }

        /// Whether it is the mark at the end of a block; then `number` is that of the block.
        var isMark: Bool { array == Entry.markArray }
        static let markArray = Int(UInt32.max)
    }

    /// What a mark says of its block.
    public struct BlockMark: Codable, Equatable, Sendable {
        /// Of the objects it was made from.
        public var content: Fingerprint

        public init(content: Fingerprint) {
            self.content = content
        }
    }

    public static let headerBytes = 24
    /// More than any checkpoint has.
    private static let checkpointBytes = 1 << 26
    private static let generations = 1..<(1 << 40)

    private let file: PiecedFile
    private let versionFile: PiecedFile
    private let holdings: Holdings
    private let path: String

    /// Opens the log at `path` to append to it. A log with another fingerprint is removed, and a new one begins.
    public static func open(
        _ path: String, in holdings: Holdings, fingerprint: Fingerprint
    ) throws(LedgerError) -> (log: ChunkLog, checkpoint: Checkpoint) {
        var found = try existing(path, in: holdings, fingerprint: fingerprint)?.checkpoint
        if found == nil { try remove(path, in: holdings) }
        let generation = 1 + max(found?.generation ?? 0, try files(path, in: holdings).map(\.generation).max() ?? 0)
        found?.generation = generation
        var checkpoint =
            found
            ?? Checkpoint(
                fingerprint: fingerprint, content: Fingerprint(of: .null), versions: 0, pieces: [], versionPieces: [],
                generation: generation)
        if let length = checkpoint.versions,
            try !holdings.holds(checkpoint.versionPieces ?? [])
                || checkpoint.versionPieces?.reduce(0, { $0 + $1.count }) != length
        {
            (checkpoint.versions, checkpoint.versionPieces) = (nil, [])
        }
        let log = ChunkLog(path, holdings, generation: generation)
        if found != nil {
            try log.commit(checkpoint)
            let kept = Set(((checkpoint.pieces ?? []) + (checkpoint.versionPieces ?? [])).map(\.file))
            try removeFiles(path, in: holdings, upTo: generation, but: kept)
        }
        return (log, checkpoint)
    }

    /// Opens the log at `path` to read it; nil where there is none of this fingerprint, or it is shorter than its checkpoint says.
    public static func existing(
        _ path: String, in holdings: Holdings, fingerprint: Fingerprint
    ) throws(LedgerError) -> (log: ChunkLog, checkpoint: Checkpoint)? {
        guard var checkpoint = try checkpoint(path, in: holdings), checkpoint.fingerprint == fingerprint else {
            return nil
        }
        if checkpoint.pieces == nil {
            checkpoint.pieces = checkpoint.length > 0 ? [FilePiece(file: path, count: checkpoint.length)] : []
            checkpoint.versionPieces =
                checkpoint.versions.map { $0 > 0 ? [FilePiece(file: versionsPath(path), count: $0)] : [] } ?? []
            checkpoint.marksFrom = Place(
                length: checkpoint.length, blocks: checkpoint.blocks, content: checkpoint.content)
        }
        guard generations.contains(checkpoint.generation ?? 1), try holdings.holds(checkpoint.pieces ?? []),
            checkpoint.pieces?.reduce(0, { $0 + $1.count }) == checkpoint.length
        else { return nil }
        return (ChunkLog(path, holdings, generation: checkpoint.generation ?? 0), checkpoint)
    }

    private init(_ path: String, _ holdings: Holdings, generation: Int) {
        self.path = path
        self.holdings = holdings
        let own = "\(path).\(generation)-\(holdings.id)"
        file = holdings.pieces(appendingTo: own)
        versionFile = holdings.pieces(appendingTo: Self.versionsPath(own))
    }

    /// The checkpoint of the log at `path`; nil where there is none that can be read.
    private static func checkpoint(_ path: String, in holdings: Holdings) throws(LedgerError) -> Checkpoint? {
        do throws(LedgerError) {
            guard let text = try holdings.note(checkpointPath(path), maximumBytes: checkpointBytes) else { return nil }
            guard text.first != UInt8(ascii: "{") else {
                // Of an earlier version.
                let found = try? JSONFile.decode(Checkpoint.self, from: text)
                return found?.pieces == nil ? found : nil
            }
            guard let end = text.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            let json = Array(text[(end + 1)...])
            guard text[..<end].elementsEqual(head(json)) else { return nil }
            return try? JSONFile.decode(Checkpoint.self, from: json)
        } catch {
            // Too large for one.
            guard error.code == .corrupt else { throw error }
            return nil
        }
    }

    /// The first line of a checkpoint: a checksum, by which damage is found.
    private static func head(_ json: [UInt8]) -> [UInt8] {
        let sum = String(ByteBuffer(json).withSpan { Checksum.crc32($0) }, radix: 16)
        return Array("cristae log 2 \(sum)".utf8)
    }

    /// Removes a log and its checkpoint.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    public static func remove(_ path: String, in holdings: Holdings) throws(LedgerError) {
        let known = try checkpoint(path, in: holdings)?.generation
        try holdings.removeNote(checkpointPath(path))
        try removeFiles(path, in: holdings, upTo: known ?? .max, but: [])
    }

    /// The files of all owners: chunks and versions.
    private static func files(
        _ path: String, in holdings: Holdings
    ) throws(LedgerError) -> [(name: String, generation: Int, owner: Substring)] {
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).compactMap { String($0) }
        let (folder, base) = (parts.dropLast().joined(separator: "/"), (parts.last ?? "") + ".")
        var found: [(name: String, generation: Int, owner: Substring)] = []
        for name in try holdings.names(in: folder) where name.utf8.starts(with: base.utf8) {
            var rest = Substring(name.utf8.dropFirst(base.utf8.count))
            if rest.hasSuffix(".versions") { rest = rest.dropLast(".versions".count) }
            guard let dash = rest.firstIndex(of: "-"), let generation = Int(rest[..<dash]),
                generations.contains(generation)
            else { continue }
            found.append((folder.isEmpty ? name : "\(folder)/\(name)", generation, rest[rest.index(after: dash)...]))
        }
        return found
    }

    /// Removes the files up to a generation, except those in `kept`.
    private static func removeFiles(
        _ path: String, in holdings: Holdings, upTo generation: Int, but kept: Set<String>
    ) throws(LedgerError) {
        for file in try files(path, in: holdings) where file.generation <= generation && !kept.contains(file.name) {
            try holdings.remove(file.name)
        }
        for file in [path, versionsPath(path)] where !kept.contains(file) { try holdings.remove(file) }
    }

    private static func versionsPath(_ path: String) -> String { path + ".versions" }

    private static func checkpointPath(_ path: String) -> String { path + ".json" }

    // MARK: Writing

    /// Appends a chunk at the end that `checkpoint` states, and moves that end.
    public func append(_ entry: Entry, to checkpoint: inout Checkpoint) throws(LedgerError) {
        guard entry.bytes.count <= Int(UInt32.max) else {
            throw LedgerError(.cannotWrite, path: file.path, "a chunk of \(entry.bytes.count) bytes")
        }
        let header = Self.header(entry)
        var pieces = checkpoint.pieces ?? []
        try file.append(header, to: &pieces)
        try file.append(entry.bytes, to: &pieces)
        checkpoint.pieces = pieces
        checkpoint.length += header.count + entry.bytes.count
    }

    /// Appends the mark at the end of a block.
    public func append(_ mark: BlockMark, ofBlock number: Int, to checkpoint: inout Checkpoint) throws(LedgerError) {
        let bytes = ByteBuffer(try encoded(mark))
        try append(Entry(array: Entry.markArray, number: number, bytes: bytes), to: &checkpoint)
    }

    /// Appends the versions of objects, a line each; does nothing where earlier versions are not known.
    public func append(versions lines: [UInt8], to checkpoint: inout Checkpoint) throws(LedgerError) {
        guard let length = checkpoint.versions else { return }
        var pieces = checkpoint.versionPieces ?? []
        try versionFile.append(ByteBuffer(lines), to: &pieces)
        checkpoint.versionPieces = pieces
        checkpoint.versions = length + lines.count
    }

    /// Makes durable what was appended, then publishes the checkpoint.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    public func commit(_ checkpoint: Checkpoint) throws(LedgerError) {
        try file.sync()
        try versionFile.sync()
        let text = try encoded(checkpoint)
        try holdings.write(Self.head(text) + [UInt8(ascii: "\n")] + text, toNote: Self.checkpointPath(path))
    }

    private func encoded(_ value: some Encodable) throws(LedgerError) -> [UInt8] {
        do throws(JSONError) {
            return try JSONFile.encode(value)
        } catch {
            throw LedgerError(.cannotWrite, path: file.path, error.description)
        }
    }

    // MARK: Reading

    /// Bytes of the versions.
    public func versions(count: Int, at offset: Int, of checkpoint: Checkpoint) throws(LedgerError) -> ByteBuffer {
        let length = checkpoint.versions ?? 0
        return try versionFile.read(
            count: max(0, min(count, length - offset)), at: offset, of: checkpoint.versionPieces ?? [])
    }

    /// Bytes of the log.
    public func bytes(count: Int, at offset: Int, of checkpoint: Checkpoint) throws(LedgerError) -> ByteBuffer {
        try file.read(count: count, at: offset, of: checkpoint.pieces ?? [])
    }

    /// The chunk, or the mark, at `offset`. Moves `offset` to the next one.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where the bytes are not what was written.
    public func read(at offset: inout Int, of checkpoint: Checkpoint) throws(LedgerError) -> Entry {
        let header = try bytes(count: Self.headerBytes, at: offset, of: checkpoint)
        let numbers = header.withSpan { bytes in
            (
                array: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self).littleEndian,
                size: bytes.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt32.self).littleEndian,
                number: bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self).littleEndian,
                content: bytes.unsafeLoadUnaligned(fromByteOffset: 16, as: UInt32.self).littleEndian,
                header: bytes.unsafeLoadUnaligned(fromByteOffset: 20, as: UInt32.self).littleEndian,
                sum: Checksum.crc32(bytes.extracting(0..<20))
            )
        }
        guard numbers.sum == numbers.header, let number = Int(exactly: numbers.number) else {
            throw LedgerError(.corrupt, path: file.path, "the header at \(offset) does not match its CRC")
        }
        let bytes = try bytes(count: Int(numbers.size), at: offset + Self.headerBytes, of: checkpoint)
        guard bytes.withSpan({ Checksum.crc32($0) }) == numbers.content else {
            throw LedgerError(.corrupt, path: file.path, "the chunk at \(offset) does not match its CRC")
        }
        offset += Self.headerBytes + bytes.count
        return Entry(array: Int(numbers.array), number: number, bytes: bytes)
    }

    private static func header(_ entry: Entry) -> ByteBuffer {
        func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
        var bytes = little(UInt32(truncatingIfNeeded: entry.array)) + little(UInt32(entry.bytes.count))
        bytes += little(UInt64(entry.number)) + little(entry.bytes.withSpan { Checksum.crc32($0) })
        return ByteBuffer(bytes + little(ByteBuffer(bytes).withSpan { Checksum.crc32($0) }))
    }
}
