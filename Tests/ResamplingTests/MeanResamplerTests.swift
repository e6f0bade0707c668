import Elements
import Geometry
import TestSupport
import Testing

@testable import Resampling

@Suite struct MeanResamplerTests {
    static let integerTypes: [any (Element & FixedWidthInteger).Type] = [
        UInt8.self, Int8.self, UInt16.self, Int16.self, UInt32.self, Int32.self, UInt64.self, Int64.self,
    ]

    @Test(arguments: GridPair.all + GridPair.fractions)
    func integersAreTheExactMeanRounded(pair: GridPair) throws {
        for type in Self.integerTypes { try checkIntegers(type, pair, seed: 1) }
    }

    @Test(arguments: 0..<90)
    func randomGrids(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed) + 1000)
        let pair = seed % 3 == 0 ? GridPair.randomFractions(&random) : GridPair.random(&random)
        try checkIntegers(UInt8.self, pair, seed: UInt64(seed))
        try checkIntegers(Int16.self, pair, seed: UInt64(seed))
    }

    @Test(arguments: GridPair.all + GridPair.fractions)
    func floatsAreNotRounded(pair: GridPair) throws {
        try checkFloats(Double.self, pair, tolerance: 1e-14)
        try checkFloats(Float.self, pair, tolerance: 0x1p-24 + 1e-14)
        try checkFloats(Float16.self, pair, tolerance: 0x1p-11 + 1e-14)
    }

    private func checkIntegers<Value: Element & FixedWidthInteger>(
        _ type: Value.Type, _ pair: GridPair, seed: UInt64
    ) throws {
        var random = SplitMix(seed: seed)
        let source = Volume(Box(shape: pair.source.shape)) { _ -> Value in
            switch random.below(8) {
            case 0: return Value.min
            case 1: return Value.max
            default:
                let value = Value(truncatingIfNeeded: random.next())
                return random.below(2) == 0 ? value : Value(truncatingIfNeeded: 1 + random.below(3))
            }
        }
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: Value.elementType)
        let output = Box(shape: pair.target.shape)
        let whole = resampler.resize(source, to: output, cut: [output])
        let windows = pair.windows { $0.meanWeights($1) }
        output.forEachIndex { index in
            let (sum, total) = mean(of: source, windows.zip(index) { $0[$1] })
            let found = Int128(whole[index.z, index.y, index.x])
            let expected = total == 0 ? 0 : roundedToEven(sum, over: total)
            if Value.bitWidth <= 16 || total == 0 {
                #expect(found == expected, "\(type) at \(index)")
            } else if Value.bitWidth == 32 {
                let error = (found * total - sum).magnitude
                #expect(error * 2_000_000 <= UInt128(total) * 1_000_001, "\(type) at \(index): \(found)")
            } else {
                #expect((found - expected).magnitude <= 1 << 14, "\(type) at \(index): \(found), not \(expected)")
            }
        }
        let cut = output.cutAtRandom(4, &random)
        #expect(resampler.resize(source, to: output, cut: cut) == whole, "\(type) cut into \(cut)")
    }

    private func checkFloats<Value: Element & BinaryFloatingPoint>(
        _ type: Value.Type, _ pair: GridPair, tolerance: Double
    ) throws {
        var random = SplitMix(seed: 5)
        // Multiples of 1/16 up to 64, so that every type holds them and the reference can be a whole number.
        let sixteenths = Volume(Box(shape: pair.source.shape)) { _ in Int16(random.below(1024)) }
        let source = Volume(sixteenths.box) { Value(sixteenths[$0.z, $0.y, $0.x]) / 16 }
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: Value.elementType)
        let output = Box(shape: pair.target.shape)
        let whole = resampler.resize(source, to: output, cut: [output])
        let windows = pair.windows { $0.meanWeights($1) }
        output.forEachIndex { index in
            let (sum, total) = mean(of: sixteenths, windows.zip(index) { $0[$1] })
            let expected = total == 0 ? 0 : Double(sum) / Double(total) / 16
            let found = Double(whole[index.z, index.y, index.x])
            #expect(abs(found - expected) <= tolerance * abs(expected), "\(type) at \(index)")
        }
        let cut = output.cutAtRandom(4, &random)
        #expect(resampler.resize(source, to: output, cut: cut) == whole, "\(type) cut into \(cut)")
    }

    /// Sum of weighted voxels and sum of weights, exactly.
    private func mean<Value: Element & FixedWidthInteger>(
        of source: Volume<Value>, _ window: ZYX<Window>
    ) -> (sum: Int128, total: Int128) {
        var (sum, total): (Int128, Int128) = (0, 0)
        window.forEach { index, weight in
            sum += weight * Int128(source[index.z, index.y, index.x])
            total += weight
        }
        return (sum, total)
    }

    private func roundedToEven(_ sum: Int128, over total: Int128) -> Int128 {
        var (quotient, remainder) = sum.quotientAndRemainder(dividingBy: total)
        if remainder < 0 { (quotient, remainder) = (quotient - 1, remainder + total) }
        if remainder * 2 > total || (remainder * 2 == total && quotient % 2 != 0) { quotient += 1 }
        return quotient
    }

    @Test func halvesGoToEven() throws {
        let pair = GridPair(
            "", AxisPair(1, 8, 0, to: (1, 8, 0)), AxisPair(1, 8, 0, to: (1, 8, 0)), AxisPair(8, 4, 0, to: (4, 8, 0)))
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: .int16)
        var source = Volume(Box(shape: ZYX(1, 1, 8))) { _ in Int16(0) }
        source.voxels = [0, 1, 1, 2, -1, -2, -3, -4]
        let output = Box(shape: ZYX(1, 1, 4))
        #expect(resampler.resize(source, to: output, cut: [output]).voxels == [0, 2, -2, -4])
    }

    @Test func nanSpreadsOnlyToWhatOverlapsIt() throws {
        let pair = GridPair(
            "", AxisPair(1, 8, 0, to: (1, 8, 0)), AxisPair(1, 8, 0, to: (1, 8, 0)), AxisPair(6, 4, 0, to: (3, 8, 0)))
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: .float32)
        var source = Volume(Box(shape: ZYX(1, 1, 6))) { _ in Float(1) }
        source.voxels = [1, 2, 3, .nan, .infinity, 4]
        let output = Box(shape: ZYX(1, 1, 3))
        let found = resampler.resize(source, to: output, cut: [output]).voxels
        #expect(found[0] == 1.5)
        #expect(found[1].isNaN)
        #expect(found[2] == .infinity)
    }

    @Test func largeFloatsDoNotOverflow() throws {
        let pair = GridPair.all[5]
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: .float64)
        let large = 0x1p1023
        let source = Volume(Box(shape: pair.source.shape)) { _ in large }
        let output = Box(shape: pair.target.shape)
        for voxel in resampler.resize(source, to: output, cut: [output]).voxels { #expect(voxel == large) }
    }

    @Test func boolIsHeldAsBytes() throws {
        let pair = GridPair.all[0]
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: .bool)
        let source = Volume(Box(shape: pair.source.shape)) { UInt8($0.x % 4 < 2 ? 1 : 0) }
        let output = Box(shape: pair.target.shape)
        let found = resampler.resize(source, to: output, cut: [output])
        #expect(found == Volume(output) { UInt8($0.x % 2 == 0 ? 1 : 0) })
    }

    @Test func wholeBlocksTakeTheFastPath() throws {
        let pair = GridPair.all[1]
        let axes = try ZYX(0, 1, 2).map { axis in
            let lines = try AxisWindows.lines(source: pair.source, target: pair.target, axis: axis)
            return AxisWindows(
                AxisLattice(source: lines.source, target: lines.target, unitsPerNanometre: 1e6), upwards: .linear)
        }
        let windows = GridWindows(axes: axes)
        #expect(windows.step == ZYX(2, 2, 2))
        #expect(windows.regular == Box(shape: ZYX(3, 4, 10)))
        #expect(BlockMeanKernel<UInt8, UInt16>(windows: windows) != nil)
    }

    @Test func sourceBoxIsWhatTheOutputOverlaps() throws {
        let pair = GridPair.all[5]
        let resampler = try MeanResampler(source: pair.source, target: pair.target, elementType: .uint8)
        // 8 to 24 nm over 5.24 nm voxels: 1.53 to 4.58.
        #expect(
            resampler.sourceBox(for: Box(start: ZYX(1, 1, 2), stop: ZYX(3, 2, 5)))
                == Box(start: ZYX(1, 2, 4), stop: ZYX(5, 4, 10)))
        #expect(resampler.sourceBox(for: Box(start: ZYX(1, 1, 1), stop: ZYX(1, 1, 1))) == nil)
        let apart = GridPair.all[GridPair.all.count - 1]
        let none = try MeanResampler(source: apart.source, target: apart.target, elementType: .uint8)
        #expect(none.sourceBox(for: Box(shape: apart.target.shape)) == nil)
    }
}
