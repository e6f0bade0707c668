internal import CDeflate

/// Checksums of bytes.
public enum Checksum {
    /// The CRC-32 of gzip and ZIP (polynomial 0x04C11DB7, reflected).
    ///
    /// - Parameter continuing: the CRC of the bytes before these, so that parts give the CRC of the whole.
    public static func crc32(_ bytes: RawSpan, continuing: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { bytes in
            // libdeflate answers a nil pointer with the start value, not with `continuing`.
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return continuing }
            return libdeflate_crc32(continuing, base, bytes.count)
        }
    }
}
