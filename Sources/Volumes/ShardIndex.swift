/// Where the inner chunks of one shard lie: the decoded index of the codec `sharding_indexed`
/// (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html), with every range checked.
public struct ShardIndex: Sendable, Equatable {
    /// Inner chunks of the shard per axis of the array.
    public let gridShape: [Int]
    /// One for each inner chunk, in the order of ``ShardGrid/number(of:)``; nil where it is unstored.
    let ranges: [Range<Int>?]

    /// How many inner chunks are stored.
    public var storedCount: Int { ranges.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }

    /// Checks the offsets and lengths of an index.
    ///
    /// - Parameters:
    ///   - values: offset and length of each inner chunk.
    ///   - reserved: where the index itself lies; nil where that is at the end of an object of unknown size.
    ///   - objectByteCount: bytes of the shard; nil where they are unknown.
    ///   - path: the shard's key, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where a range overflows, reaches beyond the object or into the
    ///   index, or two overlap.
    init(
        values: [UInt64], gridShape: [Int], reserved: Range<Int>?, objectByteCount: Int?, path: String
    ) throws(VolumeError) {
        var ranges: [Range<Int>?] = []
        ranges.reserveCapacity(values.count / 2)
        for number in 0..<(values.count / 2) {
            let (offset, length) = (values[2 * number], values[2 * number + 1])
            if offset == .max, length == .max {
                ranges.append(nil)
                continue
            }
            let (end, overflow) = offset.addingReportingOverflow(length)
            guard !overflow, let start = Int(exactly: offset), let stop = Int(exactly: end) else {
                throw Self.refusal(path, number, "\(length) bytes at offset \(offset) are beyond 2^63")
            }
            if let objectByteCount, stop > objectByteCount {
                throw Self.refusal(
                    path, number, "\(length) bytes at offset \(offset), but the shard has \(objectByteCount) bytes")
            }
            if let reserved, start < reserved.upperBound, stop > reserved.lowerBound {
                throw Self.refusal(
                    path, number,
                    "\(length) bytes at offset \(offset) overlap the index at \(reserved.lowerBound) to "
                        + "\(reserved.upperBound)")
            }
            ranges.append(start..<stop)
        }
        try Self.checkOverlaps(ranges, path: path)
        self.ranges = ranges
        self.gridShape = gridShape
    }

    private static func checkOverlaps(_ ranges: [Range<Int>?], path: String) throws(VolumeError) {
        let numbers = ranges.indices.filter { ranges[$0].map { !$0.isEmpty } ?? false }
        let sorted = numbers.sorted { (ranges[$0]?.lowerBound ?? 0) < (ranges[$1]?.lowerBound ?? 0) }
        for (first, second) in zip(sorted, sorted.dropFirst()) {
            guard let one = ranges[first], let other = ranges[second], one.upperBound > other.lowerBound else { continue }
            throw refusal(
                path, second,
                "\(other.count) bytes at offset \(other.lowerBound) overlap those of inner chunk \(first) at "
                    + "\(one.lowerBound) to \(one.upperBound)")
        }
    }

    private static func refusal(_ path: String, _ number: Int, _ message: String) -> VolumeError {
        VolumeError(.corruptChunk, path: path, "shard index: inner chunk \(number): \(message)")
    }
}
