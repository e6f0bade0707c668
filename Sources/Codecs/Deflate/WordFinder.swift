/// Finds four bytes and more that repeat anywhere in deflate's window.
///
/// In noise these are short, and one begins at every tenth byte: whether a place has one cannot be guessed, so that a search which asks place
/// by place spends its time on wrong guesses. This one looks up all places of a stretch first, without a branch, and goes through what
/// it has found afterwards.
struct WordFinder: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the memory is reached only through this value, which has one owner.

    /// The longest repetition that has a symbol.
    private static let maximumCount = 258
    /// Bytes that are looked up at a time.
    private static let pieceCount = 4 << 10
    private static let wordBytes = 4
    /// Of the number that stands for a word, those that choose its bucket; the lowest 16 are its tag.
    private static let bucketBits: UInt32 = 15

    /// A position, and how far back a word with the same tag is.
    private struct Find {
        /// Bytes back in the lowest 16.
        var bits: UInt64
        var position: Int { Int(truncatingIfNeeded: bits &>> 16) }
        var distance: Int { Int(truncatingIfNeeded: bits & 0xFFFF) }
    }

    /// The last two words of a hash, the last one in the lower half: the lowest 16 bits of its position, and above them its tag, which tells it
    /// from nearly all others without a look at where it was.
    ///
    /// What is too old reads as a place within the last 64 KiB that has other bytes. So does what was never there.
    private let buckets = UnsafeMutablePointer<UInt64>.allocate(capacity: 1 << bucketBits)
    /// What a piece repeats, by ascending positions.
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
    ///   - stretch: where literals and repetitions begin.
    mutating func add(_ stretch: Range<Int>, of bytes: UnsafeRawBufferPointer, to block: inout DeflateBlock) {
        guard let base = bytes.baseAddress, !stretch.isEmpty else { return }
        let searched = max(stretch.lowerBound, min(stretch.upperBound, bytes.count - Self.wordBytes + 1))
        block.add(byteCount: stretch.count) { steps in
            var added = (steps: 0, symbols: 0)
            var literals = stretch.lowerBound
            var first = stretch.lowerBound
            // Piece by piece, so that what is found stays in the fastest cache.
            while first < searched {
                let end = min(first &+ Self.pieceCount, searched)
                let found = UnsafeBufferPointer(start: finds, count: lookUp(base, first, end))
                first = end
                for find in found {
                    let position = find.position
                    let length = length(base, find, stretch.upperBound)
                    // What lies within the last repetition is left out; without a branch, since it is as often the one as the other.
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

    /// Writes down which words were there before. Returns how many.
    private func lookUp(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
        var count = 0
        var position = start
        while position < end {
            // Different for any two words.
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
            // Neither nothing, nor the place itself, nor one beyond the window.
            count &+=
                ((isLast ? 1 : 0) | (isBeforeLast ? 1 : 0))
                & (distance &- 1 < UInt64(DeflateAlphabet.maximumDistance) ? 1 : 0)
            position &+= 1
        }
        return count
    }

    /// Bytes that repeat what was found, before `end`.
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
