import Codecs
import Elements

/// The headers in what may be a ZIP file, found by their signatures.
enum ZipHeaders {
    private static let local: [UInt8] = [0x50, 0x4B, 3, 4]
    private static let central: [UInt8] = [0x50, 0x4B, 1, 2]

    private struct Header {
        let name: Range<Int>
        let checksumOffset: Int
        /// The content, where it lies in the file.
        let content: Range<Int>?
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int? {
        guard offset >= 0, offset + count <= bytes.count else { return nil }
        return (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    private static func headers(in bytes: [UInt8]) -> [Header] {
        guard bytes.count >= 4 else { return [] }
        return (0..<(bytes.count - 3)).compactMap { offset -> Header? in
            let isLocal = bytes[offset..<(offset + 4)].elementsEqual(local)
            guard isLocal || bytes[offset..<(offset + 4)].elementsEqual(central),
                let size = number(bytes, offset + (isLocal ? 22 : 24), 4),
                let nameCount = number(bytes, offset + (isLocal ? 26 : 28), 2)
            else { return nil }
            let name = offset + (isLocal ? 30 : 46)
            guard name + nameCount <= bytes.count else { return nil }
            let header = isLocal ? offset : number(bytes, offset + 42, 4) ?? 0
            let start = header + 30 + nameCount
            return Header(
                name: name..<(name + nameCount), checksumOffset: offset + (isLocal ? 14 : 16),
                content: start + size <= bytes.count ? start..<(start + size) : nil)
        }
    }

    /// The names of all entries.
    static func names(in bytes: [UInt8]) -> [String] {
        Set(headers(in: bytes).map { String(decoding: bytes[$0.name], as: UTF8.self) }).sorted()
    }

    /// Writes the CRC of each entry into its headers.
    static func setChecksums(of bytes: inout [UInt8]) {
        for header in headers(in: bytes) {
            guard let content = header.content else { continue }
            let sum = ByteBuffer(bytes[content]).withSpan { Checksum.crc32($0) }
            for byte in 0..<4 {
                bytes[header.checksumOffset + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * byte))
            }
        }
    }

    /// A closed pack with the ZIP64 records that large ones have: of the end, and of the first entry.
    static func widened(_ file: [UInt8]) -> [UInt8] {
        guard let count = number(file, file.count - 12, 2), let size = number(file, file.count - 10, 4),
            let offset = number(file, file.count - 6, 4)
        else { return file }
        func bytes(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var directory = Array(file[offset..<(offset + size)])
        if count > 0, let nameCount = number(directory, 28, 2), let header = number(directory, 42, 4) {
            directory.replaceSubrange(30..<32, with: bytes(12, 2))
            directory.replaceSubrange(42..<46, with: bytes(0xFFFF_FFFF, 4))
            directory.insert(contentsOf: bytes(1, 2) + bytes(8, 2) + bytes(header, 8), at: 46 + nameCount)
        }
        let end: [UInt8] = [0x50, 0x4B, 6, 6] + bytes(44, 8) + bytes(0x032D, 2) + bytes(45, 2) + bytes(0, 8)
        let numbers = bytes(count, 8) + bytes(count, 8) + bytes(directory.count, 8) + bytes(offset, 8)
        let locator: [UInt8] = [0x50, 0x4B, 6, 7] + bytes(0, 4) + bytes(offset + directory.count, 8) + bytes(1, 4)
        let old: [UInt8] = [0x50, 0x4B, 5, 6] + bytes(0, 4) + [UInt8](repeating: 0xFF, count: 12) + bytes(0, 2)
        return file[..<offset] + directory + end + numbers + locator + old
    }
}
