/// The records of the ZIP format (APPNOTE 6.3), and how they are written here: stored entries with their sizes in the local header, a
/// central directory, ZIP64 records where offsets or counts need them.
///
/// All times are 1980-01-01, names are UTF-8, nothing is deflated.
package enum ZipFormat {
    package static let localSignature: UInt32 = 0x0403_4B50
    static let centralSignature: UInt32 = 0x0201_4B50
    static let endSignature: UInt32 = 0x0605_4B50
    static let end64Signature: UInt32 = 0x0606_4B50
    static let locator64Signature: UInt32 = 0x0706_4B50
    package static let localHeaderSize = 30
    static let centralHeaderSize = 46
    static let endSize = 22
    static let locator64Size = 20
    static let end64Size = 56
    /// An entry's bytes must fit the 32-bit fields of its local header.
    package static let maximumEntryBytes = 0xFFFF_FFFE

    /// The fields of a local header that readers need.
    package struct LocalHeader {
        package let crc32: UInt32
        /// Bytes of the content, where the header says it.
        package let byteCount: Int
        package let nameByteCount: Int
        /// Bytes from the beginning of the header to the content.
        package let contentOffset: Int

        /// - Returns: nil where the bytes do not begin with a whole local header.
        package init?(_ bytes: ArraySlice<UInt8>) {
            guard LittleEndianBytes.load(bytes, at: 0, as: UInt32.self) == localSignature,
                let crc32 = LittleEndianBytes.load(bytes, at: 14, as: UInt32.self),
                let byteCount = LittleEndianBytes.load(bytes, at: 22, as: UInt32.self).map(Int.init),
                let nameByteCount = LittleEndianBytes.load(bytes, at: 26, as: UInt16.self).map(Int.init),
                let extraByteCount = LittleEndianBytes.load(bytes, at: 28, as: UInt16.self).map(Int.init)
            else { return nil }
            self.crc32 = crc32
            self.byteCount = byteCount
            self.nameByteCount = nameByteCount
            contentOffset = localHeaderSize + nameByteCount + extraByteCount
        }
    }

    package static func localHeader(name: [UInt8], size: Int, crc32: UInt32) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(localSignature)
        bytes.append(commonFields(size: size, crc32: crc32, version: 20))
        bytes.append(UInt16(name.count))
        bytes.append(UInt16(0))
        bytes.append(name)
        return bytes.bytes
    }

    package static func centralHeader(name: [UInt8], size: Int, crc32: UInt32, headerOffset: Int) -> [UInt8] {
        let needsZip64 = headerOffset >= 0xFFFF_FFFF
        var bytes = LittleEndianBytes()
        bytes.append(centralSignature)
        bytes.append(UInt16(0x0300 | 45))
        bytes.append(commonFields(size: size, crc32: crc32, version: needsZip64 ? 45 : 20))
        bytes.append(UInt16(name.count))
        bytes.append(UInt16(needsZip64 ? 12 : 0))
        bytes.append(UInt16(0))
        bytes.append(UInt16(0))
        bytes.append(UInt16(0))
        bytes.append(UInt32(0o100644 << 16))
        bytes.append(needsZip64 ? UInt32.max : UInt32(headerOffset))
        bytes.append(name)
        if needsZip64 {
            bytes.append(UInt16(1))
            bytes.append(UInt16(8))
            bytes.append(UInt64(headerOffset))
        }
        return bytes.bytes
    }

    /// The end of the file after a central directory of `count` entries and `size` bytes at `offset`.
    package static func end(count: Int, size: Int, offset: Int) -> [UInt8] {
        let needsZip64 = count >= 0xFFFF || size >= 0xFFFF_FFFF || offset >= 0xFFFF_FFFF
        var bytes = LittleEndianBytes()
        if needsZip64 {
            bytes.append(end64Signature)
            bytes.append(UInt64(end64Size - 12))
            bytes.append(UInt16(0x0300 | 45))
            bytes.append(UInt16(45))
            bytes.append(UInt32(0))
            bytes.append(UInt32(0))
            bytes.append(UInt64(count))
            bytes.append(UInt64(count))
            bytes.append(UInt64(size))
            bytes.append(UInt64(offset))
            bytes.append(locator64Signature)
            bytes.append(UInt32(0))
            bytes.append(UInt64(offset + size))
            bytes.append(UInt32(1))
        }
        bytes.append(endSignature)
        bytes.append(UInt16(0))
        bytes.append(UInt16(0))
        bytes.append(UInt16(min(count, 0xFFFF)))
        bytes.append(UInt16(min(count, 0xFFFF)))
        bytes.append(UInt32(min(size, 0xFFFF_FFFF)))
        bytes.append(UInt32(min(offset, 0xFFFF_FFFF)))
        bytes.append(UInt16(0))
        return bytes.bytes
    }

    /// Version, flags (UTF-8), method (stored), time, date, CRC and both sizes: the same run of fields in both headers.
    private static func commonFields(size: Int, crc32: UInt32, version: UInt16) -> [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(version)
        bytes.append(UInt16(0x0800))
        bytes.append(UInt16(0))
        bytes.append(UInt16(0))
        bytes.append(UInt16(0x0021))
        bytes.append(crc32)
        bytes.append(UInt32(size))
        bytes.append(UInt32(size))
        return bytes.bytes
    }
}

/// Builds little-endian records, and reads them without running past their end.
struct LittleEndianBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ values: [UInt8]) { bytes.append(contentsOf: values) }

    /// The integer at `offset`; nil where the bytes end before.
    static func load<T: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, at offset: Int, as type: T.Type) -> T? {
        let start = bytes.startIndex + offset
        guard offset >= 0, start + MemoryLayout<T>.size <= bytes.endIndex else { return nil }
        var value: T = 0
        for index in (0..<MemoryLayout<T>.size).reversed() {
            value = value << 8 | T(truncatingIfNeeded: bytes[start + index])
        }
        return value
    }

    /// The 64-bit number at `offset`; nil where the bytes end before, or the number is larger than any file.
    static func integer(_ bytes: ArraySlice<UInt8>, at offset: Int) -> Int? {
        load(bytes, at: offset, as: UInt64.self).flatMap(Int.init(exactly:))
    }
}
