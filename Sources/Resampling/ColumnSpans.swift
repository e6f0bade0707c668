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
    fileprivate let weight: Int

    /// - Parameters:
    ///   - weight: where the weights begin among those of the axis.
    ///   - width: the columns there are.
    fileprivate init(first: Int, weights: ArraySlice<Int64>, weight: Int, width: Int) {
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
        (Int64(votes[0]) &* fourWeights[0] &+ Int64(votes[1]) &* fourWeights[1])
            &+ (Int64(votes[2]) &* fourWeights[2] &+ Int64(votes[3]) &* fourWeights[3])
    }
}

/// The windows along x of a range of output voxels, none of them empty, in memory that loops can read unchecked.
///
/// Columns count from the first one that the range needs.
struct ColumnSpans: ~Copyable {
    /// The number of output voxels.
    let count: Int
    /// Whether every window lies within four columns that exist.
    let fitsFour: Bool
    private let spans: UnsafeMutablePointer<ColumnSpan>
    private let weights: UnsafeMutablePointer<Int64>
    /// How many windows end at or before each column.
    private let finished: UnsafeMutablePointer<Int32>

    /// - Parameter columns: the source columns that `output` needs.
    init(_ axis: AxisWindows, _ output: Range<Int>, _ columns: Range<Int>) {
        count = output.count
        fitsFour = columns.count >= 4 && axis.longestWindow(of: output) <= 4
        spans = .allocate(capacity: output.count)
        finished = .allocate(capacity: columns.count + 1)
        let firstWeight = axis.offsets[output.lowerBound]
        let used = axis.weights[firstWeight..<axis.offsets[output.upperBound]]
        weights = .allocate(capacity: used.count)
        _ = UnsafeMutableBufferPointer(start: weights, count: used.count).initialize(fromContentsOf: used)
        var column = 0
        for (index, x) in output.enumerated() {
            let span = ColumnSpan(
                first: axis.first[x] - columns.lowerBound, weights: axis.weights[axis.offsets[x]..<axis.offsets[x + 1]],
                weight: axis.offsets[x] - firstWeight, width: columns.count)
            (spans + index).initialize(to: span)
            // Ends never descend.
            while column < span.end {
                (finished + column).initialize(to: Int32(index))
                column += 1
            }
        }
        (finished + column).initialize(to: Int32(output.count))
    }

    deinit {
        spans.deallocate()
        weights.deallocate()
        finished.deallocate()
    }

    @inline(__always) subscript(index: Int) -> ColumnSpan { spans[index] }

    /// One weight for each column of the window.
    @inline(__always) func weights(of span: ColumnSpan) -> UnsafePointer<Int64> {
        UnsafePointer(weights + span.weight)
    }

    /// The number of windows that end at or before `column`.
    @inline(__always) func finished(by column: Int) -> Int { Int(finished[column]) }
}
