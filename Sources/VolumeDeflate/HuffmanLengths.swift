/// Lengths of an optimal prefix code, limited as deflate (RFC 1951) wants them.
///
/// By Moffat and Katajainen's method, which needs no memory but the sorted frequencies; lengths beyond the limit are then shortened, and
/// the room for them made by lengthening the rarest of the symbols below the limit.
enum HuffmanLengths {
    /// The most symbols of an alphabet.
    static let maximumSymbols = 288

    /// Memory that a code is worked out in, for one caller at a time.
    struct Scratch: ~Copyable {
        /// Frequency and symbol in one number, so that sorting needs no comparison of two things.
        let keys = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: maximumSymbols)
        let tree = UnsafeMutableBufferPointer<Int>.allocate(capacity: maximumSymbols)

        deinit {
            keys.deallocate()
            tree.deallocate()
        }
    }

    /// Writes the length of each symbol, 0 for those of frequency 0. Two symbols at least get a length, as old readers want it.
    ///
    /// - Parameters:
    ///   - frequencies: how often each symbol occurs; each below 2^48.
    ///   - maximum: bits, 15 at the most, enough for all symbols.
    static func compute(
        _ frequencies: UnsafeBufferPointer<UInt32>, maximum: Int, into lengths: UnsafeMutableBufferPointer<UInt8>,
        _ scratch: borrowing Scratch
    ) {
        let (keys, tree) = (scratch.keys, scratch.tree)
        var count = 0
        for symbol in frequencies.indices {
            lengths[symbol] = 0
            guard frequencies[symbol] > 0 else { continue }
            keys[count] = UInt64(frequencies[symbol]) << 16 | UInt64(symbol)
            count += 1
        }
        guard count > 1 else {
            let only = count == 0 ? 0 : Int(keys[0] & 0xFFFF)
            lengths[only] = 1
            lengths[only == 0 ? 1 : 0] = 1
            return
        }
        var used = UnsafeMutableBufferPointer(rebasing: keys[..<count])
        used.sort()
        for index in 0..<count { tree[index] = Int(keys[index] >> 16) }
        var numberOfLength = numbers(tree, count)
        limit(&numberOfLength, to: maximum)
        // The rarest symbols come first, and get the longest codes.
        var next = 0
        for length in stride(from: maximum, through: 1, by: -1) {
            for _ in 0..<numberOfLength[length] {
                lengths[Int(keys[next] & 0xFFFF)] = UInt8(length)
                next += 1
            }
        }
    }

    /// How many symbols have which length in the optimal code, from ascending frequencies, which are overwritten.
    private static func numbers(_ tree: UnsafeMutableBufferPointer<Int>, _ count: Int) -> [64 of Int] {
        // Parents of the inner nodes.
        var (leaf, root) = (0, 0)
        for next in 0..<(count - 1) {
            var weight = 0
            for _ in 0..<2 {
                if leaf < count, root >= next || tree[leaf] <= tree[root] {
                    weight += tree[leaf]
                    leaf += 1
                } else {
                    weight += tree[root]
                    tree[root] = next
                    root += 1
                }
            }
            tree[next] = weight
        }
        // Their depths.
        tree[count - 2] = 0
        for next in stride(from: count - 3, through: 0, by: -1) { tree[next] = tree[tree[next]] + 1 }
        // What is not an inner node at a depth is a leaf.
        var numbers: [64 of Int] = .init(repeating: 0)
        var (available, depth, inner) = (1, 0, count - 2)
        while available > 0 {
            var used = 0
            while inner >= 0, tree[inner] == depth {
                used += 1
                inner -= 1
            }
            numbers[min(depth, 63)] += available - used
            available = 2 * used
            depth += 1
        }
        return numbers
    }

    /// Brings all lengths to `maximum` or below, with the sum of 2^-length at 1 still.
    private static func limit(_ numbers: inout [64 of Int], to maximum: Int) {
        var tooMuch = 0
        for length in (maximum + 1)..<64 where numbers[length] > 0 {
            numbers[maximum] += numbers[length]
            numbers[length] = 0
        }
        // In units of the longest code: what is spent beyond all there is.
        for length in 1...maximum { tooMuch += numbers[length] << (maximum - length) }
        tooMuch -= 1 << maximum
        while tooMuch > 0 {
            // A symbol of the longest length below the maximum becomes one bit longer, and takes one of the longest beside it.
            var length = maximum - 1
            while numbers[length] == 0 { length -= 1 }
            numbers[length] -= 1
            numbers[length + 1] += 2
            numbers[maximum] -= 1
            tooMuch -= 1
        }
    }
}
