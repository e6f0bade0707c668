extension Int {
    /// The nearest integer that there is: 0 for what is no number, the largest or smallest one beyond the range.
    ///
    /// Numbers from files and from the environment are converted with this: `Int(_:)` ends the process.
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

    /// The sum, or the largest or smallest number there is.
    public func saturatingAdd(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }

    /// The product, or the largest or smallest number there is.
    public func saturatingMultiply(_ other: Int) -> Int {
        let (product, overflows) = multipliedReportingOverflow(by: other)
        return overflows ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
