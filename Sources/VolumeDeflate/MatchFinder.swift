/// Finds matches at three distances only: one voxel, one row and one plane back.
///
/// In labels, in padding and in masked raw data, a voxel nearly always has the value of one of these neighbours. A few vector
/// comparisons are enough to see that; no table of earlier bytes is needed. ``HashMatcher`` finds matches at other distances.
struct MatchFinder {
    /// A run of bytes that equals the bytes `distance` before it.
    struct Match {
        var start: Int
        var count: Int
        /// In bytes.
        var distance: Int
    }

    /// In bytes, ascending.
    let distances: [Int]
    private let bytes: UnsafeRawBufferPointer
    private var count: Int { bytes.count }

    /// Repetitions that cost more than what they stand for are left alone: near ones need no bits beside their symbols.
    private static func leastCount(_ distance: Int) -> Int { distance <= 4 ? 5 : 8 }
    /// Beyond that a farther distance is not asked whether it reaches further still.
    private static let longCount = 4 * 258

    /// - Parameters:
    ///   - distances: in bytes; those that deflate cannot write are left out.
    init(_ bytes: UnsafeRawBufferPointer, distances: [Int]) {
        self.bytes = bytes
        self.distances = Set(distances).filter { (1...DeflateAlphabet.maximumDistance).contains($0) }.sorted()
    }

    /// Bytes behind `stop` at which a repetition may begin that ``first(after:before:)`` finds: it looks at words of 4 bytes, eight at a time.
    static let reach = 28

    /// The first repetition that begins behind `literals`, where one is found before `stop` or less than ``reach`` bytes behind it.
    ///
    /// - Parameters:
    ///   - literals: the first byte that is not written yet.
    ///   - stop: where looking for a beginning ends.
    func first(after literals: Int, before stop: Int) -> Match? {
        distances.withUnsafeBufferPointer { distances in
            var position = literals
            let last = min(stop, count - 32)
            while position < last {
                if let found = firstWithin32(position, literals, distances) { return found }
                position += 32
            }
            while position < stop, position + 4 <= count {
                if let found = best(at: position, literals, distances) { return found }
                position += 4
            }
            return nil
        }
    }

    @inline(__always)
    private func firstWithin32(
        _ position: Int, _ literals: Int, _ distances: UnsafeBufferPointer<Int>
    ) -> Match? {
        let block = bytes.loadUnaligned(fromByteOffset: position, as: SIMD8<UInt32>.self)
        var different = SIMD8<UInt32>(repeating: 1)
        for distance in distances where distance <= position {
            let before = bytes.loadUnaligned(fromByteOffset: position - distance, as: SIMD8<UInt32>.self)
            different.replace(with: 0, where: block .== before)
        }
        guard different.wrappedSum() < 8 else { return nil }
        for lane in 0..<8 {
            if let found = best(at: position + 4 * lane, literals, distances) { return found }
        }
        return nil
    }

    /// The longest repetition that goes over the four bytes at `position`.
    private func best(at position: Int, _ literals: Int, _ distances: UnsafeBufferPointer<Int>) -> Match? {
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        var best: Match?
        for distance in distances {
            guard distance <= position,
                bytes.loadUnaligned(fromByteOffset: position - distance, as: UInt32.self) == word
            else { continue }
            var start = position
            let first = max(literals, distance)
            while start > first, byte(start - 1) == byte(start - 1 - distance) { start -= 1 }
            let end = end(of: position + 4, distance)
            guard end - start >= Self.leastCount(distance), end - start > best?.count ?? 0 else { continue }
            best = Match(start: start, count: end - start, distance: distance)
            if end - start >= Self.longCount { break }
        }
        return best
    }

    /// Where what repeats ends.
    private func end(of position: Int, _ distance: Int) -> Int {
        var position = position
        while position + 8 <= count {
            let difference =
                bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                ^ bytes.loadUnaligned(fromByteOffset: position - distance, as: UInt64.self)
            guard difference == 0 else { return position + UInt64(littleEndian: difference).trailingZeroBitCount / 8 }
            position += 8
        }
        while position < count, byte(position) == byte(position - distance) { position += 1 }
        return position
    }

    private func byte(_ offset: Int) -> UInt8 { bytes.load(fromByteOffset: offset, as: UInt8.self) }
}
