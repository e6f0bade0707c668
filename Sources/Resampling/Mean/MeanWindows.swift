/// The windows and weights of a range of output voxels of one axis, in memory that loops read without counting references
/// or checking bounds: arrays would make threads wait for one another's reference counts.
struct MeanWindows: ~Copyable {
    /// What one output voxel takes: `count` source voxels from `first` on.
    struct Window {
        let first: Int
        let count: Int
        let weights: UnsafePointer<Double>
        /// The sum of the weights.
        let total: Double
    }

    /// The number of output voxels.
    let count: Int
    private let start: Int
    private let windows: UnsafeMutablePointer<Window>
    private let weights: UnsafeMutablePointer<Double>

    /// - Parameter output: output voxels, none of them without a window.
    init(_ axis: MeanWeights, _ output: Range<Int>) {
        count = output.count
        start = output.lowerBound
        let offsets = axis.windows.offsets
        let used = axis.weights[offsets[output.lowerBound]..<offsets[output.upperBound]]
        weights = .allocate(capacity: used.count)
        _ = UnsafeMutableBufferPointer(start: weights, count: used.count).initialize(fromContentsOf: used)
        windows = .allocate(capacity: output.count)
        for x in output {
            (windows + (x - start)).initialize(
                to: Window(
                    first: axis.windows.first[x], count: offsets[x + 1] - offsets[x],
                    weights: weights + (offsets[x] - used.startIndex), total: axis.totals[x]))
        }
    }

    deinit {
        windows.deallocate()
        weights.deallocate()
    }

    /// The window of an output voxel of the range.
    @inline(__always) subscript(output: Int) -> Window { windows[output &- start] }
}
