internal import Geometry

/// Means over whole blocks of a power of two of equally weighted voxels, in integers: exactly what ``MeanKernel`` gives.
struct BlockMeanKernel<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable, Sum: FixedWidthInteger> {
    let windows: GridWindows
    let step: ZYX<Int>
    /// log2 of the voxels of a block.
    let shift: Int

    /// nil where the blocks are not of a power of two, or their sums do not fit.
    init?(windows: GridWindows) {
        step = windows.step
        let voxels = step.product
        let room = Sum.bitWidth - Value.bitWidth
        guard voxels > 1, voxels & (voxels - 1) == 0, voxels.trailingZeroBitCount < room else { return nil }
        self.windows = windows
        shift = voxels.trailingZeroBitCount
    }

    /// Computes the voxels of `part`, all of them regular, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        let width = part.shape.x * step.x
        let firstColumn = windows.axes.x.first[part.start.x]
        withUnsafeTemporaryAllocation(of: Sum.self, capacity: width) { sums in
            guard let sum = sums.baseAddress else { return }
            sum.initialize(repeating: 0, count: width)
            for z in part.range(0) {
                for y in part.range(1) {
                    sumRows(windows.axes.z.first[z], windows.axes.y.first[y], firstColumn, width, source, into: sum)
                    let row = output.row(z, y, from: part.start.x)
                    switch step.x {
                    case 1: for x in 0..<width { row.store(mean(sum[x]), at: x) }
                    case 2: for x in 0..<width / 2 { row.store(mean(sum[2 &* x] &+ sum[2 &* x &+ 1]), at: x) }
                    default:
                        for x in 0..<part.shape.x {
                            var block: Sum = 0
                            for index in x * step.x..<(x + 1) * step.x { block &+= sum[index] }
                            row.store(mean(block), at: x)
                        }
                    }
                }
            }
        }
    }

    /// Rounded to nearest, ties to even.
    @inline(__always)
    private func mean(_ sum: Sum) -> Value {
        let half = (Sum(1) &<< Sum(truncatingIfNeeded: shift &- 1)) &- 1
        let isOdd = (sum &>> Sum(truncatingIfNeeded: shift)) & 1
        return Value(truncatingIfNeeded: (sum &+ half &+ isOdd) &>> Sum(truncatingIfNeeded: shift))
    }

    @inline(__always)
    private func sumRows(
        _ z: Int, _ y: Int, _ x: Int, _ width: Int, _ source: SourceVoxels<Value>, into sum: UnsafeMutablePointer<Sum>
    ) {
        if step.z == 2, step.y == 2 {
            let (a, b) = (source.row(z, y, from: x), source.row(z, y + 1, from: x))
            let (c, d) = (source.row(z + 1, y, from: x), source.row(z + 1, y + 1, from: x))
            for x in 0..<width {
                sum[x] =
                    Sum(truncatingIfNeeded: a[x]) &+ Sum(truncatingIfNeeded: b[x]) &+ Sum(truncatingIfNeeded: c[x])
                    &+ Sum(truncatingIfNeeded: d[x])
            }
            return
        }
        for index in 0..<step.z * step.y {
            let row = source.row(z + index / step.y, y + index % step.y, from: x)
            if index == 0 {
                for x in 0..<width { sum[x] = Sum(truncatingIfNeeded: row[x]) }
            } else {
                for x in 0..<width { sum[x] &+= Sum(truncatingIfNeeded: row[x]) }
            }
        }
    }
}
