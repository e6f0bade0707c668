/// The votes of eight columns that hold two values between them, for voxels of one byte.
///
/// Where two objects meet, one window after the other holds the same two values. The rows of eight columns are then
/// compared and weighed at once, and each window adds up what its columns have.
struct PairColumns<Value: FixedWidthInteger & BitwiseCopyable>: ~Copyable {
    /// The columns that are counted at a time.
    static var count: Int { 8 }
    static var isUsable: Bool { MemoryLayout<Value>.size == 1 }

    /// The first voxel of the first column.
    private(set) var value: Value = 0
    private(set) var other: Value = 0
    /// What votes for ``value`` in each column; four zeros behind them, so that four can be read from each.
    private let votes: UnsafeMutablePointer<UInt32>

    init() {
        votes = .allocate(capacity: Self.count + 4)
        votes.initialize(repeating: 0, count: Self.count + 4)
    }

    deinit { votes.deallocate() }

    /// Counts the columns from that of `span` on, for the values that its window holds.
    ///
    /// - Parameter rows: rows whose weights add up to less than 2^32, with so many columns from there on.
    /// - Returns: the column up to which there are no other values.
    @inline(__always)
    mutating func count(
        _ rows: borrowing WindowRows<Value>, _ marks: borrowing ColumnMarks<Value>, _ span: ColumnSpan
    ) -> Int {
        typealias Bytes = SIMD8<UInt8>
        let first = (rows[0].voxels.base + span.first).loadUnaligned(as: Bytes.self)
        let byte = first[0]
        // If there is but one other value, then all that differs from the first one differs in the same bits.
        let differences = (marks.differences + span.first).loadUnaligned(as: Bytes.self)
        let window: UInt64 = 1 &<< UInt64(8 &* span.count) &- 1
        var bits = unsafeBitCast(differences | (first ^ Bytes(repeating: byte)), to: UInt64.self) & window
        bits |= bits &>> 32
        bits |= bits &>> 16
        bits |= bits &>> 8
        let otherByte = byte ^ UInt8(truncatingIfNeeded: bits)
        let (values, others) = (Bytes(repeating: byte), Bytes(repeating: otherByte))

        var sums = SIMD8<UInt32>()
        var isPair = Bytes(repeating: .max)
        for index in 0..<rows.count {
            let row = rows[index]
            let voxels = (row.voxels.base + span.first).loadUnaligned(as: Bytes.self)
            let isValue = unsafeBitCast(voxels .== values, to: SIMD8<Int8>.self)
            let isOther = unsafeBitCast(voxels .== others, to: SIMD8<Int8>.self)
            isPair &= unsafeBitCast(isValue | isOther, to: Bytes.self)
            let mask = SIMD8<UInt32>(truncatingIfNeeded: SIMD8<Int32>(truncatingIfNeeded: isValue))
            sums &+= mask & SIMD8(repeating: row.narrowWeight)
        }
        UnsafeMutableRawPointer(votes).storeBytes(of: sums, as: SIMD8<UInt32>.self)
        value = Value(truncatingIfNeeded: byte)
        other = Value(truncatingIfNeeded: otherByte)
        let strangers = ~unsafeBitCast(isPair, to: UInt64.self)
        return span.first &+ strangers.trailingZeroBitCount &>> 3
    }

    /// The winner of a window that lies within the columns counted last, from `column` on.
    @inline(__always)
    func winner(_ span: ColumnSpan, from column: Int, rowTotal: Int64) -> Value {
        let votes = span.weigh(votes + (span.fourStart &- column))
        let rest = rowTotal &* span.total &- votes
        if votes == rest { return min(value, other) }
        return votes > rest ? value : other
    }

    /// The first value of a window if it has more than half of the votes, whatever values there are.
    @inline(__always)
    func majority(_ span: ColumnSpan, from column: Int, rowTotal: Int64) -> Value? {
        2 &* span.weigh(votes + (span.fourStart &- column)) > rowTotal &* span.total ? value : nil
    }
}
