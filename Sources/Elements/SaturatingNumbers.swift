extension Int {
    /// The nearest `Int`: 0 for NaN, the largest or smallest one beyond the range.
    ///
    /// For numbers from files and the environment, because `Int(_:)` traps beyond the range.
    public init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else if value >= 0x1p63 {
            self = .max
        } else if value <= -0x1p63 {
            self = .min
        } else {
            self = Int(value)
        }
    }

    /// The sum, clamped to the range of `Int`.
    public func saturatingAdd(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }

    /// The product, clamped to the range of `Int`.
    public func saturatingMultiply(_ other: Int) -> Int {
        let (product, overflows) = multipliedReportingOverflow(by: other)
        return overflows ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
