internal import CLZ4

/// numcodecs' `lz4`: the decoded size in four bytes, little-endian, then one LZ4 block. It only decodes.
public struct LZ4Codec: ChunkDecoder, Equatable {
    public let name = "lz4"

    public init() {}

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        guard encoded.byteCount >= 5 else {
            throw CodecError(
                .tooShort, codec: name, expected: 5, found: encoded.byteCount,
                "\(encoded.byteCount) bytes, but the size and a block have at least 5")
        }
        let stated = Int(UInt32(littleEndian: encoded.unsafeLoadUnaligned(as: UInt32.self)))
        guard stated <= output.byteCount else {
            throw .tooLarge(codec: name, capacity: output.byteCount, found: stated)
        }
        let count = try Self.decodeBlock(encoded.extracting(4..<encoded.byteCount), size: stated, into: &output)
        return count
    }

    /// Decodes one bare LZ4 block of exactly `size` decoded bytes. The block does not state that size.
    ///
    /// - Throws: ``CodecError`` with code `.tooLarge` where `output` has not `size` bytes, `.corrupt` where the block
    ///   does not give exactly `size` bytes.
    public static func decodeBlock(
        _ block: RawSpan, size: Int, into output: inout MutableRawSpan
    ) throws(CodecError) -> Int {
        guard size <= output.byteCount else { throw .tooLarge(codec: "lz4", capacity: output.byteCount, found: size) }
        guard let length = Int32(exactly: block.byteCount), let capacity = Int32(exactly: size) else {
            throw CodecError(
                .unsupported, codec: "lz4", "a block of \(block.byteCount) bytes for \(size); LZ4 ends at 2^31 - 1")
        }
        let count = block.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { target in
                LZ4_decompress_safe(
                    source.baseAddress?.assumingMemoryBound(to: CChar.self),
                    target.baseAddress?.assumingMemoryBound(to: CChar.self), length, capacity)
            }
        }
        guard count == capacity else {
            throw CodecError(
                .corrupt, codec: "lz4", expected: size, found: count < 0 ? nil : Int(count),
                "the block of \(block.byteCount) bytes does not decode to \(size) bytes (result \(count))")
        }
        return size
    }
}
