internal import Codecs
internal import Elements
internal import JSONText
internal import Ledger

/// The encoded chunks of an HDF5 file that is in the making, in the order in which they will be placed, and how far they are durable.
///
/// An HDF5 file that was being written when its process was killed cannot be trusted; this one can: it is only appended to, and cut to
/// the length in its checkpoint when it is opened again. The HDF5 file is assembled from it in one go at the end. All functions block;
/// one task at a time uses a log.
final class ChunkLog: Sendable {
    /// How far a log is. Everything but ``fingerprint`` and ``length`` is the writer's.
    struct Checkpoint: Codable, Equatable {
        /// Of everything the chunks are made from: with another one the log begins anew.
        var fingerprint: Fingerprint
        /// Durable bytes.
        var length = 0
        /// Blocks of work that are in it.
        var blocks = 0
        /// Of all objects the blocks were made from, in order.
        var content: Fingerprint
        /// Objects that the store does not hold.
        var absent = 0
        /// Of each label array: whether it has 255, whether it has values other than 0 and 255.
        var values: [String: LabelValues] = [:]
        /// Durable bytes of the versions of those objects, beside the log; nil where they are not known.
        var versions: Int?
        /// When the store gave the first answer, in seconds since 1970 by its clock.
        var began: Int?
        /// When the object was changed that was changed last, in the same way.
        var latestChange: Int?
        /// When the store was last asked whether it still has those objects, in the same way.
        var checked: Int?
    }

    /// What has been seen of a label array's values.
    struct LabelValues: Codable, Equatable {
        var has255 = false
        var hasOthers = false
    }

    /// One chunk as it was written.
    struct Entry {
        let array: Int
        /// The number of the chunk in the scan order of its array.
        let number: Int
        let bytes: ByteBuffer
    }

    private static let headerBytes = 24

    private let file: AppendedFile
    private let folder: ConfinedFolder
    private let path: String

    /// Opens the log at `path`, and its checkpoint where that is of the same fingerprint; else it begins anew.
    static func open(
        _ path: String, in folder: ConfinedFolder, fingerprint: Fingerprint
    ) throws(LedgerError) -> (log: ChunkLog, checkpoint: Checkpoint) {
        if let checkpoint = try checkpoint(path, in: folder), checkpoint.fingerprint == fingerprint,
            try folder.fileSize(path) ?? 0 >= checkpoint.length
        {
            return (try ChunkLog(path, folder, length: checkpoint.length), checkpoint)
        }
        try remove(path, in: folder)
        return (
            try ChunkLog(path, folder, length: 0),
            Checkpoint(fingerprint: fingerprint, content: Fingerprint(of: .null), versions: 0)
        )
    }

    private init(_ path: String, _ folder: ConfinedFolder, length: Int) throws(LedgerError) {
        self.path = path
        self.folder = folder
        file = try AppendedFile(opening: path, in: folder, length: length)
    }

    /// The checkpoint of the log at `path`; nil where there is none that can be read.
    static func checkpoint(_ path: String, in folder: ConfinedFolder) throws(LedgerError) -> Checkpoint? {
        guard let text = try folder.read(checkpointPath(path), maximumBytes: 1 << 26) else { return nil }
        return try? JSONFile.decode(Checkpoint.self, from: text)
    }

    /// Removes a log and its checkpoint.
    static func remove(_ path: String, in folder: ConfinedFolder) throws(LedgerError) {
        try folder.remove(checkpointPath(path))
        try folder.remove(path)
        try folder.remove(versionsPath(path))
    }

    /// Where the versions of the objects are noted that the chunks were made from.
    static func versionsPath(_ path: String) -> String { path + ".versions" }

    private static func checkpointPath(_ path: String) -> String { path + ".json" }

    // MARK: Writing

    /// Appends a chunk at the end, which `checkpoint` knows, and moves the end.
    func append(_ entry: Entry, to checkpoint: inout Checkpoint) throws(LedgerError) {
        guard entry.bytes.count <= Int(UInt32.max) else {
            throw LedgerError(.cannotWrite, path: file.path, "a chunk of \(entry.bytes.count) bytes")
        }
        let header = Self.header(entry)
        try file.write(header, at: checkpoint.length)
        try file.write(entry.bytes, at: checkpoint.length + header.count)
        checkpoint.length += header.count + entry.bytes.count
    }

    /// Makes durable what was appended, then the checkpoint that says so.
    func commit(_ checkpoint: Checkpoint) throws(LedgerError) {
        try file.sync()
        let text: [UInt8]
        do throws(JSONError) {
            text = try JSONFile.encode(checkpoint)
        } catch {
            throw LedgerError(.cannotWrite, path: file.path, error.description)
        }
        try folder.write(text, to: Self.checkpointPath(path))
    }

    // MARK: Reading

    /// The chunk at `offset`, which moves to the next one.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where the bytes are not what was written.
    func read(at offset: inout Int) throws(LedgerError) -> Entry {
        let header = try file.read(count: Self.headerBytes, at: offset)
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
        let bytes = try file.read(count: Int(numbers.size), at: offset + Self.headerBytes)
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
