/// The weighted sums along x of one row of source columns, for a range of output voxels.
struct ColumnSums: ~Copyable {
    /// The number of output voxels.
    let count: Int
    /// The source columns, to be filled before ``sum()``.
    let columns: UnsafeMutablePointer<Double>
    /// The sums of the output voxels.
    let sums: UnsafeMutablePointer<Double>
    /// The sums of the weights of the output voxels.
    let totals: UnsafeMutablePointer<Double>

    /// The windows of two neighbours, of up to four columns each.
    private struct Pair {
        var left: UnsafeRawPointer
        var right: UnsafeRawPointer
        /// By column, the weight on the left and the one on the right: zero behind the last column of a window.
        var weights = (SIMD2<Double>(), SIMD2<Double>(), SIMD2<Double>(), SIMD2<Double>())

        /// Without any weight yet.
        init(_ columns: UnsafePointer<Double>) {
            left = UnsafeRawPointer(columns)
            right = left
        }

        mutating func set(_ side: Int, columns: UnsafePointer<Double>, weights window: UnsafeBufferPointer<Double>) {
            if side == 0 { left = UnsafeRawPointer(columns) } else { right = UnsafeRawPointer(columns) }
            let four = SIMD4<Double>()
            let padded = zip(0..<4, window).reduce(into: four) { $0[$1.0] = $1.1 }
            weights.0[side] = padded[0]
            weights.1[side] = padded[1]
            weights.2[side] = padded[2]
            weights.3[side] = padded[3]
        }
    }

    private let windows: MeanWindows
    private let output: Range<Int>
    private let firstColumn: Int
    /// nil where windows are longer, or columns may hold something that is not zero when it is multiplied by zero.
    private let pairs: UnsafeMutablePointer<Pair>?

    /// - Parameters:
    ///   - output: output voxels, none of them without a window.
    ///   - columns: the source columns that `output` needs.
    ///   - isFinite: whether no column is ever infinite or not a number.
    init(_ axis: MeanWeights, _ output: Range<Int>, _ columns: Range<Int>, isFinite: Bool) {
        self.output = output
        count = output.count
        firstColumn = columns.lowerBound
        windows = MeanWindows(axis, output)
        // Room for four columns from the last one on, and for a pair of output voxels.
        self.columns = .allocate(capacity: columns.count + 3)
        self.columns.initialize(repeating: 0, count: columns.count + 3)
        sums = .allocate(capacity: output.count + 1)
        sums.initialize(repeating: 0, count: output.count + 1)
        totals = .allocate(capacity: output.count)
        let fitsFour = isFinite && axis.windows.longestWindow(of: output) <= 4
        let pairCount = (output.count + 1) / 2
        pairs = fitsFour ? .allocate(capacity: pairCount) : nil
        pairs?.initialize(repeating: Pair(self.columns), count: pairCount)
        for (index, x) in output.enumerated() {
            let window = windows[x]
            (totals + index).initialize(to: window.total)
            pairs?[index / 2].set(
                index % 2, columns: self.columns + (window.first - firstColumn),
                weights: UnsafeBufferPointer(start: window.weights, count: window.count))
        }
    }

    deinit {
        columns.deallocate()
        sums.deallocate()
        totals.deallocate()
        pairs?.deallocate()
    }

    /// Sums the columns of each window, from the first to the last.
    @inline(__always)
    func sum() {
        if let pairs { return sumPairs(pairs) }
        for x in output {
            let window = windows[x]
            let voxels = columns + (window.first &- firstColumn)
            var sum = voxels[0] * window.weights[0]
            var index = 1
            while index < window.count {
                sum += voxels[index] * window.weights[index]
                index &+= 1
            }
            sums[x &- output.lowerBound] = sum
        }
    }

    /// Zeros are added after the last column of a window, which changes nothing.
    @inline(__always)
    private func sumPairs(_ pairs: UnsafeMutablePointer<Pair>) {
        for index in 0..<(count &+ 1) / 2 {
            let pair = pairs[index]
            let lowLeft = pair.left.loadUnaligned(as: SIMD2<Double>.self)
            let lowRight = pair.right.loadUnaligned(as: SIMD2<Double>.self)
            let highLeft = pair.left.loadUnaligned(fromByteOffset: 16, as: SIMD2<Double>.self)
            let highRight = pair.right.loadUnaligned(fromByteOffset: 16, as: SIMD2<Double>.self)
            var sum = SIMD2(lowLeft[0], lowRight[0]) * pair.weights.0
            sum += SIMD2(lowLeft[1], lowRight[1]) * pair.weights.1
            sum += SIMD2(highLeft[0], highRight[0]) * pair.weights.2
            sum += SIMD2(highLeft[1], highRight[1]) * pair.weights.3
            UnsafeMutableRawPointer(sums + 2 &* index).storeBytes(of: sum, as: SIMD2<Double>.self)
        }
    }
}
