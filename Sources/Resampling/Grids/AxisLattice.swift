internal import Geometry

/// The voxel edges of one axis of a source and of a target grid, as whole numbers of a common unit.
///
/// Numbers in metadata carry float noise (11.840000000000002), so they are not taken literally. Decimal numbers are multiples of a
/// millionth of a nanometre. Other numbers, such as voxels of 8/3 nm, stand for fractions of one another. What is neither is
/// rounded edge by edge. Everything is a function of the two grids alone, never of a box.
struct AxisLattice: Sendable {
    enum Rule: Sendable {
        /// Sizes and edges are multiples of the snapping unit: edges are exact.
        case decimal
        /// The ratio of the sizes and the offset are fractions of small numbers: edges are exact relative to one another.
        case fraction
        /// Each edge is rounded to the snapping unit.
        case snapped
    }

    let rule: Rule
    let source: AxisEdges
    let target: AxisEdges

    /// Units of the larger voxel beyond which fractions are not used: two such numbers can be multiplied in 64 bits.
    static let mostUnitsPerVoxel: Int64 = 1 << 31
    /// Votes that are counted in 64 bits; twice as many fit.
    static let mostVotes = 0x1p61

    /// - Parameters:
    ///   - units: snapping units per nanometre, from ``AxisWindows/unitsPerNanometre(source:target:axis:)``.
    ///   - isExact: false where every edge is to be rounded, because exact numbers would be too large.
    init(source: AxisWindows.Line, target: AxisWindows.Line, unitsPerNanometre units: Double, isExact: Bool = true) {
        if isExact, let steps = Self.decimalSteps(source, target, units) {
            if let first = Self.whole(source.edge, units), let targetFirst = Self.whole(target.edge, units) {
                rule = .decimal
                self.source = AxisEdges(source, first: first, step: steps.source)
                self.target = AxisEdges(target, first: targetFirst, step: steps.target)
                return
            }
            let divisor = greatestCommonDivisor(steps.source, steps.target)
            let ratio = Fraction(numerator: steps.target / divisor, denominator: steps.source / divisor)
            if let (source, target) = Self.edges(source, target, ratio: ratio) {
                (rule, self.source, self.target) = (.fraction, source, target)
                return
            }
        } else if isExact, let ratio = Self.ratio(source, target),
            let (source, target) = Self.edges(source, target, ratio: ratio)
        {
            (rule, self.source, self.target) = (.fraction, source, target)
            return
        }
        rule = .snapped
        self.source = AxisEdges(source, unitsPerNanometre: units)
        self.target = AxisEdges(target, unitsPerNanometre: units)
    }

    /// The output voxels that the source covers at least in part.
    var covered: Range<Int> {
        // Edges ascend: both ends are found by halving.
        func first(where isTrue: (Int) -> Bool) -> Int {
            var (low, high) = (0, target.count)
            while low < high {
                let middle = (low + high) / 2
                if isTrue(middle) { high = middle } else { low = middle + 1 }
            }
            return low
        }
        let low = first { target[$0 + 1] > source.first }
        let high = first { target[$0] >= source.last }
        return low < high ? low..<high : 0..<0
    }

    /// A bound for the sum of an output voxel's votes.
    var largestVote: Double {
        guard target.line.isCoarser(than: source.line) else { return 2 }
        guard rule != .snapped else { return Double(target[1] - target[0]) }
        var divisor = greatestCommonDivisor(source.step, target.step)
        divisor = greatestCommonDivisor(divisor, abs(target.first - source.first))
        return Double(target.step / max(1, divisor))
    }

    // MARK: Decimal numbers

    /// A number of nanometres in units, if that is a whole number up to float noise.
    private static func whole(_ nanometres: Double, _ units: Double) -> Int64? {
        let scaled = nanometres * units
        // Beyond this, doubles are too coarse to tell.
        guard abs(scaled) < 0x1p46, abs(scaled - scaled.rounded()) <= 0.05 else { return nil }
        return Int64(scaled.rounded())
    }

    private static func decimalSteps(
        _ source: AxisWindows.Line, _ target: AxisWindows.Line, _ units: Double
    ) -> (source: Int64, target: Int64)? {
        func step(_ line: AxisWindows.Line) -> Int64? {
            let scaled = line.voxelSize * units
            // The last edge must be as exact as the first one.
            guard scaled < 0x1p46, abs(scaled - scaled.rounded()) * Double(line.count) <= 0.05 else { return nil }
            return Int64(scaled.rounded())
        }
        guard let source = step(source), let target = step(target), source > 0, target > 0 else { return nil }
        return (source, target)
    }

    // MARK: Fractions

    /// The target voxel in source voxels.
    private static func ratio(_ source: AxisWindows.Line, _ target: AxisWindows.Line) -> Fraction? {
        let ratio = target.voxelSize / source.voxelSize
        // Over the whole axis, edges stay within a thousandth of a voxel.
        let voxels = max(Double(source.count), Double(target.count) * max(1, ratio))
        let close = Fraction.simplest(near: ratio, within: ratio * min(1e-9, 1e-3 / voxels))
        if let close, close.largest <= 1 << 17 { return close }
        // A size that was a float32 on its way is less exact.
        if let simple = Fraction.simplest(near: ratio, within: ratio * min(1e-7, 1e-3 / voxels)),
            simple.largest <= 1 << 10
        {
            return simple
        }
        return close
    }

    /// The edges in parts of a source voxel, counted from the source's first edge; nil where the numbers are too large.
    private static func edges(
        _ source: AxisWindows.Line, _ target: AxisWindows.Line, ratio: Fraction
    ) -> (AxisEdges, AxisEdges)? {
        guard ratio.largest <= mostUnitsPerVoxel else { return nil }
        let extent = Double(target.count) * ratio.value
        // Grids that have nothing in common may be any distance apart.
        let offset = max(-extent - 1, min((target.edge - source.edge) / source.voxelSize, Double(source.count) + 1))
        let noise = max(1e-7, 8 * max(source.reach, target.reach).ulp / source.voxelSize)
        var parts = ratio.denominator
        let whole = offset * Double(parts)
        if abs(whole - whole.rounded()) > noise * Double(parts) {
            if let fraction = Fraction.simplest(near: offset, within: noise), fraction.denominator <= 1 << 20 {
                parts *= fraction.denominator / greatestCommonDivisor(parts, fraction.denominator)
            }
            // An offset that is no fraction is rounded as finely as a decimal one.
            if parts == ratio.denominator { parts *= max(1, (1 << 21) / ratio.largest) }
        }
        let (step, overflow) = ratio.numerator.multipliedReportingOverflow(by: parts / ratio.denominator)
        guard !overflow, max(step, parts) <= mostUnitsPerVoxel else { return nil }
        return (
            AxisEdges(source, first: 0, step: parts),
            AxisEdges(target, first: Int64((offset * Double(parts)).rounded()), step: step)
        )
    }
}

/// The edges of the voxels of an axis, in whole units.
struct AxisEdges: Sendable {
    let line: AxisWindows.Line
    /// Units of a voxel; 0 where each edge is rounded on its own.
    let step: Int64
    private let start: Int64
    private let unitsPerNanometre: Double

    init(_ line: AxisWindows.Line, first: Int64, step: Int64) {
        (self.line, self.step, start, unitsPerNanometre) = (line, step, first, 0)
    }

    init(_ line: AxisWindows.Line, unitsPerNanometre: Double) {
        (self.line, step, start, self.unitsPerNanometre) = (line, 0, 0, unitsPerNanometre)
    }

    var count: Int { line.count }
    var first: Int64 { self[0] }
    var last: Int64 { self[line.count] }

    /// The lower edge of voxel `index`, or the upper edge of the last voxel for `index == count`.
    subscript(index: Int) -> Int64 {
        guard step == 0 else { return start + Int64(index) * step }
        return Int64(((line.edge + Double(index) * line.voxelSize) * unitsPerNanometre).rounded())
    }

    /// Twice the centre of voxel `index`.
    func doubledCentre(_ index: Int) -> Int64 { self[index] + self[index + 1] }
}
