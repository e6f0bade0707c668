internal import Codecs
internal import Elements
internal import Volumes

/// Takes stored chunks into an HDF5 file as they are, where HDF5 knows the encoding: zstd as filter 32015, blosc as 32001, zlib as it is,
/// gzip in zlib's wrapping, plain bytes.
///
/// The caller has decoded the chunk before: nothing gets through that cannot be read.
struct StoredChunkPassage: Sendable {
    let codec: CodecSummary
    let elementByteCount: Int

    /// The bytes for the HDF5 file: those stored, in another wrapping, or encoded anew where the filter could not read them.
    ///
    /// - Parameters:
    ///   - stored: the object as the store gave it.
    ///   - decoded: what it decodes to, in the byte order of the file.
    func encoded(_ stored: ByteBuffer, decoded: ByteBuffer) throws(CodecError) -> ByteBuffer {
        switch codec.name {
        case "zstd" where !Self.statesContentSize(stored, decoded.count): break
        case "gzip":
            if let rewrapped = Self.zlib(fromGzip: stored, decoded: decoded) { return rewrapped }
            return try decoded.withSpan { bytes throws(CodecError) in try ZlibCodec(level: 6).encode(bytes) }
        default: return stored
        }
        guard let writer = codec.makeCodec(elementByteCount: elementByteCount) else { return stored }
        return try decoded.withSpan { bytes throws(CodecError) in try writer.encode(bytes) }
    }

    /// Whether the zstd frame says how many bytes it holds, which the HDF5 filter insists on.
    private static func statesContentSize(_ frame: ByteBuffer, _ count: Int) -> Bool {
        frame.withUnsafeBytes { bytes in
            guard bytes.count >= 14 || bytes.count >= 6 && count < 256, bytes[0] == 0x28, bytes[1] == 0xB5,
                bytes[2] == 0x2F, bytes[3] == 0xFD
            else { return false }
            let descriptor = bytes[4]
            let isSingleSegment = descriptor & 0x20 != 0
            let width = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
            let start = 5 + (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][Int(descriptor & 3)]
            guard width > 0, bytes.count >= start + width else { return false }
            let stated = (0..<width).reversed().reduce(0) { $0 << 8 | Int(truncatingIfNeeded: bytes[start + $1]) }
            return stated + (width == 2 ? 256 : 0) == count
        }
    }

    /// The deflate stream of a gzip file of one member, in a zlib stream; nil where it is not that simple.
    private static func zlib(fromGzip file: ByteBuffer, decoded: ByteBuffer) -> ByteBuffer? {
        let range = file.withUnsafeBytes { bytes -> Range<Int>? in
            guard bytes.count > 18, bytes[0] == 0x1F, bytes[1] == 0x8B, bytes[2] == 8, bytes[3] & 0xE0 == 0 else {
                return nil
            }
            let flags = bytes[3]
            var start = 10
            if flags & 4 != 0 { start += 2 + Int(bytes[10]) + Int(bytes[11]) << 8 }
            for flag: UInt8 in [8, 16] where flags & flag != 0 {
                guard start < bytes.count, let end = bytes[start...].firstIndex(of: 0) else { return nil }
                start = end + 1
            }
            if flags & 2 != 0 { start += 2 }
            return start < bytes.count - 8 ? start..<bytes.count - 8 : nil
        }
        guard let range else { return nil }
        let sum = decoded.withSpan { Checksum.adler32($0) }
        var stream: [UInt8] = [0x78, 0x9C]
        file.withUnsafeBytes { stream += $0[range] }
        stream += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
        let result = ByteBuffer(stream)
        // Several members would leave bytes behind the first one's end, where its checksum is looked for.
        let check = ByteBuffer(count: decoded.count)
        let count = try? result.withSpan { encoded throws(CodecError) in
            try check.withMutableSpan { output throws(CodecError) in try ZlibCodec().decode(encoded, into: &output) }
        }
        return count == decoded.count ? result : nil
    }
}
