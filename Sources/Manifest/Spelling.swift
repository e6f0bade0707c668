/// Finds the known word that a misspelt one probably stands for.
public enum Spelling {
    /// The nearest of `known` to `word`; of several the first by the alphabet. nil where none is near.
    static func nearest(to word: String, in known: [String]) -> String? {
        guard (1...64).contains(word.utf8.count) else { return nil }
        let wanted = folded(word)
        let ranked = known.map { (word: $0, distance: distance(wanted, folded($0))) }
        guard let best = ranked.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else { return nil }
        return best.distance <= max(2, max(wanted.count, best.word.utf8.count) * 2 / 5) ? best.word : nil
    }

    /// At most three of `known` that are near to `word`, or begin as it does, the nearest first.
    public static func near(to word: String, in known: [String]) -> [String] {
        guard (1...64).contains(word.utf8.count) else { return [] }
        let wanted = folded(word)
        let ranked = known.compactMap { name -> (word: String, distance: Int)? in
            let name = (text: name, bytes: folded(name))
            let limit = max(2, max(wanted.count, name.bytes.count) * 2 / 5)
            // The edits are at least as many as the difference in length.
            let difference = abs(wanted.count - name.bytes.count)
            let edits = difference <= limit ? distance(wanted, name.bytes) : .max
            if edits <= limit { return (name.text, edits) }
            let shared = zip(wanted, name.bytes).prefix { $0 == $1 }.count
            guard shared >= 3, shared == min(wanted.count, name.bytes.count) else { return nil }
            // Words that only begin alike come after words that are near.
            return (name.text, 100 + difference)
        }
        return ranked.sorted { ($0.distance, $0.word) < ($1.distance, $1.word) }.prefix(3).map(\.word)
    }

    /// Edits between two words: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let isSame = left[row] == right[column]
                var best = min(last[column] + (isSame ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    /// Upper and lower case count as the same, and so do `-`, space and `_`.
    private static func folded(_ word: String) -> [UInt8] {
        word.lowercased().utf8.map { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: " ") ? UInt8(ascii: "_") : $0 }
    }
}
