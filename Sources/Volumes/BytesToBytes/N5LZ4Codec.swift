public import Codecs

/// N5's `lz4`, whose metadata do not tell which of four formats the payload has.
///
/// Java N5 writes the block stream of lz4-java, rust-n5 LZ4 frames, zarr-python numcodecs' size with a block, and z5 a bare block. The
/// first two begin with a magic number. numcodecs' block begins with the size of the output. A bare block may begin with the same four
/// bytes; decoding tells which it is.
public struct N5LZ4Codec: ChunkDecoder, Equatable {
    public let name = "lz4"

    public init() {}

    /// - Note: `output` must have exactly as many bytes as the block holds: a bare block does not say how many.
    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        let size = output.byteCount
        if Self.starts(encoded, with: LZ4BlockStreamCodec.magic) {
            return try LZ4BlockStreamCodec().decode(encoded, into: &output)
        }
        if Self.starts(encoded, with: LZ4FrameCodec.magic) {
            return try LZ4FrameCodec().decode(encoded, into: &output)
        }
        guard encoded.byteCount > 4,
            UInt32(littleEndian: encoded.unsafeLoadUnaligned(as: UInt32.self)) == UInt32(exactly: size)
        else {
            return try LZ4Codec.decodeBlock(encoded, size: size, into: &output)
        }
        do throws(CodecError) {
            return try LZ4Codec().decode(encoded, into: &output)
        } catch {
            guard let count = try? LZ4Codec.decodeBlock(encoded, size: size, into: &output) else { throw error }
            return count
        }
    }

    private static func starts(_ bytes: RawSpan, with magic: [UInt8]) -> Bool {
        bytes.byteCount >= magic.count
            && magic.indices.allSatisfy { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == magic[$0] }
    }
}
