/// What stands at the beginning of a block: the lengths of its codes, themselves in a code (RFC 1951, 3.2.7).
struct DeflateHeader: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the memory is reached only through this value, which has one owner.
    /// A symbol of the code for lengths, and the bits that follow it.
    private struct Entry {
        var symbol: UInt8
        var extra: UInt8
    }

    private static let symbols = 19
    private let entries = UnsafeMutableBufferPointer<Entry>.allocate(
        capacity: DeflateAlphabet.literals + DeflateAlphabet.distances)
    private var entryCount = 0
    private var code = DeflateCode(symbols: symbols)
    private var literalCount = 0
    private var distanceCount = 0
    /// Lengths of the code for lengths that are written.
    private var written = 0

    deinit { entries.deallocate() }

    /// Bits that follow the symbols that stand for several lengths.
    private static func extraBits(_ symbol: UInt8) -> UInt64 {
        switch symbol {
        case 16: 2
        case 17: 3
        case 18: 7
        default: 0
        }
    }

    /// Bits of all.
    var bits: Int { 14 + 3 * written + code.bits }

    mutating func prepare(_ literals: UnsafeBufferPointer<UInt8>, _ distances: UnsafeBufferPointer<UInt8>) {
        literalCount = max(257, (literals.lastIndex { $0 > 0 } ?? 0) + 1)
        distanceCount = max(1, (distances.lastIndex { $0 > 0 } ?? 0) + 1)
        entryCount = 0
        code.clear()
        // A run of equal lengths may go from one alphabet into the other.
        var (last, count) = (literals[0], 0)
        for index in 0..<(literalCount + distanceCount) {
            let length = index < literalCount ? literals[index] : distances[index - literalCount]
            if length != last {
                add(last, count)
                (last, count) = (length, 0)
            }
            count += 1
        }
        add(last, count)
        code.build(maximumBits: 7)
        written = Self.symbols
        while written > 4, code.lengths[DeflateAlphabet.lengthCodeOrder[written - 1]] == 0 { written -= 1 }
    }

    /// Adds `count` times the same length.
    private mutating func add(_ length: UInt8, _ count: Int) {
        var left = count
        if length == 0 {
            while left >= 11 {
                let part = min(left, 138)
                add(18, extra: part - 11)
                left -= part
            }
            if left >= 3 {
                add(17, extra: left - 3)
                left = 0
            }
        } else if left > 0 {
            add(length, extra: 0)
            left -= 1
            while left >= 3 {
                let part = min(left, 6)
                add(16, extra: part - 3)
                left -= part
            }
        }
        for _ in 0..<left { add(length, extra: 0) }
    }

    private mutating func add(_ symbol: UInt8, extra: Int) {
        entries[entryCount] = Entry(symbol: symbol, extra: UInt8(extra))
        entryCount += 1
        code.count(Int(symbol), times: 1, extraBits: Self.extraBits(symbol))
    }

    func write(to writer: inout BitWriter) {
        writer.put(UInt64(literalCount - 257), 5)
        writer.put(UInt64(distanceCount - 1), 5)
        writer.put(UInt64(written - 4), 4)
        writer.flush()
        for index in 0..<written {
            writer.put(UInt64(code.lengths[DeflateAlphabet.lengthCodeOrder[index]]), 3)
            writer.flush()
        }
        for entry in entries[..<entryCount] {
            let symbol = Int(entry.symbol)
            writer.put(UInt64(code.codes[symbol]), UInt64(code.lengths[symbol]))
            writer.put(UInt64(entry.extra), Self.extraBits(entry.symbol))
            writer.flush()
        }
    }
}
