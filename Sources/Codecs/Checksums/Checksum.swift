internal import CDeflate

/// Checksums of bytes.
public enum Checksum {
    /// The CRC-32 of gzip and ZIP (polynomial 0x04C11DB7, reflected).
    ///
    /// - Parameter continuing: the CRC of the bytes before these, so that parts give the CRC of the whole.
    public static func crc32(_ bytes: RawSpan, continuing: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { bytes in
            // For a nil pointer libdeflate returns the start value, not `continuing`.
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return continuing }
            return libdeflate_crc32(continuing, base, bytes.count)
        }
    }

    /// The Adler-32 of zlib.
    public static func adler32(_ bytes: RawSpan) -> UInt32 {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return 1 }
            return libdeflate_adler32(1, base, bytes.count)
        }
    }

    /// The CRC-32C of iSCSI and Zarr v3 (Castagnoli, polynomial 0x1EDC6F41, reflected).
    ///
    /// - Parameter continuing: the CRC of the bytes before these, so that parts give the CRC of the whole.
    public static func crc32c(_ bytes: RawSpan, continuing: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.update(~continuing, $0) ^ .max }
    }

    /// The Fletcher-32 of HDF5 and numcodecs: sums over big-endian 16-bit words, an odd last byte taken as the upper
    /// half of one.
    public static func fletcher32(_ bytes: RawSpan) -> UInt32 {
        bytes.withUnsafeBytes { bytes in
            var first: UInt32 = 0
            var second: UInt32 = 0
            let words = bytes.count / 2
            var word = 0
            while word < words {
                // The sums hold 360 words without overflow.
                let end = min(word + 360, words)
                while word < end {
                    first &+= UInt32(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 * word, as: UInt16.self)))
                    second &+= first
                    word += 1
                }
                first = (first & 0xFFFF) + (first >> 16)
                second = (second & 0xFFFF) + (second >> 16)
            }
            if bytes.count % 2 == 1, let last = bytes.last {
                first &+= UInt32(last) << 8
                second &+= first
                first = (first & 0xFFFF) + (first >> 16)
                second = (second & 0xFFFF) + (second >> 16)
            }
            first = (first & 0xFFFF) + (first >> 16)
            second = (second & 0xFFFF) + (second >> 16)
            return second << 16 | first
        }
    }
}
