/// A fraction of whole numbers.
struct Fraction: Sendable, Equatable {
    var numerator: Int64
    /// Positive.
    var denominator: Int64

    var value: Double { Double(numerator) / Double(denominator) }
    var largest: Int64 { max(numerator, denominator) }

    /// The fraction of the smallest numbers that lies within `tolerance` of `number`; nil where there is none of numbers below 2^40.
    static func simplest(near number: Double, within tolerance: Double) -> Fraction? {
        guard number.isFinite, abs(number) < 0x1p40, tolerance > 0 else { return nil }
        let whole = number.rounded(.down)
        guard let part = simplest(from: number - whole - tolerance, to: number - whole + tolerance) else { return nil }
        return Fraction(numerator: Int64(whole) * part.denominator + part.numerator, denominator: part.denominator)
    }

    /// By continued fractions: the ends of the range have the same terms up to the one at which the simplest fraction ends.
    private static func simplest(from first: Double, to last: Double) -> Fraction? {
        var (low, high) = (max(first, 0), last)
        var (numerator, previousNumerator) = (1.0, 0.0)
        var (denominator, previousDenominator) = (0.0, 1.0)
        for _ in 0..<64 {
            let next = low.rounded(.up)
            let isLast = next <= high
            let term = isLast ? next : low.rounded(.down)
            (numerator, previousNumerator) = (term * numerator + previousNumerator, numerator)
            (denominator, previousDenominator) = (term * denominator + previousDenominator, denominator)
            guard numerator < 0x1p40, denominator < 0x1p40 else { return nil }
            if isLast { return Fraction(numerator: Int64(numerator), denominator: Int64(denominator)) }
            (low, high) = (1 / (high - term), 1 / (low - term))
        }
        return nil
    }
}

func greatestCommonDivisor(_ a: Int64, _ b: Int64) -> Int64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}
