internal import CLZ4

/// The stream of lz4-java's `LZ4BlockOutputStream`, which Java N5 writes as `lz4`. It only decodes.
///
/// A block has the magic `LZ4Block`, a token (method in the upper, log2 of the block size less 10 in the lower half),
/// its stored and its decoded size, and the xxHash32 (seed 0x9747B28C, 28 bits) of the decoded bytes, all
/// little-endian. A block without bytes ends the stream; as Java N5 does not read that far, it may be missing.
public struct LZ4BlockStreamCodec: ChunkDecoder, Equatable {
    public let name = "lz4 block stream"

    public init() {}

    /// The first eight bytes of every block: `LZ4Block`.
    public static let magic = Array("LZ4Block".utf8)

    private static let headerByteCount = 21
    private static let seed: UInt32 = 0x9747_B28C

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try encoded.decode(into: &output) { source, target throws(CodecError) in try decode(source, into: target) }
    }

    private func decode(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        var read = 0
        var written = 0
        repeat {
            let header = try Header(source, at: read, codec: name)
            read += Self.headerByteCount
            guard header.decodedByteCount > 0 else { return written }
            guard header.storedByteCount <= source.count - read else {
                throw CodecError(
                    .tooShort, codec: name, expected: header.storedByteCount, found: source.count - read,
                    "\(source.count - read) bytes at offset \(read), but the block has \(header.storedByteCount)")
            }
            guard header.decodedByteCount <= target.count - written else {
                throw .tooLarge(
                    codec: name, capacity: target.count, found: written + header.decodedByteCount)
            }
            let block = UnsafeRawBufferPointer(rebasing: source[read..<(read + header.storedByteCount)])
            let place = UnsafeMutableRawBufferPointer(
                rebasing: target[written..<(written + header.decodedByteCount)])
            if header.isStored {
                place.copyMemory(from: block)
            } else {
                var span = place.mutableBytes
                _ = try LZ4Codec.decodeBlock(block.bytes, size: header.decodedByteCount, into: &span)
            }
            let sum = Checksum.xxHash32(UnsafeRawBufferPointer(place).bytes, seed: Self.seed) & 0x0FFF_FFFF
            guard sum == header.checksum else {
                throw CodecError(.checksum, codec: name, "the checksum of the block before offset \(read) is wrong")
            }
            read += header.storedByteCount
            written += header.decodedByteCount
        } while read < source.count
        return written
    }

    private struct Header {
        let isStored: Bool
        let storedByteCount: Int
        let decodedByteCount: Int
        let checksum: UInt32

        init(_ source: UnsafeRawBufferPointer, at offset: Int, codec: String) throws(CodecError) {
            guard source.count - offset >= headerByteCount else {
                throw CodecError(
                    .tooShort, codec: codec, expected: headerByteCount, found: source.count - offset,
                    "\(source.count - offset) bytes at offset \(offset), but a block's header has \(headerByteCount)")
            }
            guard source[offset..<(offset + 8)].elementsEqual(magic) else {
                throw CodecError(.corrupt, codec: codec, "no block at offset \(offset)")
            }
            func word(_ at: Int) -> UInt32 {
                UInt32(littleEndian: source.loadUnaligned(fromByteOffset: offset + at, as: UInt32.self))
            }
            let token = source[offset + 8]
            isStored = token & 0xF0 == 0x10
            storedByteCount = Int(word(9))
            decodedByteCount = Int(word(13))
            checksum = word(17)
            let isEnd = decodedByteCount == 0 && storedByteCount == 0
            let limit = 1 << (10 + Int(token & 0x0F))
            guard isStored || token & 0xF0 == 0x20, decodedByteCount <= limit,
                isEnd || (decodedByteCount > 0 && storedByteCount > 0),
                !isStored || storedByteCount == decodedByteCount
            else {
                throw CodecError(
                    .corrupt, codec: codec, expected: limit, found: decodedByteCount,
                    "the header at offset \(offset) (token \(token), \(storedByteCount) bytes for \(decodedByteCount)) "
                        + "is not valid")
            }
        }
    }
}
