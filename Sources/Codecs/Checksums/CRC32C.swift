/// The loop of ``Checksum/crc32c(_:continuing:)``: eight bytes a step, with eight tables.
enum CRC32C {
    /// Table 0 is for the last byte of a step; table k is for a byte with k more bytes after it. 8 × 256 entries.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            tables[byte] = crc
        }
        for entry in 256..<(8 * 256) {
            let previous = tables[entry - 256]
            tables[entry] = previous >> 8 ^ tables[Int(previous & 0xFF)]
        }
        return tables
    }()

    /// The state after `bytes`, without the inversions at start and end.
    static func update(_ state: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { tables in
            var crc = state
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                let near = tables[Int(high >> 24)] ^ tables[256 + Int(high >> 16 & 0xFF)]
                let middle = tables[512 + Int(high >> 8 & 0xFF)] ^ tables[768 + Int(high & 0xFF)]
                let far = tables[1024 + Int(low >> 24)] ^ tables[1280 + Int(low >> 16 & 0xFF)]
                let farthest = tables[1536 + Int(low >> 8 & 0xFF)] ^ tables[1792 + Int(low & 0xFF)]
                crc = near ^ middle ^ far ^ farthest
                offset += 8
            }
            while offset < bytes.count {
                crc = crc >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[offset])]
                offset += 1
            }
            return crc
        }
    }
}
