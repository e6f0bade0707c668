/// Finds matches of four bytes or more at any distance in deflate's window, with a hash table of words.
///
/// In noise, matches are short, and one begins at every tenth byte. A loop that decides at each byte mispredicts its branches most of
/// the time. So this one first looks up all bytes of a stretch without a branch, and walks through the candidates afterwards.
struct HashMatcher: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the memory is reached only through this value, which has one owner.

    /// The longest match that has a symbol.
    private static let maximumCount = 258
    /// Bytes that are looked up at a time.
    private static let pieceCount = 4 << 10
    private static let wordBytes = 4
    /// The highest bits of a word's hash choose its bucket; the lowest 16 are its tag.
    private static let bucketBits: UInt32 = 15

    /// A position, and how far back a word with the same tag is.
    private struct Find {
        /// Bytes back in the lowest 16.
        var bits: UInt64
        var position: Int { Int(truncatingIfNeeded: bits &>> 16) }
        var distance: Int { Int(truncatingIfNeeded: bits & 0xFFFF) }
    }

    /// A bucket holds the last two words with its hash, the latest in the lower half. An entry is a tag above the lowest 16 bits of a position.
    /// The tag tells nearly all other words apart without a look at their bytes.
    ///
    /// An entry that is too old, or was never written, reads as a position within the last 64 KiB. The bytes there are compared in any case.
    private let buckets = UnsafeMutablePointer<UInt64>.allocate(capacity: 1 << bucketBits)
    /// Candidates of one piece, by ascending positions.
    private let finds = UnsafeMutablePointer<Find>.allocate(capacity: pieceCount + 1)

    deinit {
        buckets.deallocate()
        finds.deallocate()
    }

    /// Forgets the last chunk.
    mutating func begin() { buckets.initialize(repeating: 0, count: 1 << Self.bucketBits) }

    /// Adds a stretch of a chunk to a block that has room for as many literals.
    ///
    /// - Parameters:
    ///   - bytes: the chunk, smaller than 2 GiB. Its stretches come in ascending order.
    ///   - stretch: where literals and matches begin.
    mutating func add(_ stretch: Range<Int>, of bytes: UnsafeRawBufferPointer, to block: inout DeflateBlock) {
        guard let base = bytes.baseAddress, !stretch.isEmpty else { return }
        let searched = max(stretch.lowerBound, min(stretch.upperBound, bytes.count - Self.wordBytes + 1))
        block.add(byteCount: stretch.count) { steps in
            var added = (steps: 0, symbols: 0)
            var literals = stretch.lowerBound
            var first = stretch.lowerBound
            // Piece by piece, so that the candidates stay in the level 1 cache.
            while first < searched {
                let end = min(first &+ Self.pieceCount, searched)
                let found = UnsafeBufferPointer(start: finds, count: lookUp(base, first, end))
                first = end
                for find in found {
                    let position = find.position
                    let length = length(base, find, stretch.upperBound)
                    // Skips a candidate inside the last match. No branch: both cases are equally frequent, so it would be mispredicted.
                    let taken = (position >= literals ? 1 : 0) & (length >= Self.wordBytes ? 1 : 0)
                    let between = position &- literals
                    steps[added.steps] = DeflateBlock.Step(
                        literals: UInt32(truncatingIfNeeded: between), repeated: UInt32(truncatingIfNeeded: length),
                        distance: find.distance)
                    added.steps &+= taken
                    added.symbols &+= (between &+ 1) & (0 &- taken)
                    literals &+= (between &+ length) & (0 &- taken)
                }
            }
            guard literals < stretch.upperBound else { return added }
            let rest = stretch.upperBound &- literals
            steps[added.steps] = DeflateBlock.Step(literals: UInt32(truncatingIfNeeded: rest), repeated: 0, distance: 1)
            return (added.steps + 1, added.symbols + rest)
        }
    }

    /// Collects the words that occurred before. Returns how many.
    private func lookUp(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
        var count = 0
        var position = start
        while position < end {
            // The factor is odd, so that different words have different numbers.
            let number = (base + position).loadUnaligned(as: UInt32.self).littleEndian &* 0x9E37_79B1
            let slot = Int(number &>> (32 &- Self.bucketBits))
            let place = UInt64(truncatingIfNeeded: position)
            let entry = number &<< 16 | UInt32(truncatingIfNeeded: place & 0xFFFF)
            let bucket = buckets[slot]
            buckets[slot] = bucket &<< 32 | UInt64(entry)
            let last = UInt32(truncatingIfNeeded: bucket)
            let beforeLast = UInt32(truncatingIfNeeded: bucket &>> 32)
            let isLast = (last ^ entry) &>> 16 == 0
            let isBeforeLast = (beforeLast ^ entry) &>> 16 == 0
            let distance = (place &- UInt64(isLast ? last : beforeLast)) & 0xFFFF
            finds[count] = Find(bits: place &<< 16 | distance)
            // Counts only a distance from 1 to the window's size.
            count &+=
                ((isLast ? 1 : 0) | (isBeforeLast ? 1 : 0))
                & (distance &- 1 < UInt64(DeflateAlphabet.maximumDistance) ? 1 : 0)
            position &+= 1
        }
        return count
    }

    /// The length of a candidate's match, in bytes; it stops at `end`.
    @inline(__always)
    private func length(_ base: UnsafeRawPointer, _ find: Find, _ end: Int) -> Int {
        let here = base + find.position
        let before = here - find.distance
        let limit = min(end &- find.position, Self.maximumCount)
        var length = 0
        while length &+ 8 <= limit {
            let difference =
                (here + length).loadUnaligned(as: UInt64.self) ^ (before + length).loadUnaligned(as: UInt64.self)
            guard difference == 0 else { return length &+ difference.littleEndian.trailingZeroBitCount &>> 3 }
            length &+= 8
        }
        while length < limit,
            here.load(fromByteOffset: length, as: UInt8.self) == before.load(fromByteOffset: length, as: UInt8.self)
        {
            length &+= 1
        }
        return length
    }
}
