#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether a general search for repetitions would find enough in a chunk to be worth its time.
enum RepetitionSample {
    /// Bytes that are looked at, in the middle of the chunk.
    private static let sampleCount = 8 << 10
    private static let tableBits = 12
    /// Shorter repetitions hardly pay for the bits that say where they are.
    private static let leastLength = 6
    /// The part of the sample, in percent, that has to be repeated from elsewhere than `finder` looks.
    private static let leastPercent = 4

    static func isRepetitive(_ bytes: UnsafeRawBufferPointer, _ finder: RepetitionFinder) -> Bool {
        percent(bytes, finder) >= leastPercent
    }

    /// Of the bytes in the sample, those in percent which a search finds and `finder` does not.
    static func percent(_ bytes: UnsafeRawBufferPointer, _ finder: RepetitionFinder) -> Int {
        let count = min(bytes.count, sampleCount)
        let first = (bytes.count - count) / 2
        guard count > leastLength, let base = bytes.baseAddress else { return 0 }
        var repeated = 0
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1 << tableBits) { table in
            // Every entry is a place in the sample.
            table.initialize(repeating: Int32(0))
            let sample = base + first
            var position = 0
            while position < count {
                let next = finder.first(after: first + position, before: first + count)
                let end = next.map { $0.start - first } ?? count
                repeated += search(sample, position, min(end, count - 8), table)
                position = next.map { $0.start + $0.count - first } ?? count
            }
        }
        return 100 * repeated / count
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
