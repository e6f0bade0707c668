/// The window of one output voxel along x, in columns of a source box.
struct ColumnSpan {
    let first: Int
    /// The column behind the last.
    let end: Int
    /// The sum of the weights.
    let total: Int64
    /// The first of four columns that hold the window, where ``ColumnSpans/fitsFour`` says that there are such.
    let fourStart: Int
    /// The weights of those four columns, zero outside the window.
    private let fourWeights: SIMD4<Int64>
    /// Where its weights begin among those of ``ColumnSpans``.
    let weight: Int

    /// - Parameters:
    ///   - weight: where the weights begin among those of the axis.
    ///   - width: the columns there are.
    init(first: Int, weights: ArraySlice<Int64>, weight: Int, width: Int) {
        self.first = first
        self.weight = weight
        end = first + weights.count
        total = weights.reduce(0, +)
        fourStart = max(0, min(first, width - 4))
        var fourWeights = SIMD4<Int64>()
        for (column, weight) in zip(first - fourStart..<4, weights) { fourWeights[column] = weight }
        self.fourWeights = fourWeights
    }

    @inline(__always) var count: Int { end &- first }

    /// The sum of the votes of the four columns, each times its weight.
    @inline(__always)
    func weigh(_ votes: SIMD4<UInt32>) -> Int64 {
        weigh(votes[0], votes[1], votes[2], votes[3])
    }

    @inline(__always)
    func weigh(_ votes: UnsafePointer<UInt32>) -> Int64 { weigh(votes[0], votes[1], votes[2], votes[3]) }

    @inline(__always)
    private func weigh(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> Int64 {
        (Int64(a) &* fourWeights[0] &+ Int64(b) &* fourWeights[1])
            &+ (Int64(c) &* fourWeights[2] &+ Int64(d) &* fourWeights[3])
    }
}
