package import Codecs
package import Elements

/// Encodes volumes as zlib streams (RFC 1950), several times as fast as a general deflate.
///
/// Electron microscopy is mostly noise: there, a search for matches takes nearly all of the time and saves 2 % of the bytes. Labels match
/// one voxel, one row or one plane back. So the encoder looks at these three distances and writes the rest by prefix codes alone.
/// From level 2 on it also searches noise, while that saves bytes. It leaves a chunk to libdeflate where a general search finds more.
/// The choice depends on the chunk's bytes alone, so that equal chunks give equal bytes on every machine.
package struct VolumeZlibCodec: ChunkCodec, Equatable {
    package let name = "zlib"
    /// libdeflate, for the chunks that are left to it.
    private let general: ZlibCodec
    /// Bytes of a voxel, a row and a plane of the chunk.
    private let distances: [Int]
    private let level: Int

    /// - Parameters:
    ///   - rowVoxels: voxels of a chunk along x.
    ///   - planeVoxels: voxels of a chunk in a plane of y and x.
    ///   - level: 0 to 12, as of libdeflate; at 0 and 1 noise is not searched.
    package init(elementByteCount: Int, rowVoxels: Int, planeVoxels: Int, level: Int) {
        general = ZlibCodec(level: level)
        self.level = level
        distances = [1, rowVoxels, planeVoxels].map {
            let (bytes, overflow) = $0.multipliedReportingOverflow(by: elementByteCount)
            return overflow ? .max : bytes
        }
    }

    package func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        try general.decode(encoded, into: &output)
    }

    package func encode(_ decoded: RawSpan) throws(CodecError) -> ByteBuffer {
        let encoded = decoded.withUnsafeBytes { bytes -> ByteBuffer? in
            let finder = MatchFinder(bytes, distances: distances)
            let sample = MatchSample(bytes, finder)
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

    /// Percent of bytes in other matches from which on a general search is worth its time.
    private static let worthwhile = 4
    /// Percent of bytes in near matches from which on a search finds nothing more.
    private static let labelLike = 50
    /// The steps of a block count bytes in 32 bits.
    private static let maximumByteCount = Int(Int32.max)
    private static let pool = ContextPool<VolumeDeflater>()
}
