internal import CDeflate
public import Elements

/// zlib streams (RFC 1950) of volumes, several times as fast as a general deflate makes them.
///
/// Electron microscopy is mostly noise, in which a search for repetitions takes nearly all of the time and finds next to nothing; labels
/// repeat one voxel, one row or one plane before. So only those three places are looked at, and all else is written by prefix codes
/// alone. A chunk in which a general search does find something goes to libdeflate. Which one it is depends on the chunk's bytes
/// alone, so that equal chunks give equal bytes on every machine.
public struct VolumeZlibCodec: ChunkCodec, Equatable {
    public let name = "zlib"
    /// Of libdeflate, for the chunks that go there.
    private let general: ZlibCodec
    /// Bytes of a voxel, a row and a plane of the chunk.
    private let distances: [Int]

    /// - Parameters:
    ///   - rowVoxels: voxels of a chunk along x.
    ///   - planeVoxels: voxels of a chunk in a plane of y and x.
    public init(elementByteCount: Int, rowVoxels: Int, planeVoxels: Int, level: Int) {
        general = ZlibCodec(level: level)
        distances = [1, rowVoxels, planeVoxels].map {
            let (bytes, overflow) = $0.multipliedReportingOverflow(by: elementByteCount)
            return overflow ? .max : bytes
        }
    }

    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try general.decode(encoded, into: &output)
    }

    public func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        let encoded = decoded.withUnsafeBytes { bytes -> ByteBuffer? in
            let finder = RepetitionFinder(bytes, distances: distances)
            guard bytes.count <= Self.maximumByteCount, !RepetitionSample.isRepetitive(bytes, finder) else {
                return nil
            }
            return Self.pool.withContext(make: { DeflateBlock() }) { Self.encode(bytes, finder, &$0) }
        }
        if let encoded { return encoded }
        return try general.encode(decoded)
    }

    /// What steps of a block count in 32 bits.
    private static let maximumByteCount = Int(Int32.max)
    private static let pool = ContextPool<DeflateBlock>()

    private static func encode(
        _ bytes: UnsafeRawBufferPointer, _ finder: RepetitionFinder, _ block: inout DeflateBlock
    ) -> ByteBuffer {
        let buffer = ByteBuffer(count: 2 + DeflateBlock.bound(bytes.count) + 4)
        let count = buffer.withUnsafeMutableBytes { target -> Int in
            guard let start = target.baseAddress else { return 0 }
            // A window of 32 KiB, the fastest way, and the check bits.
            start.storeBytes(of: UInt16(bigEndian: 0x7801), as: UInt16.self)
            var writer = BitWriter(start + 2)
            var position = 0
            repeat {
                block.begin()
                let first = position
                while position < bytes.count, block.symbolCount < DeflateBlock.maximumSymbols {
                    let stop = min(bytes.count, position + DeflateBlock.maximumSymbols - block.symbolCount)
                    if let found = finder.first(after: position, before: stop) {
                        block.add(literals: found.start - position, repeating: found.count, slot: found.slot)
                        position = found.start + found.count
                    } else {
                        block.add(literals: stop - position)
                        position = stop
                    }
                }
                block.write(
                    UnsafeRawBufferPointer(rebasing: bytes[first..<position]), spans: finder.distances,
                    isLast: position == bytes.count, to: &writer)
            } while position < bytes.count
            writer.align()
            let sum = libdeflate_adler32(1, bytes.baseAddress, bytes.count)
            (start + 2 + writer.byteCount).storeBytes(of: sum.bigEndian, as: UInt32.self)
            return 2 + writer.byteCount + 4
        }
        buffer.resize(to: count)
        return buffer
    }
}
