internal import Codecs
internal import Elements

/// What is in a pack: its entries by name, and where the next one goes.
struct PackIndex: Sendable {
    var entries: [String: ZipFormat.Entry] = [:]
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
    var inOrder: [(key: String, value: ZipFormat.Entry)] {
        entries.sorted { $0.value.headerOffset < $1.value.headerOffset }
    }

    // MARK: Central directory

    private static func directory(
        of file: borrowing FileHandle, size: Int, path: String
    ) throws(LedgerError) -> PackIndex? {
        let tailSize = min(size, ZipFormat.endSize + ZipFormat.locator64Size + ZipFormat.end64Size)
        let tail = try bytes(of: file, at: size - tailSize, count: tailSize, path: path)
        // Packs have no comment: the end record is the last 22 bytes, or the pack is not closed.
        let end = tail.suffix(ZipFormat.endSize)
        guard LittleEndianBytes.load(end, at: 0, as: UInt32.self) == ZipFormat.endSignature,
            var count = LittleEndianBytes.load(end, at: 10, as: UInt16.self).map(Int.init),
            var length = LittleEndianBytes.load(end, at: 12, as: UInt32.self).map(Int.init),
            var offset = LittleEndianBytes.load(end, at: 16, as: UInt32.self).map(Int.init)
        else { return nil }
        let end64 = tail.dropLast(ZipFormat.endSize + ZipFormat.locator64Size)
        if tail.count == ZipFormat.endSize + ZipFormat.locator64Size + ZipFormat.end64Size,
            LittleEndianBytes.load(end64, at: 0, as: UInt32.self) == ZipFormat.end64Signature
        {
            guard let count64 = LittleEndianBytes.load(end64, at: 32, as: UInt64.self).flatMap(Int.init(exactly:)),
                let length64 = LittleEndianBytes.load(end64, at: 40, as: UInt64.self).flatMap(Int.init(exactly:)),
                let offset64 = LittleEndianBytes.load(end64, at: 48, as: UInt64.self).flatMap(Int.init(exactly:))
            else { return nil }
            (count, length, offset) = (count64, length64, offset64)
        }
        guard offset >= 0, length >= 0, offset <= size, length <= size - offset else { return nil }
        var index = PackIndex()
        index.end = offset
        index.isClosed = true
        let directory = try bytes(of: file, at: offset, count: length, path: path)
        var position = 0
        for _ in 0..<count {
            guard let next = index.addCentral(directory[...], at: position) else { return nil }
            position = next
        }
        return position == length ? index : nil
    }

    /// Takes one central header; returns where the next one starts, nil where it makes no sense.
    private mutating func addCentral(_ bytes: ArraySlice<UInt8>, at position: Int) -> Int? {
        guard LittleEndianBytes.load(bytes, at: position, as: UInt32.self) == ZipFormat.centralSignature,
            let crc32 = LittleEndianBytes.load(bytes, at: position + 16, as: UInt32.self),
            let size = LittleEndianBytes.load(bytes, at: position + 24, as: UInt32.self).map(Int.init),
            let nameLength = LittleEndianBytes.load(bytes, at: position + 28, as: UInt16.self).map(Int.init),
            let extraLength = LittleEndianBytes.load(bytes, at: position + 30, as: UInt16.self).map(Int.init),
            var header = LittleEndianBytes.load(bytes, at: position + 42, as: UInt32.self).map(Int.init)
        else { return nil }
        let nameStart = position + ZipFormat.centralHeaderSize
        guard bytes.count >= nameStart + nameLength + extraLength else { return nil }
        if extraLength == 12 {
            guard
                let wide = LittleEndianBytes.load(bytes, at: nameStart + nameLength + 4, as: UInt64.self)
                    .flatMap(Int.init(exactly:))
            else { return nil }
            header = wide
        }
        // The header's place may be any number: it is compared before anything is added to it.
        guard header >= 0, header <= end else { return nil }
        let content = header + ZipFormat.localHeaderSize + nameLength
        let nameBytes = bytes[(bytes.startIndex + nameStart)..<(bytes.startIndex + nameStart + nameLength)]
        guard content + size <= end, let name = String(validating: nameBytes, as: UTF8.self) else { return nil }
        entries[name] = ZipFormat.Entry(headerOffset: header, offset: content, size: size, crc32: crc32)
        return nameStart + nameLength + extraLength
    }

    // MARK: Walk over the local headers

    /// An entry that is not whole is left out. Where others stand behind it, they count: the file is damaged, not torn.
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
                // The content is damaged, or the size in the header.
                guard let next = try Self.signature(of: file, after: position, size: size, path: path) else { return }
                position = next
            }
        }
    }

    /// The entry whose local header is at `position`; nil where there is none that makes sense.
    private static func local(
        of file: borrowing FileHandle, at position: Int, size: Int, path: String
    ) throws(LedgerError) -> (name: String, entry: ZipFormat.Entry)? {
        let header = try bytes(of: file, at: position, count: ZipFormat.localHeaderSize, path: path)[...]
        guard LittleEndianBytes.load(header, at: 0, as: UInt32.self) == ZipFormat.localSignature,
            let crc32 = LittleEndianBytes.load(header, at: 14, as: UInt32.self),
            let count = LittleEndianBytes.load(header, at: 22, as: UInt32.self).map(Int.init),
            let nameLength = LittleEndianBytes.load(header, at: 26, as: UInt16.self).map(Int.init), nameLength > 0
        else { return nil }
        let content = position + ZipFormat.localHeaderSize + nameLength
        guard content <= size,
            let name = String(
                validating: try bytes(
                    of: file, at: position + ZipFormat.localHeaderSize, count: nameLength, path: path), as: UTF8.self)
        else { return nil }
        return (name, ZipFormat.Entry(headerOffset: position, offset: content, size: count, crc32: crc32))
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

    /// The content of an entry; nil where it is not what its CRC says.
    static func read(
        _ entry: ZipFormat.Entry, of file: borrowing FileHandle, path: String
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
