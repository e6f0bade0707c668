/// Which percentage of a chunk's bytes belong to matches. It tells labels, noise and smooth data apart.
///
/// Only bytes in the middle of the chunk are looked at.
struct MatchSample {
    /// Percent in matches that ``MatchFinder`` finds: nearly 100 in labels, 0 in noise.
    let near: Int
    /// Percent in other matches, which only a general search finds.
    let elsewhere: Int

    /// Bytes that are looked at, in the middle of the chunk.
    private static let sampleCount = 8 << 10
    private static let tableBits = 12
    /// Shorter matches save hardly more than the bits of their distance.
    private static let leastLength = 6

    init(_ bytes: UnsafeRawBufferPointer, _ finder: MatchFinder) {
        let count = min(bytes.count, Self.sampleCount)
        let first = (bytes.count - count) / 2
        guard count > Self.leastLength, let base = bytes.baseAddress else {
            (near, elsewhere) = (0, 0)
            return
        }
        var (near, elsewhere) = (0, 0)
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1 << Self.tableBits) { table in
            // Every entry is a place in the sample.
            table.initialize(repeating: Int32(0))
            let sample = base + first
            var position = 0
            while position < count {
                let next = finder.first(after: first + position, before: first + count)
                let end = next.map { $0.start - first } ?? count
                elsewhere += Self.search(sample, position, min(end, count - 8), table)
                position = next.map { $0.start + $0.count - first } ?? count
                near += min(position, count) - end
            }
        }
        (self.near, self.elsewhere) = (100 * near / count, 100 * elsewhere / count)
    }

    /// Bytes between `start` and `end` that are found again earlier in the sample.
    private static func search(
        _ sample: UnsafeRawPointer, _ start: Int, _ end: Int, _ table: UnsafeMutableBufferPointer<Int32>
    ) -> Int {
        var repeated = 0
        var position = start
        while position < end {
            let word = sample.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let slot = Int((UInt32(truncatingIfNeeded: word) &* 0x9E37_79B1) &>> UInt32(32 - tableBits))
            let before = Int(table[slot])
            table[slot] = Int32(truncatingIfNeeded: position)
            let difference = word ^ sample.loadUnaligned(fromByteOffset: before, as: UInt64.self)
            let length = difference == 0 ? 8 : UInt64(littleEndian: difference).trailingZeroBitCount / 8
            if length >= leastLength, before < position {
                repeated += min(length, end - position)
                position += length
            } else {
                position += 1
            }
        }
        return repeated
    }
}
