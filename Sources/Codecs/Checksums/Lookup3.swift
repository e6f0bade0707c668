extension Checksum {
    /// Bob Jenkins' `lookup3`, as in HDF5's metadata and numcodecs' `jenkins_lookup3`.
    public static func lookup3(_ bytes: RawSpan, initial: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { Lookup3.hash($0, initial: initial) }
    }
}

private enum Lookup3 {
    private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }

    static func hash(_ bytes: UnsafeRawBufferPointer, initial: UInt32) -> UInt32 {
        let start = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count) &+ initial
        var (a, b, c) = (start, start, start)
        /// Up to four bytes, little-endian; bytes beyond the end count as 0.
        func word(_ offset: Int) -> UInt32 {
            guard offset + 4 > bytes.count else {
                return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
            guard offset < bytes.count else { return 0 }
            return bytes[offset...].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        var offset = 0
        // The last 1 to 12 bytes are mixed in another way.
        while bytes.count - offset > 12 {
            a &+= word(offset)
            b &+= word(offset + 4)
            c &+= word(offset + 8)
            a = (a &- c) ^ rotate(c, 4)
            c &+= b
            b = (b &- a) ^ rotate(a, 6)
            a &+= c
            c = (c &- b) ^ rotate(b, 8)
            b &+= a
            a = (a &- c) ^ rotate(c, 16)
            c &+= b
            b = (b &- a) ^ rotate(a, 19)
            a &+= c
            c = (c &- b) ^ rotate(b, 4)
            b &+= a
            offset += 12
        }
        guard offset < bytes.count else { return c }
        a &+= word(offset)
        b &+= word(offset + 4)
        c &+= word(offset + 8)
        c = (c ^ b) &- rotate(b, 14)
        a = (a ^ c) &- rotate(c, 11)
        b = (b ^ a) &- rotate(a, 25)
        c = (c ^ b) &- rotate(b, 16)
        a = (a ^ c) &- rotate(c, 4)
        b = (b ^ a) &- rotate(a, 14)
        return (c ^ b) &- rotate(b, 24)
    }
}
