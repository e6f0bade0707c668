public import Elements

/// Number, range, sum and spread of some voxels. The moments of chunks are merged in the order of the chunks, so that the result does not depend on the threads.
public struct IntensityMoments: Sendable, Equatable {
    private(set) var count = 0
    /// Of the finite numbers.
    private(set) var low = Double.infinity
    private(set) var high = -Double.infinity
    private var sum = 0.0
    /// Of the squares of the distances from the mean.
    private var squares = 0.0

    public init() {}

    /// Of a chunk. The mean is computed first, then the distances from it, so that no digits cancel out.
    public init<Value: Element>(_ voxels: UnsafeBufferPointer<Value>) {
        guard !voxels.isEmpty else { return }
        count = voxels.count
        // Several sums at a time, because each addition to one sum waits for the last.
        var sums = SIMD4<Double>()
        var (low, high) = (low, high)
        let whole = voxels.count & ~3
        for index in stride(from: 0, to: whole, by: 4) {
            sums += Self.four(voxels, index)
        }
        for index in whole..<voxels.count { sums[0] += voxels[index].asDouble }
        for value in voxels {
            let number = value.asDouble
            let isFinite = number.magnitude < .infinity
            low = isFinite && number < low ? number : low
            high = isFinite && number > high ? number : high
        }
        (self.low, self.high, sum) = (low, high, sums.sum())
        let mean = SIMD4(repeating: sum / Double(count))
        var squares = SIMD4<Double>()
        for index in stride(from: 0, to: whole, by: 4) {
            let distances = Self.four(voxels, index) - mean
            squares += distances * distances
        }
        for index in whole..<voxels.count {
            let distance = voxels[index].asDouble - mean[0]
            squares[0] += distance * distance
        }
        self.squares = squares.sum()
    }

    @inline(__always)
    private static func four<Value: Element>(_ voxels: UnsafeBufferPointer<Value>, _ index: Int) -> SIMD4<Double> {
        SIMD4(
            voxels[index].asDouble, voxels[index &+ 1].asDouble, voxels[index &+ 2].asDouble,
            voxels[index &+ 3].asDouble)
    }

    /// Of voxels whose values are all known.
    ///
    /// - Parameters:
    ///   - values: by their order.
    ///   - count: with those that are not finite: where there are any, the mean is no number.
    public init(_ values: [IntensityStatistics.Value], count: Int) {
        self.count = count
        guard let first = values.first, let last = values.last else {
            if count > 0 { (sum, squares) = (.nan, .nan) }
            return
        }
        (low, high) = (first.value, last.value)
        guard values.reduce(0, { $0 + $1.count }) == count else {
            (sum, squares) = (.nan, .nan)
            return
        }
        // Exact for whole numbers, below 2^53.
        sum = values.reduce(0.0) { $0 + $1.value * Double($1.count) }
        let mean = sum / Double(count)
        squares = values.reduce(0.0) { sum, value in
            let distance = value.value - mean
            return sum + distance * distance * Double(value.count)
        }
    }

    /// From the values in a file.
    public init(count: Int, low: Double, high: Double, mean: Double, deviation: Double) {
        (self.count, self.low, self.high) = (count, low, high)
        sum = mean * Double(count)
        squares = deviation * deviation * Double(count)
    }

    public mutating func merge(_ other: IntensityMoments) {
        guard other.count > 0 else { return }
        guard count > 0 else {
            self = other
            return
        }
        let (own, others) = (Double(count), Double(other.count))
        let distance = other.mean - mean
        squares += other.squares + distance * distance * (own / (own + others)) * others
        sum += other.sum
        count += other.count
        low = min(low, other.low)
        high = max(high, other.high)
    }

    /// The moments of the same voxels, so many times.
    public func repeated(_ times: Int) -> IntensityMoments {
        if times == 1 { return self }
        // The result is that of a sum, which has more roundings than a product. Up to 53 bits neither has any.
        guard sum.significandWidth + (Int.bitWidth - times.leadingZeroBitCount) < 53 else {
            return Array(repeating: sum, count: times).withUnsafeBufferPointer { IntensityMoments($0) }
        }
        var result = self
        result.count *= times
        result.sum *= Double(times)
        result.squares *= Double(times)
        return result
    }

    public var mean: Double { sum / Double(count) }
    /// Of the voxels as a whole population, as numpy's `std`.
    public var deviation: Double { (squares / Double(count)).squareRoot() }
}
