/// The central directory of a ZIP file (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12): what is in it, and where.
package struct ZipDirectory: Sendable {
    package struct Entry: Sendable, Equatable {
        package let name: String
        /// Where the local header lies.
        package let headerOffset: Int
        /// Bytes in the file.
        package let storedByteCount: Int
        /// Bytes of the content.
        package let byteCount: Int
        package let crc32: UInt32
        /// 0 is stored, 8 is deflate.
        package let method: Int
        package let isEncrypted: Bool
    }

    /// Why a file is no ZIP file that can be read.
    package struct Unreadable: Error {
        package let message: String
    }

    /// In the order of the directory. Names may repeat; then the last entry counts.
    package private(set) var entries: [Entry] = []
    /// Where the directory begins: the end of what the file holds.
    package let offset: Int
    /// Whether the entries fill the directory. Other writers may put a signature behind them.
    package let isFull: Bool

    /// Most bytes of a directory: enough for ten million objects with long names.
    private static let maximumByteCount = 1 << 30
    /// Most bytes of the comment at the end of a file.
    package static let maximumCommentByteCount = 0xFFFF

    /// - Parameters:
    ///   - byteCount: of the file.
    ///   - maximumComment: bytes of a comment that may follow the directory.
    ///   - read: reads a range of the file; fewer bytes where the file ends before.
    package static func read<Failure: Error>(
        byteCount: Int, maximumComment: Int = maximumCommentByteCount,
        read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Result<ZipDirectory, Unreadable> {
        let records = ZipFormat.endSize + ZipFormat.locator64Size + ZipFormat.end64Size
        let tailStart = max(0, byteCount - records - maximumComment)
        let tail = try read(tailStart..<byteCount)
        guard let end = endRecord(in: tail, maximumComment: maximumComment),
            let count16 = LittleEndianBytes.load(tail[...], at: end + 10, as: UInt16.self),
            let length32 = LittleEndianBytes.load(tail[...], at: end + 12, as: UInt32.self),
            let offset32 = LittleEndianBytes.load(tail[...], at: end + 16, as: UInt32.self)
        else {
            return unreadable("there is no end of a central directory: the file is no ZIP file, or is cut off")
        }
        var (count, length, offset) = (Int(count16), Int(length32), Int(offset32))
        let locator = end - ZipFormat.locator64Size
        if count16 == .max || length32 == .max || offset32 == .max, locator >= 0 {
            guard LittleEndianBytes.load(tail[...], at: locator, as: UInt32.self) == ZipFormat.locator64Signature,
                let start = LittleEndianBytes.integer(tail[...], at: locator + 8),
                start <= tailStart + locator - ZipFormat.end64Size
            else { return unreadable("the ZIP64 end of its directory is not where it should be") }
            // It stands right before the locator, unless a writer has added data of its own to it.
            let end64 =
                start >= tailStart
                ? tail[(start - tailStart)..<(start - tailStart + ZipFormat.end64Size)]
                : try read(start..<(start + ZipFormat.end64Size))[...]
            guard LittleEndianBytes.load(end64, at: 0, as: UInt32.self) == ZipFormat.end64Signature,
                let count64 = LittleEndianBytes.integer(end64, at: 32),
                let length64 = LittleEndianBytes.integer(end64, at: 40),
                let offset64 = LittleEndianBytes.integer(end64, at: 48)
            else { return unreadable("the ZIP64 end of its directory is damaged") }
            (count, length, offset) = (count64, length64, offset64)
        }
        guard length <= maximumByteCount, length <= byteCount, offset <= byteCount - length else {
            return unreadable("its directory of \(length) bytes at \(offset) is not in its \(byteCount) bytes")
        }
        let bytes = try read(offset..<(offset + length))[...]
        var entries: [Entry] = []
        var position = 0
        for number in 0..<count {
            guard let (entry, next) = entry(bytes, at: position, fileByteCount: byteCount) else {
                return unreadable("entry \(number) of \(count) in its directory is damaged")
            }
            entries.append(entry)
            position = next
        }
        return .success(ZipDirectory(entries: entries, offset: offset, isFull: position == length))
    }

    private static func unreadable(_ message: String) -> Result<ZipDirectory, Unreadable> {
        .failure(Unreadable(message: message))
    }

    /// The last place in `tail` that holds an end record, whose comment reaches to the end of the file.
    private static func endRecord(in tail: [UInt8], maximumComment: Int) -> Int? {
        let last = tail.count - ZipFormat.endSize
        guard last >= 0 else { return nil }
        return (max(0, last - maximumComment)...last).last { start in
            tail[start] == 0x50
                && LittleEndianBytes.load(tail[...], at: start, as: UInt32.self) == ZipFormat.endSignature
                && LittleEndianBytes.load(tail[...], at: start + 20, as: UInt16.self).map(Int.init) == last - start
        }
    }

    /// One entry, and where the next one begins; nil where the entry is damaged.
    private static func entry(
        _ bytes: ArraySlice<UInt8>, at position: Int, fileByteCount: Int
    ) -> (entry: Entry, next: Int)? {
        func field<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) -> T? {
            LittleEndianBytes.load(bytes, at: position + offset, as: type)
        }
        guard field(0, UInt32.self) == ZipFormat.centralSignature, let flags = field(8, UInt16.self),
            let method = field(10, UInt16.self), let crc32 = field(16, UInt32.self),
            let stored = field(20, UInt32.self), let size = field(24, UInt32.self),
            let nameCount = field(28, UInt16.self), let extraCount = field(30, UInt16.self),
            let commentCount = field(32, UInt16.self), let place = field(42, UInt32.self)
        else { return nil }
        let nameStart = bytes.startIndex + position + ZipFormat.centralHeaderSize
        let nameEnd = nameStart + Int(nameCount)
        let extraEnd = nameEnd + Int(extraCount)
        let next = extraEnd + Int(commentCount)
        guard next <= bytes.endIndex,
            let numbers = widened([size, stored, place], by: bytes[nameEnd..<extraEnd]),
            numbers[2] < fileByteCount, numbers[1] <= fileByteCount - numbers[2],
            let name = String(validating: bytes[nameStart..<nameEnd], as: UTF8.self)
        else { return nil }
        let entry = Entry(
            name: name, headerOffset: numbers[2], storedByteCount: numbers[1], byteCount: numbers[0], crc32: crc32,
            method: Int(method), isEncrypted: flags & 1 != 0)
        return (entry, next - bytes.startIndex)
    }

    /// The numbers of an entry. The ZIP64 field (4.5.3) holds those that do not fit 32 bits, in this order.
    private static func widened(_ numbers: [UInt32], by extra: ArraySlice<UInt8>) -> [Int]? {
        var wide = numbers.map(Int.init)
        var field = 0
        while let kind = LittleEndianBytes.load(extra, at: field, as: UInt16.self),
            let count = LittleEndianBytes.load(extra, at: field + 2, as: UInt16.self)
        {
            let end = field + 4 + Int(count)
            guard end <= extra.count else { return nil }
            if kind == 1 {
                var value = field + 4
                for index in numbers.indices where numbers[index] == .max {
                    guard value + 8 <= end, let number = LittleEndianBytes.integer(extra, at: value) else { return nil }
                    wide[index] = number
                    value += 8
                }
            }
            field = end
        }
        return wide
    }
}
