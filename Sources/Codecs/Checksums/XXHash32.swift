extension Checksum {
    /// xxHash32 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), the checksum of LZ4's formats.
    public static func xxHash32(_ bytes: RawSpan, seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { XXHash32.hash($0, seed: seed) }
    }
}

private enum XXHash32 {
    private static let primes: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1
    )

    private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }

    private static func round(_ accumulator: UInt32, _ lane: UInt32) -> UInt32 {
        rotate(accumulator &+ lane &* primes.1, 13) &* primes.0
    }

    static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt32) -> UInt32 {
        func word(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        var offset = 0
        var hash = seed &+ primes.4
        if bytes.count >= 16 {
            var lanes = (seed &+ primes.0 &+ primes.1, seed &+ primes.1, seed, seed &- primes.0)
            while offset + 16 <= bytes.count {
                lanes.0 = round(lanes.0, word(offset))
                lanes.1 = round(lanes.1, word(offset + 4))
                lanes.2 = round(lanes.2, word(offset + 8))
                lanes.3 = round(lanes.3, word(offset + 12))
                offset += 16
            }
            hash = rotate(lanes.0, 1) &+ rotate(lanes.1, 7) &+ rotate(lanes.2, 12) &+ rotate(lanes.3, 18)
        }
        hash &+= UInt32(truncatingIfNeeded: bytes.count)
        while offset + 4 <= bytes.count {
            hash = rotate(hash &+ word(offset) &* primes.2, 17) &* primes.3
            offset += 4
        }
        while offset < bytes.count {
            hash = rotate(hash &+ UInt32(bytes[offset]) &* primes.4, 11) &* primes.0
            offset += 1
        }
        hash = (hash ^ hash >> 15) &* primes.1
        hash = (hash ^ hash >> 13) &* primes.2
        return hash ^ hash >> 16
    }
}
