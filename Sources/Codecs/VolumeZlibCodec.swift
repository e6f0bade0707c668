public import Elements

/// zlib streams (RFC 1950) of volumes, several times as fast as a general deflate makes them.
///
/// Electron microscopy is mostly noise, in which a search for repetitions takes nearly all of the time and makes the result 2 % smaller; labels
/// repeat one voxel, one row or one plane before. So only those three places are looked at, and all else is written by prefix codes
/// alone; from level 2 on noise is searched as well, for no more than pays. A chunk in which a general search finds more goes to
/// libdeflate. Which of them it is depends on the chunk's bytes alone, so that equal chunks give equal bytes on every machine.
public struct VolumeZlibCodec: ChunkCodec, Equatable {
    public let name = "zlib"
    /// Of libdeflate, for the chunks that go there.
    private let general: ZlibCodec
    /// Bytes of a voxel, a row and a plane of the chunk.
    private let distances: [Int]
    private let level: Int

    /// - Parameters:
    ///   - rowVoxels: voxels of a chunk along x.
    ///   - planeVoxels: voxels of a chunk in a plane of y and x.
    ///   - level: 0 to 12, of libdeflate for what goes there; 1 leaves noise unsearched.
    public init(elementByteCount: Int, rowVoxels: Int, planeVoxels: Int, level: Int) {
        general = ZlibCodec(level: level)
        self.level = level
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
            let sample = RepetitionSample(bytes, finder)
            guard bytes.count <= Self.maximumByteCount, sample.elsewhere < Self.worthwhile else { return nil }
            let search: VolumeDeflater.Search =
                level > 1 && sample.near < Self.labelLike ? .words : .nothing
            return Self.pool.withContext(make: { VolumeDeflater() }) {
                $0.stream(of: bytes, finder, searching: search)
            }
        }
        if let encoded { return encoded }
        return try general.encode(decoded)
    }

    /// Percent of a chunk from which on repetitions elsewhere pay for a general search.
    private static let worthwhile = 4
    /// Percent of a chunk that repeats from near by, from which on a search finds nothing beside.
    private static let labelLike = 50
    /// What steps of a block count in 32 bits.
    private static let maximumByteCount = Int(Int32.max)
    private static let pool = ContextPool<VolumeDeflater>()
}
