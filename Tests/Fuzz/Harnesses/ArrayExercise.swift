import Codecs
import Elements
import Volumes

/// What the program goes on to do with metadata that it has accepted: sizes, keys, and chunks.
struct ArrayExercise {
    let metadata: ArrayMetadata

    /// Larger chunks are not decoded: that would be slow, and they may be large.
    private static let largestChunk = 1 << 20
    /// As the format has it: the fastest numbers that a chunk key can hold.
    private static let largestArray = 1 << 62

    func run(chunk: [UInt8], harness: some Harness) {
        let rank = metadata.rank
        harness.require(
            rank == metadata.chunkShape.count && rank <= ArrayMetadata.maximumRank
                && metadata.fillValue.count == metadata.elementType.byteCount
                && metadata.chunkShape.allSatisfy { $0 > 0 } && metadata.shape.allSatisfy { $0 >= 0 },
            "\(metadata) makes no sense")
        let grid = metadata.chunkGridShape
        _ = metadata.chunkKey([Int](repeating: 0, count: rank))
        _ = metadata.chunkKey(grid.map { max($0 - 1, 0) })
        if !metadata.shape.contains(0) {
            harness.require(fits(metadata.shape, Self.largestArray), "an array of \(metadata.shape)")
            harness.require(fits(grid, Self.largestArray), "\(grid) chunks")
        }
        // A filter of wider elements than the chunk has bytes leaves it none.
        harness.require(metadata.chunkByteCount > 0 && metadata.maximumEncodedByteCount >= 0, "chunks without bytes")
        exerciseShards(harness: harness)
        guard metadata.chunkByteCount <= Self.largestChunk else { return }
        _ = decode(chunk)
        _ = decode([])
        roundTrip(harness: harness)
    }

    private func fits(_ extents: [Int], _ limit: Int) -> Bool {
        var product = 1
        for extent in extents {
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            guard !overflow, next <= limit else { return false }
            product = next
        }
        return true
    }

    private func exerciseShards(harness: some Harness) {
        harness.require(metadata.innerChunkShape.count == metadata.rank, "an inner chunk of other axes")
        guard let shards = metadata.shardGrid else { return }
        harness.require(shards.count > 0 && shards.indexByteCount >= 16 * shards.count, "\(shards.count) inner chunks")
        harness.require(
            zip(metadata.chunkShape, zip(shards.innerChunkShape, shards.gridShape)).allSatisfy { $0 == $1.0 * $1.1 },
            "inner chunks of \(shards.innerChunkShape) in shards of \(metadata.chunkShape)")
        harness.require(shards.maximumEncodedByteCount >= 0, "inner chunks without bytes")
        let last = zip(metadata.shape, shards.innerChunkShape).map { max($0 - 1, 0) / $1 }
        _ = shards.place(ofInnerChunk: last)
    }

    private func decode(_ chunk: [UInt8]) -> [UInt8]? {
        let buffer = ByteBuffer(chunk)
        return try? buffer.withSpan { bytes throws(VolumeError) in try metadata.decodeChunk(bytes, key: "0") }.array
    }

    /// What is written by the codec of the metadata is read as the same.
    private func roundTrip(harness: some Harness) {
        guard metadata.chunkByteCount <= 4096, let summary = metadata.codecSummary,
            let codec = summary.makeCodec(elementByteCount: metadata.elementType.byteCount)
        else { return }
        let plain = ByteBuffer((0..<metadata.chunkByteCount).map { UInt8(truncatingIfNeeded: $0 * 7) })
        guard let encoded = try? plain.withSpan({ bytes throws(CodecError) in try codec.encode(bytes) }) else { return }
        harness.require(decode(encoded.array) == plain.array, "\(summary) does not read what it has written")
    }
}
