import Elements
import Geometry
import Testing

@testable import Resampling

@Suite struct GridOverlapTests {
    @Test(arguments: GridPair.all + GridPair.fractions)
    func coveredIsWhatHasAVote(pair: GridPair) throws {
        let ranges = pair.axes.map { axis -> (low: Int, high: Int)? in
            let covered = (0..<axis.targetCount).filter { axis.votes($0).contains { $0 > 0 } }
            guard let low = covered.first, let high = covered.last else { return nil }
            return (low, high + 1)
        }
        var expected: Box?
        if let z = ranges.z, let y = ranges.y, let x = ranges.x {
            expected = Box(start: ZYX(z.low, y.low, x.low), stop: ZYX(z.high, y.high, x.high))
        }
        #expect(try GridOverlap(source: pair.source, target: pair.target).covered == expected)
        let majority = try MajorityResampler(source: pair.source, target: pair.target, elementType: .uint8)
        #expect(majority.covered == expected)
        let mean = try MeanResampler(source: pair.source, target: pair.target, elementType: .uint8)
        #expect(mean.covered == expected)
    }

    /// What was exact before fractions were known keeps its way of doing things.
    @Test func decimalNumbersAreKnown() throws {
        for pair in GridPair.all {
            #expect(try GridOverlap(source: pair.source, target: pair.target).isDecimal, "\(pair)")
        }
        for pair in GridPair.fractions.dropLast() {
            #expect(try !GridOverlap(source: pair.source, target: pair.target).isDecimal, "\(pair)")
        }
        let noisy = Grid(
            shape: ZYX(400, 400, 400), voxelSize: ZYX(repeating: 11.840000000000002), edge: ZYX(0, 898, 25_862.12))
        let target = Grid(shape: ZYX(500, 500, 500), voxelSize: ZYX(repeating: 8), edge: noisy.edge)
        #expect(try GridOverlap(source: noisy, target: target).isDecimal)
    }

    @Test(arguments: [
        (8.0 / 3, 1e-9, 8, 3), (1.52671755725190, 1e-9, 200, 131), (3, 1e-9, 3, 1), (0.2, 1e-9, 1, 5),
        (2.9999999625, 1e-7, 3, 1), (.pi, 1e-3, 201, 64), (-1.0 / 3, 1e-9, -1, 3), (-4, 1e-9, -4, 1), (0, 1e-9, 0, 1),
        (0.9999999999, 1e-9, 1, 1), (1e9 + 0.5, 1e-6, 2_000_000_001, 2),
    ])
    func simplestFractions(number: Double, tolerance: Double, numerator: Int64, denominator: Int64) {
        #expect(
            Fraction.simplest(near: number, within: tolerance)
                == Fraction(numerator: numerator, denominator: denominator))
    }

    @Test(arguments: [Double.nan, .infinity, -1e300, 1e300])
    func noFractions(number: Double) { #expect(Fraction.simplest(near: number, within: 1e-9) == nil) }
}
