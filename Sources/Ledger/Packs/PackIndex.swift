internal import Codecs
internal import Elements
internal import ZipFiles

/// What is in a pack: its entries by name, and where the next one goes.
struct PackIndex: Sendable {
    /// Where the bytes of an entry are, and what they must be.
    struct Entry: Sendable, Hashable {
        /// Position of the local header in the file.
        var headerOffset: Int
        /// Position of the first byte of the content.
        var offset: Int
        var size: Int
        var crc32: UInt32
    }

    var entries: [String: Entry] = [:]
    /// The position after the last intact entry.
    var end = 0
    /// Whether a central directory stands after the entries, so that other ZIP readers open the file.
    var isClosed = false

    /// Reads the index of a pack: from its central directory where it has one, else by walking the local headers, checking
    /// each entry's CRC.
    init(of file: borrowing FileHandle, path: String) throws(LedgerError) {
        let size = try file.size(path: path)
        if let closed = try Self.directory(of: file, size: size, path: path) {
            self = closed
        } else {
            try walk(file, size: size, path: path)
        }
    }

    private init() {}

    /// The entries in the order in which they lie in the file.
    var inOrder: [(key: String, value: Entry)] {
        entries.sorted { $0.value.headerOffset < $1.value.headerOffset }
    }

    // MARK: Central directory

    private static func directory(
        of file: borrowing FileHandle, size: Int, path: String
    ) throws(LedgerError) -> PackIndex? {
        // Packs have no comment: the end record is the last 22 bytes, or the pack is not closed.
        let found = try ZipDirectory.read(byteCount: size, maximumComment: 0) { range throws(LedgerError) in
            try bytes(of: file, at: range.lowerBound, count: range.count, path: path)
        }
        guard case .success(let directory) = found, directory.isFull else { return nil }
        var index = PackIndex()
        index.end = directory.offset
        index.isClosed = true
        for entry in directory.entries {
            // The header's offset may be any number, so it is compared before anything is added to it.
            guard entry.headerOffset <= index.end else { return nil }
            let content = entry.headerOffset + ZipFormat.localHeaderSize + entry.name.utf8.count
            guard content <= index.end, entry.byteCount <= index.end - content else { return nil }
            index.entries[entry.name] = Entry(
                headerOffset: entry.headerOffset, offset: content, size: entry.byteCount, crc32: entry.crc32)
        }
        return index
    }

    // MARK: Walk over the local headers

    /// Skips incomplete entries. Entries after one still count: then the file is damaged, not torn.
    private mutating func walk(_ file: borrowing FileHandle, size: Int, path: String) throws(LedgerError) {
        var position = 0
        while position < size {
            guard let (name, entry) = try Self.local(of: file, at: position, size: size, path: path) else {
                guard let next = try Self.signature(of: file, after: position, size: size, path: path) else { return }
                position = next
                continue
            }
            guard entry.offset + entry.size <= size else { return }
            if try Self.read(entry, of: file, path: path) != nil {
                entries[name] = entry
                end = entry.offset + entry.size
                position = end
            } else if try Self.local(of: file, at: entry.offset + entry.size, size: size, path: path) != nil {
                position = entry.offset + entry.size
            } else {
                // The content, or the size in the header, is damaged.
                guard let next = try Self.signature(of: file, after: position, size: size, path: path) else { return }
                position = next
            }
        }
    }

    /// The entry whose local header is at `position`; nil where there is no valid header.
    private static func local(
        of file: borrowing FileHandle, at position: Int, size: Int, path: String
    ) throws(LedgerError) -> (name: String, entry: Entry)? {
        let header = try bytes(of: file, at: position, count: ZipFormat.localHeaderSize, path: path)
        guard let local = ZipFormat.LocalHeader(header[...]), local.nameByteCount > 0 else { return nil }
        let content = position + ZipFormat.localHeaderSize + local.nameByteCount
        guard content <= size,
            let name = String(
                validating: try bytes(
                    of: file, at: position + ZipFormat.localHeaderSize, count: local.nameByteCount, path: path),
                as: UTF8.self)
        else { return nil }
        return (name, Entry(headerOffset: position, offset: content, size: local.byteCount, crc32: local.crc32))
    }

    /// Where the next local header may be.
    private static func signature(
        of file: borrowing FileHandle, after position: Int, size: Int, path: String
    ) throws(LedgerError) -> Int? {
        let wanted = withUnsafeBytes(of: ZipFormat.localSignature.littleEndian, Array.init)
        var start = position + 1
        while start < size {
            let part = try bytes(of: file, at: start, count: min(searchedBytes, size - start), path: path)
            guard part.count >= wanted.count else { return nil }
            if let found = (0...(part.count - wanted.count)).first(where: { offset in
                part[offset] == wanted[0] && part[offset..<(offset + wanted.count)].elementsEqual(wanted)
            }) {
                return start + found
            }
            start += part.count - wanted.count + 1
        }
        return nil
    }

    /// Bytes that are searched at a time.
    private static let searchedBytes = 1 << 20

    /// The content of an entry; nil where its CRC is wrong.
    static func read(
        _ entry: Entry, of file: borrowing FileHandle, path: String
    ) throws(LedgerError) -> ByteBuffer? {
        let buffer = ByteBuffer(count: entry.size)
        let count = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: entry.offset, path: path)
        }
        guard count == entry.size, buffer.withSpan({ Checksum.crc32($0) }) == entry.crc32 else { return nil }
        return buffer
    }

    private static func bytes(
        of file: borrowing FileHandle, at offset: Int, count: Int, path: String
    ) throws(LedgerError) -> [UInt8] {
        let buffer = ByteBuffer(count: max(count, 0))
        let read = try buffer.withUnsafeMutableBytes { bytes throws(LedgerError) in
            try file.read(into: bytes, at: offset, path: path)
        }
        buffer.resize(to: read)
        return buffer.array
    }
}
