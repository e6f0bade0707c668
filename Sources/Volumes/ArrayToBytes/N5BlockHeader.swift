/// The header of a stored N5 block: mode, number of axes, extents from the fastest axis on, all big-endian.
///
/// Each block states its own extents. Java, z5 and TensorStore cut blocks at the array's edge; zarr-python stores full blocks
/// (https://github.com/saalfeldlab/n5#file-system-specification).
struct N5BlockHeader: Equatable {
    /// Elements per axis, slowest axis first (z, y, x), each between 1 and the array's block size.
    let shape: [Int]
    /// Bytes before the payload.
    let byteCount: Int

    private enum Mode: UInt16 {
        /// As many elements as the extents say.
        case plain = 0
        /// The number of elements follows the extents.
        case counted = 1
        /// Bytes of serialized Java objects, with a count and no extents.
        case object = 2
    }

    /// Reads the header at the start of `block`.
    ///
    /// - Parameters:
    ///   - blockSize: the array's elements per block, slowest axis first.
    ///   - key: the block's key, for messages.
    /// - Throws: ``VolumeError``: `.corruptChunk` with what was expected and found, `.unsupported` for object blocks.
    init(_ block: RawSpan, blockSize: [Int], key: String) throws(VolumeError) {
        func corrupt(_ message: String) -> VolumeError {
            VolumeError(.corruptChunk, path: key, "N5 block header: \(message)")
        }
        let rank = blockSize.count
        guard block.byteCount >= 4 else {
            throw corrupt("expected at least 4 bytes, found \(block.byteCount)")
        }
        let modeNumber = Self.uint16(block, at: 0)
        guard let mode = Mode(rawValue: modeNumber) else {
            throw corrupt("expected mode 0 or 1, found \(modeNumber)")
        }
        if mode == .object {
            throw VolumeError(
                .unsupported, path: key, "N5 block header: mode 2, a block of objects, expected mode 0 or 1")
        }
        let storedRank = Int(Self.uint16(block, at: 2))
        guard storedRank == rank else {
            throw corrupt("expected \(rank) axes, found \(storedRank)")
        }
        let byteCount = 4 + 4 * rank + (mode == .counted ? 4 : 0)
        guard block.byteCount >= byteCount else {
            throw corrupt("expected \(byteCount) bytes, found \(block.byteCount)")
        }
        let extents = (0..<rank).map { Int(Self.uint32(block, at: 4 + 4 * $0)) }
        let shape = Array(extents.reversed())
        guard zip(shape, blockSize).allSatisfy({ (1...$1).contains($0) }) else {
            throw corrupt("expected extents between 1 and \(Array(blockSize.reversed())) (x first), found \(extents)")
        }
        if mode == .counted {
            let stored = Int(Self.uint32(block, at: 4 + 4 * rank))
            let expected = shape.reduce(1, *)
            guard stored == expected else {
                throw corrupt("expected \(expected) elements for extents \(extents) (x first), found \(stored)")
            }
        }
        self.shape = shape
        self.byteCount = byteCount
    }

    /// `offset` must leave room for the number.
    private static func uint16(_ bytes: RawSpan, at offset: Int) -> UInt16 {
        UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    private static func uint32(_ bytes: RawSpan, at offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
