import Elements
import JSONText
import Testing

@testable import Arrays

/// The statistics of raw data against all voxels sorted, which is how numpy does it.
@Suite struct IntensityStatisticsTests {
    private static let exactTypes: [ElementType] = [.bool, .uint8, .int8, .uint16, .int16, .float16]
    private static let wideTypes: [ElementType] = [.uint32, .int32, .uint64, .int64, .float32, .float64]

    /// Voxels, and the numbers that they are.
    private struct Voxels {
        var bytes: [UInt8] = []
        var numbers: [Double] = []
        let type: ElementType

        init(_ type: ElementType) { self.type = type }

        mutating func append<Value: Element>(_ value: Value) {
            numbers.append(value.asDouble)
            withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        }

        /// The nearest value that the type has.
        mutating func append(number: Double) {
            switch type {
            case .bool, .uint8: append(UInt8.nearest(to: number))
            case .int8: append(Int8.nearest(to: number))
            case .uint16: append(UInt16.nearest(to: number))
            case .int16: append(Int16.nearest(to: number))
            case .uint32: append(UInt32.nearest(to: number))
            case .int32: append(Int32.nearest(to: number))
            case .uint64: append(UInt64.nearest(to: number))
            case .int64: append(Int64.nearest(to: number))
            case .float16: append(Float16.nearest(to: number))
            case .float32: append(Float.nearest(to: number))
            case .float64: append(Double.nearest(to: number))
            }
        }
    }

    private struct Random {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 11
        }
        /// From 0 to 1.
        mutating func unit() -> Double { Double(next()) / Double(1 << 53) }
    }

    /// Some values over the whole range of the type, or few about its middle with many zeros, or numbers of all sizes.
    private func voxels(_ type: ElementType, count: Int, spread: Int) -> Voxels {
        var (random, voxels) = (Random(state: UInt64(count + spread)), Voxels(type))
        let isSigned = !type.isUnsigned
        for _ in 0..<count {
            let unit = random.unit()
            let number: Double
            switch spread {
            case 0: number = unit < 0.3 ? 0 : (random.unit() * 90).rounded() + (isSigned ? -40 : 3)
            case 1:
                let end = type.isFloat ? 60_000 : Double(sign: .plus, exponent: 8 * type.byteCount, significand: 1)
                number = isSigned ? (unit - 0.5) * end : unit * end
            default:
                let size = Double(
                    sign: .plus, exponent: Int(random.unit() * 27) - (type.isFloat ? 12 : 0), significand: 1)
                number = (isSigned && unit < 0.4 ? -1 : 1) * size * (1 + random.unit())
            }
            voxels.append(number: number)
        }
        return voxels
    }

    /// As a file's chunks of some bytes are measured, on several threads.
    private func measured(_ voxels: Voxels, chunkBytes: Int) async -> (counts: ValueCounts, moments: IntensityMoments) {
        let counter = IntensityCounter(voxels.type)
        let parts = stride(from: 0, to: voxels.bytes.count, by: chunkBytes).map {
            Array(voxels.bytes[$0..<min($0 + chunkBytes, voxels.bytes.count)])
        }
        let moments = await withTaskGroup(of: (Int, IntensityMoments).self) { group in
            for (number, part) in parts.enumerated() {
                group.addTask { (number, counter.measure(ByteBuffer(part))) }
            }
            var found: [Int: IntensityMoments] = [:]
            for await (number, part) in group { found[number] = part }
            return found.sorted { $0.key < $1.key }.map(\.value)
        }
        var total = IntensityMoments()
        for part in moments { total.merge(part) }
        return (counter.counts(), total)
    }

    private func json(_ voxels: Voxels, chunkBytes: Int = 4096) async -> [String: JSONValue] {
        let found = await measured(voxels, chunkBytes: chunkBytes)
        return IntensityStatistics(found.counts, found.moments).json
    }

    private func isNear(_ found: JSONValue?, _ expected: Double, _ relative: Double) -> Bool {
        guard let found = found?.double else { return false }
        return abs(found - expected) <= relative * max(abs(expected), 1e-300)
    }

    // MARK: References

    private func percentile(_ percent: Double, _ sorted: [Double]) -> (value: Double, size: Double) {
        let place = percent / 100 * Double(sorted.count - 1)
        let low = sorted[Int(place.rounded(.down))]
        let high = sorted[Int(place.rounded(.up))]
        return (low + (high - low) * (place - place.rounded(.down)), max(abs(low), abs(high)))
    }

    private func histogram(_ numbers: [Double], _ low: Double, _ high: Double) -> [Int] {
        var counts = Array(repeating: 0, count: 256)
        let (first, last) = low < high ? (low, high) : (low - 0.5, high + 0.5)
        for number in numbers {
            var bin = 0
            while bin < 255, first + Double(bin + 1) * ((last - first) / 256) <= number { bin += 1 }
            counts[bin] += 1
        }
        return counts
    }

    private func deviation(_ numbers: [Double]) -> Double {
        let mean = numbers.reduce(0, +) / Double(numbers.count)
        return (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)).squareRoot()
    }

    private func check(_ found: [String: JSONValue], _ voxels: Voxels, error: Double) throws {
        let (numbers, type) = (voxels.numbers, voxels.type)
        let sorted = numbers.sorted()
        let (first, last) = (try #require(sorted.first), try #require(sorted.last))
        #expect(found["min"]?.double == first)
        #expect(found["max"]?.double == last)
        let size = max(abs(first), abs(last))
        #expect(abs((found["mean"]?.double ?? .nan) - numbers.reduce(0, +) / Double(numbers.count)) <= 1e-12 * size)
        #expect(abs((found["std"]?.double ?? .nan) - deviation(numbers)) <= 1e-12 * size)
        let percentiles = try #require(found["percentiles"]?.object)
        #expect(Set(percentiles.keys) == ["0.1", "1", "5", "25", "50", "75", "95", "99", "99.9"])
        for (name, value) in percentiles {
            let expected = percentile(try #require(Double(name)), sorted)
            let distance = abs((value.double ?? .nan) - expected.value)
            #expect(distance <= max(error, 1e-14) * expected.size, "\(name): \(value), expected \(expected.value)")
        }
        let counts = try #require(found["histogram"]?["counts"]?.array).compactMap(\.integer)
        #expect(counts.count == 256 && counts.reduce(0, +) == numbers.count)
        let ends: (Double, Double) =
            switch type {
            case .bool, .uint8: (0, 255)
            case .int8: (-128, 127)
            default: (first, last)
            }
        #expect(found["histogram"]?["low"]?.double == ends.0 && found["histogram"]?["high"]?.double == ends.1)
        let share = found["constant_fraction"]
        if error == 0 {
            #expect(counts == histogram(numbers, ends.0, ends.1))
            var commonest = 0
            for same in Dictionary(grouping: numbers, by: { $0 }).values { commonest = max(commonest, same.count) }
            #expect(isNear(share, Double(commonest) / Double(numbers.count), 1e-15))
        } else {
            #expect(share == .null)
        }
    }

    // MARK: All types

    @Test(arguments: exactTypes, [(1, 0), (2, 1), (7, 1), (1001, 0), (4099, 1), (6007, 2)])
    func exactTo16Bits(type: ElementType, shape: (count: Int, spread: Int)) async throws {
        let voxels = voxels(type, count: shape.count, spread: shape.spread)
        for chunkBytes in [64, 1022] { try check(await json(voxels, chunkBytes: chunkBytes), voxels, error: 0) }
    }

    @Test(arguments: wideTypes, [(1, 0), (2, 1), (7, 1), (1001, 0), (4099, 1), (6007, 2)])
    func withinTheBoundBeyond(type: ElementType, shape: (count: Int, spread: Int)) async throws {
        let voxels = voxels(type, count: shape.count, spread: shape.spread)
        for chunkBytes in [64, 1000] { try check(await json(voxels, chunkBytes: chunkBytes), voxels, error: 1e-3) }
    }

    /// Small whole numbers have a bin each in the wide types, too.
    @Test(arguments: [ElementType.uint32, .int32, .uint64, .int64]) func smallWholeNumbersAreExact(type: ElementType)
        async throws
    {
        let voxels = voxels(type, count: 3001, spread: 0)
        let found = await json(voxels)
        for (name, value) in try #require(found["percentiles"]?.object) {
            #expect(isNear(value, percentile(Double(name) ?? 0, voxels.numbers.sorted()).value, 1e-14))
        }
    }

    @Test func everyValueOf16BitsHasItsBin() throws {
        for type in Self.exactTypes {
            let bins = ValueBins(type)
            let values = (0..<bins.count).compactMap(bins.value(ofRank:))
            #expect(zip(values, values.dropFirst()).allSatisfy(<=), "\(type)")
            // Both zeros of a float are the same.
            #expect(Set(values).count == values.count - (type == .float16 ? 1 : 0))
            #expect(Set((0..<bins.count).map(bins.pattern(ofRank:))).count == bins.count)
        }
    }

    /// Over all sizes: a number's bin stands for a number that is near.
    @Test(arguments: [ElementType.int64, .float32, .float64]) func binsAreNear(type: ElementType) {
        let bins = ValueBins(type)
        var random = Random(state: 3)
        for _ in 0..<20_000 {
            let exponent = type == .int64 ? Int(random.unit() * 62) : Int(random.unit() * 250) - 125
            var number =
                (random.unit() < 0.5 ? -1 : 1) * Double(sign: .plus, exponent: exponent, significand: 1 + random.unit())
            if type == .int64 { number.round() }
            let rank = ValueBins.wideRank(of: number)
            let value = bins.value(ofRank: rank) ?? .nan
            #expect(abs(value - number) <= 1e-3 * abs(number), "\(number): \(value)")
            #expect(ValueBins.wideRank(of: number.nextUp) >= rank)
        }
        for number in [0, -0.0] { #expect(bins.value(ofRank: ValueBins.wideRank(of: number)) == 0) }
        for number in [Double.nan, .infinity, -.infinity] {
            #expect(bins.value(ofRank: ValueBins.wideRank(of: number)) == nil)
        }
        if type == .float64 {
            for number in [1e300, -1e300] {
                let value = bins.value(ofRank: ValueBins.wideRank(of: number)) ?? 0
                #expect(abs(value / number) < 1 && value / number > 0)
            }
        }
    }

    // MARK: Special voxels

    @Test(arguments: exactTypes + wideTypes) func constantData(type: ElementType) async throws {
        var voxels = Voxels(type)
        for _ in 0..<1003 { voxels.append(number: 77) }
        let found = await json(voxels)
        for key in ["min", "max", "mean"] { #expect(found[key] == 77 || found[key]?.double == 77) }
        #expect(found["std"]?.double == 0)
        #expect(try #require(found["percentiles"]?.object).values.allSatisfy { $0.double == 77 })
        let isByte = type.byteCount == 1
        let bin = type == .int8 ? 77 + 128 : isByte ? 77 : 128
        #expect(found["histogram"]?["counts"]?[bin]?.integer == 1003)
        #expect(found["constant_fraction"]?.double == (type.byteCount > 2 ? nil : 1))
    }

    @Test(arguments: exactTypes + wideTypes) func noVoxels(type: ElementType) async {
        let found = await json(Voxels(type))
        for key in ["min", "max", "mean", "std", "constant_fraction"] { #expect(found[key] == .null) }
        #expect(found["percentiles"]?["50"] == .null)
        #expect(found["histogram"]?["counts"]?.array == Array(repeating: 0, count: 256))
    }

    @Test(arguments: [ElementType.float16, .float32, .float64]) func nothingButNaN(type: ElementType) async throws {
        var voxels = Voxels(type)
        for _ in 0..<9 { voxels.append(number: .nan) }
        let found = await json(voxels)
        for key in ["min", "max", "mean", "std", "constant_fraction"] { #expect(found[key] == .null) }
        #expect(found["percentiles"]?["99.9"] == .null && found["histogram"]?["low"] == .null)
        // A record can hold it.
        _ = try JSONFile.encode(JSONValue.object(found))
    }

    /// Percentiles and range are those of the numbers beside them.
    @Test(arguments: [ElementType.float16, .float32, .float64], [Double.nan, .infinity, -.infinity])
    func whatIsNotFiniteHasNoPart(type: ElementType, odd: Double) async throws {
        var voxels = Voxels(type)
        for number in [odd, 4, 1, 2, 3, odd, odd, odd, odd, 0, 0] { voxels.append(number: number) }
        let found = await json(voxels, chunkBytes: 3 * type.byteCount)
        #expect(found["min"]?.double == 0 && found["max"]?.double == 4)
        #expect(found["mean"] == .null && found["std"] == .null)
        #expect(isNear(found["percentiles"]?["50"], 1.5, 1e-3))
        #expect(found["histogram"]?["counts"]?.array?.compactMap(\.integer).reduce(0, +) == 6)
        #expect(found["constant_fraction"]?.double == (type == .float16 ? 2.0 / 11 : nil))
        _ = try JSONFile.encode(JSONValue.object(found))
    }

    /// One voxel of a chunk that is not stored stands for all of them.
    @Test(arguments: exactTypes + wideTypes, [9, 0.1, 1e17 / 3])
    func oneVoxelStandsForMany(type: ElementType, number: Double) async {
        var (one, many) = (Voxels(type), Voxels(type))
        one.append(number: number)
        for _ in 0..<1000 { many.append(number: number) }
        let rest = ByteBuffer(voxels(type, count: 50, spread: 0).bytes)
        let found = [(one, 1000), (many, 1)].map { voxels, times in
            let counter = IntensityCounter(type)
            var moments = IntensityMoments()
            for part in [(rest, 1), (ByteBuffer(voxels.bytes), times), (rest, 1)] {
                moments.merge(counter.measure(part.0, times: part.1))
            }
            return (counter.counts(), IntensityStatistics(counter.counts(), moments).json)
        }
        #expect(found[0].0 == found[1].0 && found[0].0.voxels == 1100)
        #expect(found[0].1 == found[1].1)
    }

    // MARK: Several files

    @Test(arguments: exactTypes + wideTypes) func filesTogetherAreAsOne(type: ElementType) async throws {
        let spreads = [voxels(type, count: 701, spread: 0), voxels(type, count: 900, spread: 2), Voxels(type)]
        var all = Voxels(type)
        var parts: [(counts: ValueCounts, moments: IntensityMoments)] = []
        for voxels in spreads {
            all.bytes += voxels.bytes
            all.numbers += voxels.numbers
            let found = await measured(voxels, chunkBytes: 512)
            let counts = try #require(ValueCounts(type, text: found.counts.text))
            #expect(counts == found.counts)
            parts.append((counts, found.moments))
        }
        try check(IntensityStatistics(parts).json, all, error: type.byteCount > 2 ? 1e-3 : 0)
    }

    @Test func filesOfTwoTypesHaveWhatTheyHaveInCommon() async throws {
        let (bytes, pairs) = (voxels(.uint8, count: 100, spread: 0), voxels(.int16, count: 300, spread: 1))
        var all = Voxels(.int16)
        all.numbers = bytes.numbers + pairs.numbers
        let parts = [await measured(bytes, chunkBytes: 64), await measured(pairs, chunkBytes: 64)]
        try check(IntensityStatistics(parts).json, all, error: 0)
    }

    /// All values that 16 bits have take less than 400 KB.
    @Test func aTextIsShort() {
        let all = ValueCounts(.uint16, (0..<65536).map { ValueCounts.Bin(rank: $0, count: 1_000_000 + $0) })
        #expect(all.text.utf8.count < 400_000)
        #expect(ValueCounts(.uint16, text: all.text) == all)
    }

    /// A record is a text that anybody may have written.
    @Test(arguments: [
        "?", "A", "AA==", "AAA=", "/w==", "AQEAAQ==", "////////////////AQ==", "AP///////////w8=", "gAIB",
        "AP////////8BAf////////8B",
    ])
    func badTextsAreRefused(text: String) { #expect(ValueCounts(.uint8, text: text) == nil) }

    @Test func goodTextsAreRead() {
        #expect(ValueCounts(.uint8, text: "")?.voxels == 0)
        #expect(ValueCounts(.uint8, text: "AAE=")?.counted == [ValueCounts.Bin(rank: 0, count: 1)])
        #expect(ValueCounts(.uint8, text: "/wEB")?.counted == [ValueCounts.Bin(rank: 255, count: 1)])
    }
}
