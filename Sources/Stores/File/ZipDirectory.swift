internal import Elements

/// The central directory of a ZIP file (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12): what is in it, and where.
struct ZipDirectory: Sendable {
    struct Entry: Sendable, Equatable {
        /// Where the local header lies.
        let headerOffset: Int
        /// Bytes in the file.
        let storedByteCount: Int
        /// Bytes of the object.
        let byteCount: Int
        let crc32: UInt32
        /// 0 is as it is, 8 is deflate.
        let method: Int
        let isEncrypted: Bool
    }

    /// Why a file is no ZIP file that can be read.
    struct Unreadable: Error {
        let message: String
    }

    /// Keys in the order of their bytes.
    private(set) var keys: [String] = []
    private var entries: [ByteName: Entry] = [:]

    /// More than this is no directory: ten million objects with long names.
    private static let maximumByteCount = 1 << 30
    private static let endByteCount = 22
    private static let locatorByteCount = 20
    private static let maximumCommentByteCount = 0xFFFF

    /// - Parameters:
    ///   - byteCount: of the file.
    ///   - read: the bytes of a range of the file.
    init(byteCount: Int, read: (Range<Int>) throws(StoreError) -> [UInt8]) throws {
        let tailStart = max(0, byteCount - Self.endByteCount - Self.maximumCommentByteCount)
        let tail = try read(tailStart..<byteCount)
        guard let end = Self.endRecord(in: tail) else {
            throw Unreadable(message: "there is no end of a central directory: the file is no ZIP file, or is cut off")
        }
        var count = Self.number(tail, end + 10, 2)
        var length = Self.number(tail, end + 12, 4)
        var offset = Self.number(tail, end + 16, 4)
        let locator = tailStart + end - Self.locatorByteCount
        if count == 0xFFFF || length == 0xFFFF_FFFF || offset == 0xFFFF_FFFF, locator >= 0 {
            let bytes = try read(locator..<(locator + Self.locatorByteCount))
            let start = Self.number(bytes, 8, 8)
            guard Self.number(bytes, 0, 4) == 0x0706_4B50, start >= 0, start <= locator - 56 else {
                throw Unreadable(message: "the ZIP64 end of its directory is not where it should be")
            }
            let end64 = try read(start..<(start + 56))
            guard Self.number(end64, 0, 4) == 0x0606_4B50 else {
                throw Unreadable(message: "the ZIP64 end of its directory is damaged")
            }
            (count, length, offset) = (
                Self.number(end64, 32, 8), Self.number(end64, 40, 8), Self.number(end64, 48, 8)
            )
        }
        guard count >= 0, offset >= 0, length >= 0, length <= Self.maximumByteCount, offset <= byteCount - length else {
            throw Unreadable(message: "its directory of \(length) bytes at \(offset) is not in its \(byteCount) bytes")
        }
        let directory = try read(offset..<(offset + length))
        var position = 0
        for number in 0..<count {
            guard let next = add(directory, at: position, fileByteCount: byteCount) else {
                throw Unreadable(message: "entry \(number) of \(count) in its directory is damaged")
            }
            position = next
        }
        keys = entries.keys.map(\.text).sorted(by: ObjectKey.precedes)
    }

    func entry(_ key: String) -> Entry? { entries[ByteName(key)] }

    private static func endRecord(in tail: [UInt8]) -> Int? {
        guard tail.count >= endByteCount else { return nil }
        return (0...(tail.count - endByteCount)).last {
            tail[$0] == 0x50 && number(tail, $0, 4) == 0x0605_4B50
                && $0 + endByteCount + number(tail, $0 + 20, 2) == tail.count
        }
    }

    /// A little-endian number; -1 where it does not fit.
    static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> Int {
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
        return Int(exactly: value) ?? -1
    }

    /// Takes one entry; returns where the next one begins.
    private mutating func add(_ bytes: [UInt8], at position: Int, fileByteCount: Int) -> Int? {
        guard position + 46 <= bytes.count, Self.number(bytes, position, 4) == 0x0201_4B50 else { return nil }
        let nameEnd = position + 46 + Self.number(bytes, position + 28, 2)
        let extraEnd = nameEnd + Self.number(bytes, position + 30, 2)
        let next = extraEnd + Self.number(bytes, position + 32, 2)
        guard next <= bytes.count else { return nil }
        var sizes = [
            Self.number(bytes, position + 24, 4), Self.number(bytes, position + 20, 4),
            Self.number(bytes, position + 42, 4),
        ]
        // The ZIP64 field has those of the three that do not fit, in this order.
        var field = nameEnd
        while field + 4 <= extraEnd {
            let end = field + 4 + Self.number(bytes, field + 2, 2)
            guard end <= extraEnd else { return nil }
            if Self.number(bytes, field, 2) == 1 {
                var value = field + 4
                for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
                    guard value + 8 <= end else { return nil }
                    sizes[index] = Self.number(bytes, value, 8)
                    value += 8
                }
            }
            field = end
        }
        guard sizes[0] >= 0, sizes[1] >= 0, (0..<fileByteCount).contains(sizes[2]),
            sizes[1] <= fileByteCount - sizes[2],
            let name = String(validating: bytes[(position + 46)..<nameEnd], as: UTF8.self)
        else { return nil }
        // Folders have entries in some files; the last of several of a name counts.
        if name.utf8.last != ObjectKey.slash {
            entries[ByteName(name)] = Entry(
                headerOffset: sizes[2], storedByteCount: sizes[1], byteCount: sizes[0],
                crc32: UInt32(Self.number(bytes, position + 16, 4)), method: Self.number(bytes, position + 10, 2),
                isEncrypted: Self.number(bytes, position + 8, 2) & 1 != 0)
        }
        return next
    }

    /// What lies directly below a folder ("" is the root), without looking at what lies deeper.
    func children(of folder: String) -> (folders: [String], objects: [String]) {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var folders: [String] = []
        var objects: [String] = []
        var index = lowerBound(prefix)
        while index < keys.count, let rest = ObjectKey.rest(of: keys[index], after: prefix) {
            let (name, isObject) = ObjectKey.head(of: rest)
            if isObject {
                objects.append(String(name))
                index += 1
            } else {
                folders.append(String(name))
                // "0" is what comes after "/".
                index = lowerBound(prefix + name + "0")
            }
        }
        return (folders, objects)
    }

    /// The first key that is not before `text`.
    private func lowerBound(_ text: String) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if ObjectKey.precedes(keys[middle], text) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
