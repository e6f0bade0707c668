import Elements
import Geometry
import TestSupport
import Testing

@testable import Resampling

@Suite struct MajorityResamplerTests {
    @Test(arguments: GridPair.all + GridPair.fractions)
    func theLargestOverlapWins(pair: GridPair) throws {
        for type in MeanResamplerTests.integerTypes {
            for values in [2, 3, 40] { try check(type, pair, values: values, seed: UInt64(values)) }
        }
    }

    @Test(arguments: 0..<90)
    func randomGrids(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed) + 2000)
        let pair = seed % 3 == 0 ? GridPair.randomFractions(&random) : GridPair.random(&random)
        try check(UInt8.self, pair, values: 2, seed: UInt64(seed))
        try check(Int64.self, pair, values: 5, seed: UInt64(seed))
    }

    /// Objects that are many voxels long, as in real labels: most windows hold one value, the others two or three.
    @Test(arguments: GridPair.all + GridPair.fractions, [3, 14, 40])
    func longObjects(pair: GridPair, length: Int) throws {
        for type in MeanResamplerTests.integerTypes { try check(type, pair, values: 5, objectLength: length, seed: 7) }
    }

    /// - Parameter objectLength: how many voxels of one value follow one another, about.
    private func check<Value: Element & FixedWidthInteger>(
        _ type: Value.Type, _ pair: GridPair, values: Int, objectLength: Int = 1, seed: UInt64
    ) throws {
        var random = SplitMix(seed: seed)
        // The last one differs from the first in its high bits only.
        let palette = (0..<values).map { index -> Value in
            switch index {
            case 0: .min
            case 1: .max
            case 4: .min ^ (1 << (Value.bitWidth - 2))
            default: Value(truncatingIfNeeded: random.next())
            }
        }
        var value = palette[0]
        var source = Volume(Box(shape: pair.source.shape)) { _ in
            if random.below(objectLength) == 0 { value = palette[random.below(values)] }
            return value
        }
        if objectLength > 1 {
            // Rows like the ones before them, shifted now and then.
            let first = source.voxels.prefix(source.box.shape.x)
            source = Volume(source.box) { first[($0.x + $0.y / 2 + $0.z / 3) % first.count] }
            for _ in 0..<4 { source.voxels[random.below(source.voxels.count)] = palette[random.below(values)] }
        }
        let resampler = try MajorityResampler(
            source: pair.source, target: pair.target, elementType: Value.elementType)
        let output = Box(shape: pair.target.shape)
        let whole = resampler.resize(source, to: output, cut: [output])
        let windows = pair.windows { $0.votes($1) }
        output.forEachIndex { index in
            #expect(
                whole[index.z, index.y, index.x] == winner(of: source, windows.zip(index) { $0[$1] }),
                "\(type) at \(index)")
        }
        let cut = output.cutAtRandom(4, &random)
        #expect(resampler.resize(source, to: output, cut: cut) == whole, "\(type) cut into \(cut)")
    }

    private func winner<Value: Element & FixedWidthInteger>(of source: Volume<Value>, _ window: ZYX<Window>) -> Value {
        var votes: [Value: Int128] = [:]
        window.forEach { index, weight in votes[source[index.z, index.y, index.x], default: 0] += weight }
        let most = votes.values.max()
        return votes.filter { $0.value == most }.keys.min() ?? 0
    }

    @Test func tiesGoToTheSmallerValueOfSignedTypesToo() throws {
        let line = AxisPair(1, 8, 0, to: (1, 8, 0))
        let pair = GridPair("", line, line, AxisPair(4, 4, 0, to: (2, 8, 0)))
        let resampler = try MajorityResampler(source: pair.source, target: pair.target, elementType: .int8)
        var source = Volume(Box(shape: ZYX(1, 1, 4))) { _ in Int8(0) }
        source.voxels = [3, -1, 5, 2]
        let output = Box(shape: ZYX(1, 1, 2))
        #expect(resampler.resize(source, to: output, cut: [output]).voxels == [-1, 2])
    }

    /// 2 × 2 × 2 blocks of two values, all 256 ways.
    @Test func everyBlockOfTwoValues() throws {
        let side = AxisPair(2, 4, 0, to: (1, 8, 0))
        let pair = GridPair("", side, side, AxisPair(512, 4, 0, to: (256, 8, 0)))
        for type in MeanResamplerTests.integerTypes { try checkBlocks(type, pair) }
    }

    private func checkBlocks<Value: Element & FixedWidthInteger>(_: Value.Type, _ pair: GridPair) throws {
        let source = Volume(Box(shape: pair.source.shape)) { index -> Value in
            let bit = index.z * 4 + index.y * 2 + index.x % 2
            return (index.x / 2) >> bit & 1 == 1 ? 9 : 7
        }
        let resampler = try MajorityResampler(
            source: pair.source, target: pair.target, elementType: Value.elementType)
        let output = Box(shape: pair.target.shape)
        let found = resampler.resize(source, to: output, cut: [output])
        #expect(found.voxels == (0..<256).map { $0.nonzeroBitCount > 4 ? 9 : 7 })
    }

    @Test(arguments: [0, 1, -1])
    func floatNoiseDoesNotFlipTies(ulps: Int) throws {
        // 2 source voxels per target voxel far from the origin: with noise the halves would differ by 1e-12 nm.
        let shape = ZYX(2, 2, 400)
        func noisy(_ value: Double) -> Double { value + Double(ulps) * value.ulp }
        let source = Grid(
            shape: shape, voxelSize: ZYX(repeating: noisy(5.92)), edge: ZYX(0, 0, 25_862.12))
        let target = Grid(
            shape: ZYX(1, 1, 200), voxelSize: ZYX(repeating: 11.840000000000002), edge: ZYX(0, 0, 25_862.12))
        let resampler = try MajorityResampler(source: source, target: target, elementType: .uint16)
        #expect(resampler.sourceBox(for: Box(shape: target.shape)) == Box(shape: shape))
        let volume = Volume(Box(shape: shape)) { UInt16($0.x % 4 == 0 || $0.x % 4 == 3 ? 8 : 300) }
        let output = Box(shape: target.shape)
        let found = resampler.resize(volume, to: output, cut: [output])
        #expect(found.voxels.allSatisfy { $0 == 8 })
        // One voxel's worth of output needs exactly two source voxels per axis.
        let box = Box(start: ZYX(0, 0, 199), stop: ZYX(1, 1, 200))
        #expect(resampler.sourceBox(for: box)?.shape == ZYX(2, 2, 2))
    }

    /// Windows of the same halves left and right, in sizes of six decimal places: volumes need 69 bits. Which half is which does not
    /// matter to a tie.
    @Test(arguments: [0, 1, 2], [false, true])
    func volumesBeyond64BitsAreExact(axis: Int, isMirrored: Bool) throws {
        let line = AxisPair(4, 3.141_701, 0, to: (1, 9.000_402, 1.783_201))
        let pair = GridPair("", line, line, line)
        let volume = Volume(Box(shape: pair.source.shape)) { UInt16(($0[axis] < 2) != isMirrored ? 300 : 4) }
        let resampler = try MajorityResampler(source: pair.source, target: pair.target, elementType: .uint16)
        let output = Box(shape: ZYX(1, 1, 1))
        #expect(resampler.resize(volume, to: output, cut: [output]).voxels == [4])
        var other = volume
        other[1, 1, 1] = 300
        other[2, 2, 2] = 300
        #expect(resampler.resize(other, to: output, cut: [output]).voxels == [300])
        #expect(try !GridOverlap(source: pair.source, target: pair.target).isDecimal)
    }

    /// Sizes that were float32 numbers on their way, as in the attributes of other people's files.
    @Test func narrowedThirdsTieToo() throws {
        let source = Grid(shape: ZYX(1, 1, 999), voxelSize: ZYX(8, 8, 2.6666667), edge: ZYX(0, 0, 4120.3333))
        let target = Grid(shape: ZYX(1, 1, 333), voxelSize: ZYX(8, 8, 8), edge: ZYX(0, 0, 4120.3333))
        let resampler = try MajorityResampler(source: source, target: target, elementType: .uint8)
        let volume = Volume(Box(shape: source.shape)) { UInt8([5, 3, 9][$0.x % 3]) }
        let output = Box(shape: target.shape)
        #expect(resampler.resize(volume, to: output, cut: [output]).voxels.allSatisfy { $0 == 3 })
    }

    @Test func voxelsOfManyUnitsAreRounded() throws {
        // Micrometre voxels whose sizes share no factor but the unit: 3e9 units on each axis.
        let source = Grid(shape: ZYX(3, 3, 3), voxelSize: ZYX(repeating: 999.999_999), edge: ZYX(repeating: 0))
        let target = Grid(
            shape: ZYX(1, 1, 1), voxelSize: ZYX(repeating: 2_999.999_993), edge: ZYX(repeating: 0.000_001))
        let resampler = try MajorityResampler(source: source, target: target, elementType: .uint32)
        var volume = Volume(Box(shape: source.shape)) { UInt32($0.z < 1 ? 4 : 5) }
        volume[2, 0, 0] = 9
        let output = Box(shape: target.shape)
        #expect(resampler.resize(volume, to: output, cut: [output]).voxels == [5])
    }

    @Test func manyDistinctValuesAreCountedWithoutASearch() throws {
        let side = AxisPair(32, 1, 0, to: (1, 32, 0))
        let pair = GridPair("", side, side, side)
        let resampler = try MajorityResampler(source: pair.source, target: pair.target, elementType: .uint64)
        // All values differ, and their low bits do not; then one of them occurs a second time.
        var volume = Volume(Box(shape: pair.source.shape)) { UInt64(($0.z * 32 + $0.y) * 32 + $0.x + 5) << 40 }
        let output = Box(shape: pair.target.shape)
        #expect(resampler.resize(volume, to: output, cut: [output]).voxels == [5 << 40])
        volume[3, 4, 5] = volume[31, 31, 31]
        #expect(resampler.resize(volume, to: output, cut: [output]).voxels == [(32 * 32 * 32 + 4) << 40])
    }
}
