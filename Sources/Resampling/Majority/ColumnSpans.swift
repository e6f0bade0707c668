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
