/// A chunk of repetitions that follow one another without a literal between them: a block of the encoder then has a step for each of its
/// symbols, which is the most steps that it can have.
///
/// Noise that is changed at random never gets there: each literal is a symbol more, and a step less.
struct WovenChunk {
    private(set) var bytes: [UInt8] = []
    /// In bytes.
    private let row: Int
    private let plane: Int
    private var state: UInt64
    /// Four bytes each, no two with the same first byte, and where each was last.
    private var words: [(bytes: [UInt8], last: Int)] = []
    /// Of the repetition at the end, in bytes; 0 where there is something else.
    private var distance = 0
    /// The byte that followed the word at the end when it was there before; nil where there is no word at the end.
    private var successor: UInt8?

    private static let wordCount = 8

    /// - Parameters:
    ///   - row: bytes of a row, at least 32.
    ///   - plane: bytes of a plane, at least 400, and not a multiple of `row`: otherwise both distances lead to the same bytes.
    init(row: Int, plane: Int, seed: UInt64) {
        (self.row, self.plane, state) = (row, plane, seed)
        addNoise(plane)
        for number in 0..<Self.wordCount {
            let position = plane - 40 * (number + 1)
            bytes[position] = UInt8(13 + 29 * number)
            words.append((Array(bytes[position..<(position + 4)]), position))
        }
    }

    mutating func addNoise(_ count: Int) {
        for _ in 0..<count { bytes.append(UInt8(truncatingIfNeeded: random() >> 24)) }
        (distance, successor) = (0, nil)
    }

    /// Adds a repetition of what is a row or a plane before, the other one of the two than last time.
    mutating func addNear(_ count: Int) {
        var next = distance == row ? plane : row
        // What is at the end must end here: a repetition goes on until it does, and a word neither goes on nor is part of what follows.
        if distance > 0 {
            for _ in 0..<200 where back(next) == back(distance) { bytes.append(back(distance)) }
        } else if let successor {
            let free = [row, plane].first { back($0) != successor && back($0 + 1) != back(1) }
            if let free { next = free } else { addNoise(1) }
        }
        (distance, successor) = (next, nil)
        for _ in 0..<count { bytes.append(back(next)) }
    }

    /// Adds words that were there before, each without the byte that followed it.
    ///
    /// - Parameter count: at most ``wordCount``.
    mutating func addWords(_ count: Int) {
        if successor != nil { addNear(8) }
        for _ in 0..<100 {
            var order = Array(words.indices)
            for index in order.indices.dropLast() { order.swapAt(index, index + below(order.count - index)) }
            order = Array(order.prefix(count))
            guard fits(order) else { continue }
            for word in order {
                (distance, successor) = (0, bytes[words[word].last + 4])
                words[word].last = bytes.count
                bytes += words[word].bytes
            }
            return
        }
    }

    private func fits(_ order: [Int]) -> Bool {
        guard let first = order.first, distance == 0 || words[first].bytes[0] != back(distance) else { return false }
        for (word, following) in zip(order, order.dropFirst())
        where bytes[words[word].last + 4] == words[following].bytes[0] { return false }
        return order.enumerated().allSatisfy { index, word in
            [row, plane].allSatisfy { distance in
                let start = bytes.count + 4 * index - distance
                return start + 4 > bytes.count || Array(bytes[start..<(start + 4)]) != words[word].bytes
            }
        }
    }

    private func back(_ distance: Int) -> UInt8 { bytes[bytes.count - distance] }

    private mutating func below(_ limit: Int) -> Int { Int(random() % UInt64(limit)) }

    /// SplitMix64.
    private mutating func random() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
