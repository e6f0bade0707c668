/// Where the inner chunks of one shard lie: the decoded index of the codec `sharding_indexed`
/// (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html), with every range checked.
struct ShardIndex: Sendable, Equatable {
    /// Offset and length for each inner chunk in C order; both -1 where it is unstored.
    private let offsets: [Int]
    private let lengths: [Int]

    /// How many inner chunks a shard has.
    var count: Int { offsets.count }

    /// How many inner chunks are stored.
    var storedCount: Int { offsets.reduce(0) { $0 + ($1 < 0 ? 0 : 1) } }

    /// Where an inner chunk lies; nil where it is unstored.
    func range(_ number: Int) -> Range<Int>? {
        offsets[number] < 0 ? nil : offsets[number]..<(offsets[number] + lengths[number])
    }

    /// Checks the offsets and lengths of an index.
    ///
    /// - Parameters:
    ///   - values: offset and length of each inner chunk.
    ///   - gridShape: inner chunks per axis.
    ///   - reserved: where the index itself lies; nil where that is at the end of an object of unknown size.
    ///   - objectByteCount: bytes of the shard; nil where they are unknown.
    ///   - maximumByteCount: more bytes than an inner chunk can sanely have.
    ///   - key: the index, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where a range overflows, is too long, reaches beyond the
    ///   object or into the index, or two overlap.
    init(
        values: some Collection<UInt64>, gridShape: [Int], reserved: Range<Int>?, objectByteCount: Int?,
        maximumByteCount: Int, key: String
    ) throws(VolumeError) {
        let count = gridShape.reduce(1, *)
        var offsets: [Int] = []
        var lengths: [Int] = []
        offsets.reserveCapacity(count)
        lengths.reserveCapacity(count)
        var iterator = values.makeIterator()
        while let offset = iterator.next(), let length = iterator.next() {
            if offset == .max, length == .max {
                offsets.append(-1)
                lengths.append(-1)
                continue
            }
            func refusal(_ message: String) -> VolumeError {
                VolumeError(
                    .corruptChunk, path: key,
                    "inner chunk \(offsets.count) of \(count) has \(length) bytes at offset \(offset), \(message)")
            }
            let (end, overflow) = offset.addingReportingOverflow(length)
            guard !overflow, let start = Int(exactly: offset), let stop = Int(exactly: end) else {
                throw refusal("beyond 2^63")
            }
            if let objectByteCount, stop > objectByteCount {
                throw refusal("but the shard has \(objectByteCount) bytes")
            }
            guard stop - start <= maximumByteCount else {
                throw refusal("but it cannot have more than \(maximumByteCount) bytes")
            }
            if let reserved, start < stop, start < reserved.upperBound, stop > reserved.lowerBound {
                throw refusal("where the index lies, at \(reserved.lowerBound) to \(reserved.upperBound)")
            }
            offsets.append(start)
            lengths.append(stop - start)
        }
        self.offsets = offsets
        self.lengths = lengths
        try checkOverlaps(key)
    }

    private func checkOverlaps(_ key: String) throws(VolumeError) {
        let (offsets, lengths) = (self.offsets, self.lengths)
        let sorted = offsets.indices.filter { lengths[$0] > 0 }.sorted { offsets[$0] < offsets[$1] }
        for (first, second) in zip(sorted, sorted.dropFirst())
        where offsets[first] + lengths[first] > offsets[second] {
            throw VolumeError(
                .corruptChunk, path: key,
                "inner chunk \(second) of \(count) at offset \(offsets[second]) overlaps inner chunk \(first), "
                    + "which has \(lengths[first]) bytes at offset \(offsets[first])")
        }
    }
}
