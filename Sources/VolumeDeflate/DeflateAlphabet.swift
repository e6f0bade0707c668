/// The symbols that deflate writes lengths and distances of repetitions with (RFC 1951, 3.2.5).
enum DeflateAlphabet {
    static let endOfBlock = 256
    /// Literals, the end of the block, and lengths.
    static let literals = 286
    static let distances = 30
    static let lengthRange = 3...258
    static let maximumDistance = 32768

    /// A symbol, and the bits that follow its code.
    struct Place {
        var symbol: Int
        var extra: UInt64
        var extraBits: UInt64
    }

    /// The place of a repetition's length in bytes.
    @inline(__always)
    static func place(ofLength length: Int) -> Place {
        if length == 258 { return Place(symbol: 285, extra: 0, extraBits: 0) }
        return place(length &- 3, from: 257, bitsPerCode: 2)
    }

    /// The place of a repetition's distance in bytes.
    @inline(__always)
    static func place(ofDistance distance: Int) -> Place { place(distance &- 1, from: 0, bitsPerCode: 1) }

    /// Both alphabets count on one by one at first, and then with 2^`bitsPerCode` symbols for each further extra bit.
    @inline(__always)
    private static func place(_ value: Int, from first: Int, bitsPerCode: UInt64) -> Place {
        let value = UInt64(truncatingIfNeeded: value)
        // Below 2 * 2^bitsPerCode no bits are extra; so are those of the number at which it begins.
        let highest = 63 &- UInt64(truncatingIfNeeded: (value | 1 &<< bitsPerCode).leadingZeroBitCount)
        let bits = highest &- bitsPerCode
        let symbol = bits &<< bitsPerCode &+ value &>> bits
        return Place(
            symbol: first &+ Int(truncatingIfNeeded: symbol), extra: value & (1 &<< bits &- 1), extraBits: bits)
    }

    /// The order in which the lengths of the code for code lengths are written (3.2.7).
    static let lengthCodeOrder: [19 of Int] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    /// The code of each symbol, its first bit the lowest, from the lengths (3.2.2).
    static func codes(
        _ lengths: UnsafeBufferPointer<UInt8>, into codes: UnsafeMutableBufferPointer<UInt16>
    ) {
        var numbers: [16 of UInt32] = .init(repeating: 0)
        for length in lengths { numbers[Int(length)] += 1 }
        numbers[0] = 0
        var next: [16 of UInt32] = .init(repeating: 0)
        for length in 1..<16 { next[length] = (next[length - 1] + numbers[length - 1]) << 1 }
        for symbol in lengths.indices {
            let length = Int(lengths[symbol])
            guard length > 0 else {
                codes[symbol] = 0
                continue
            }
            codes[symbol] = UInt16(truncatingIfNeeded: reversed(next[length]) >> UInt32(32 - length))
            next[length] += 1
        }
    }

    private static func reversed(_ value: UInt32) -> UInt32 {
        var v = value.byteSwapped
        v = (v >> 4) & 0x0F0F_0F0F | (v & 0x0F0F_0F0F) << 4
        v = (v >> 2) & 0x3333_3333 | (v & 0x3333_3333) << 2
        return (v >> 1) & 0x5555_5555 | (v & 0x5555_5555) << 1
    }
}
