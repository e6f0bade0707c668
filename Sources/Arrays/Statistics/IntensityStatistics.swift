internal import Elements
public import JSONText

/// Statistics of the voxels of raw data, of one dataset or of those of several files together.
///
/// All is exact for types up to 16 bits. For the wider ones `percentiles` and `histogram` come from bins: a percentile is off by 0.1 % at most (``ValueBins``).
/// Infinity and NaN have no part in the range, the percentiles and the histogram; mean and standard deviation are null beside them.
public struct IntensityStatistics: Sendable {
    /// A value that occurs, and how often.
    public struct Value: Sendable {
        public var value: Double
        public var count: Int
    }

    /// nil where the files have several.
    private let type: ElementType?
    /// Whether the values are those of the voxels, and not those that stand for bins.
    private let isExact: Bool
    /// The finite ones, by their order.
    private let values: [Value]
    private let moments: IntensityMoments

    static let percentiles = ["0.1", "1", "5", "25", "50", "75", "95", "99", "99.9"]

    /// - Parameter moments: what was merged in the order of the chunks; not looked at for types up to 16 bits.
    public init(_ counts: ValueCounts, _ moments: IntensityMoments) { self.init([(counts, moments)]) }

    /// Of several files, in this order.
    public init(_ parts: [(counts: ValueCounts, moments: IntensityMoments)]) {
        var counts: [ValueCounts] = []
        var moments = IntensityMoments()
        for part in parts {
            if let index = counts.firstIndex(where: { $0.bins == part.counts.bins }) {
                counts[index].merge(part.counts)
            } else {
                counts.append(part.counts)
            }
            let isExact = part.counts.bins.isExact
            moments.merge(
                isExact ? IntensityMoments(Self.values(part.counts), count: part.counts.voxels) : part.moments)
        }
        isExact = counts.allSatisfy(\.bins.isExact)
        type = counts.count == 1 ? counts[0].bins.type : nil
        let found = Self.sorted(counts.flatMap(Self.values))
        // What stands for a bin may lie beyond the numbers in it.
        let (low, high) = (moments.low, moments.high)
        values = isExact ? found : found.map { Value(value: max(low, min(high, $0.value)), count: $0.count) }
        self.moments =
            isExact ? IntensityMoments(values, count: counts.reduce(0) { $0 + $1.voxels }) : moments
    }

    private static func values(_ counts: ValueCounts) -> [Value] {
        let bins = counts.bins
        return sorted(
            counts.counted.compactMap { bin in
                bins.value(ofRank: bin.rank).map { Value(value: $0, count: bin.count) }
            })
    }

    /// By their order, each once.
    private static func sorted(_ values: [Value]) -> [Value] {
        var sorted: [Value] = []
        sorted.reserveCapacity(values.count)
        for value in values.sorted(by: { $0.value < $1.value }) {
            if let last = sorted.indices.last, sorted[last].value == value.value {
                sorted[last].count += value.count
            } else {
                sorted.append(value)
            }
        }
        return sorted
    }

    // MARK: JSON

    /// Numbers that are no finite ones are null.
    public var json: [String: JSONValue] {
        let isEmpty = values.isEmpty
        var percentiles: [String: JSONValue] = [:]
        let ends = Self.ends(values)
        for name in Self.percentiles {
            percentiles[name] = Self.number(isEmpty ? .nan : percentile(Double(name) ?? 0, ends))
        }
        let commonest = isExact ? values.map(\.count).max() : nil
        return [
            "min": Self.number(isEmpty ? .nan : moments.low), "max": Self.number(isEmpty ? .nan : moments.high),
            "mean": Self.number(moments.mean), "std": Self.number(moments.deviation),
            "percentiles": .object(percentiles), "histogram": histogram,
            "constant_fraction": Self.number(commonest.map { Double($0) / Double(moments.count) } ?? .nan),
        ]
    }

    private static func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }

    /// How many voxels there are up to each value.
    private static func ends(_ values: [Value]) -> [Int] {
        var (ends, sum): ([Int], Int) = ([], 0)
        for value in values {
            sum += value.count
            ends.append(sum)
        }
        return ends
    }

    /// As `numpy.percentile` has it: linear between the two voxels beside the place.
    private func percentile(_ percent: Double, _ ends: [Int]) -> Double {
        let last = ends[ends.count - 1] - 1
        let place = Double(last) * (percent / 100)
        let below = min(last, Int(place))
        let (low, high) = (value(at: below, ends), value(at: min(last, below + 1), ends))
        let part = place - Double(below)
        // The nearer of the two is where it starts from.
        return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part)
    }

    /// The value of a voxel by its number in the order of the values.
    private func value(at number: Int, _ ends: [Int]) -> Double {
        var (low, high) = (0, ends.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] > number { high = middle } else { low = middle + 1 }
        }
        return values[low].value
    }

    // MARK: Histogram

    /// 256 counts by the rule of `numpy.histogram`: all bins are half open but the last. Types of 8 bits have a bin for each value.
    private var histogram: JSONValue {
        let (low, high): (Double, Double) =
            switch type {
            case .bool, .uint8: (0, 255)
            case .int8: (-128, 127)
            default: (moments.low, moments.high)
            }
        guard low <= high else {
            return ["low": .null, "high": .null, "counts": .array(Array(repeating: 0, count: Self.binCount))]
        }
        var counts = Array(repeating: 0, count: Self.binCount)
        for value in values { counts[Self.bin(of: value.value, low, high)] += value.count }
        return ["low": .number(low), "high": .number(high), "counts": .array(counts.map { .integer($0) })]
    }

    private static let binCount = 256

    private static func bin(of value: Double, _ low: Double, _ high: Double) -> Int {
        // One value alone lies in the middle.
        var (low, high, value) = low < high ? (low, high, value) : (low - 0.5, high + 0.5, value)
        if (high - low).isInfinite { (low, high, value) = (low / 2, high / 2, value / 2) }
        guard low < high else { return binCount / 2 }
        let step = (high - low) / Double(binCount)
        let place = (value - low) / (high - low) * Double(binCount)
        let bin = min(binCount - 1, max(0, Int(place)))
        // Near an edge the quotient may be off by a last digit: the edges decide.
        if value < low + Double(bin) * step { return max(0, bin - 1) }
        if bin < binCount - 1, value >= low + Double(bin + 1) * step { return bin + 1 }
        return bin
    }
}
