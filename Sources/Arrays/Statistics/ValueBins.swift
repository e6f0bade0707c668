public import Elements

/// The bins in which the values of a type are counted. Each has a rank: the order of the ranks is the order of the values.
///
/// Types up to 16 bits have a bin for each value. In a bin of a wider type lie the values whose `Float` has the same first 18 bits: sign, exponent and
/// the first 9 bits of the fraction. So the value that stands for a bin is off by 0.1 % at most, for any finite number from 1.2e-38 to 3.4e38 and its
/// negative. Zero and whole numbers below 1024 are exact. Smaller numbers are off by 1.2e-38 at most. Larger ones count as 3.4e38, but never beyond the range that was found.
public struct ValueBins: Sendable, Equatable {
    public let type: ElementType

    /// Bits of a `Float` that are not looked at.
    static let droppedBits: UInt32 = 14
    private static let wideCount = 1 << (32 - droppedBits)

    init(_ type: ElementType) { self.type = type }

    /// Whether each value has a bin of its own.
    var isExact: Bool { type.byteCount <= 2 }

    var count: Int { isExact ? 1 << (8 * type.byteCount) : Self.wideCount }

    /// The bits of the value of a rank, for exact types; else the rank.
    func pattern(ofRank rank: Int) -> Int {
        switch type {
        case .int8: rank ^ 0x80
        case .int16: rank ^ 0x8000
        case .float16: rank >= 0x8000 ? rank ^ 0x8000 : 0xFFFF - rank
        default: rank
        }
    }

    /// The rank of a number in the bins of a wide type. Infinity and NaN have the first and the last ranks, which are no number's.
    @inline(__always)
    static func wideRank(of number: Double) -> Int {
        var value = Float(number)
        if value.isInfinite, number.isFinite {
            value = number < 0 ? -.greatestFiniteMagnitude : .greatestFiniteMagnitude
        }
        // Minus zero is zero.
        let bits = (value + 0).bitPattern
        // Of negative numbers the larger ones have the smaller bits.
        let ordered = bits ^ (UInt32(bitPattern: Int32(bitPattern: bits) >> 31) | 0x8000_0000)
        return Int(ordered >> droppedBits)
    }

    /// The value that stands for the bin of a rank; nil where the bin holds no finite numbers.
    func value(ofRank rank: Int) -> Double? {
        let pattern = pattern(ofRank: rank)
        let value: Double
        switch type {
        case .bool, .uint8, .uint16: value = Double(pattern)
        case .int8: value = Double(Int8(truncatingIfNeeded: pattern))
        case .int16: value = Double(Int16(truncatingIfNeeded: pattern))
        case .float16: value = Double(Float16(bitPattern: UInt16(truncatingIfNeeded: pattern)))
        default: value = wideValue(ofRank: rank)
        }
        // Minus zero is zero.
        return value.isFinite ? value + 0 : nil
    }

    private func wideValue(ofRank rank: Int) -> Double {
        let half = Self.wideCount / 2
        let place = UInt32(truncatingIfNeeded: rank >= half ? rank - half : half - 1 - rank)
        guard place > 0 else { return 0 }
        let low = Double(Float(bitPattern: place << Self.droppedBits))
        let end = Float(bitPattern: (place + 1) << Self.droppedBits)
        guard low.isFinite else { return low }
        let high = end.isFinite ? Double(end) : Double(Float.greatestFiniteMagnitude)
        // The middle of the numbers that the bin holds.
        let middle = type.isInteger ? (low.rounded(.up) + high.rounded(.up) - 1) / 2 : (low + high) / 2
        return rank >= half ? middle : -middle
    }
}
