internal import Geometry

/// Weighted means over boxes of voxels, z first, then y, then x, row by row.
///
/// `Sum` is what sums over z are held in; those over y and x are `Double`.
struct MeanKernel<Value: MeanElement, Sum: MeanAccumulator> {
    let weights: ZYX<MeanWeights>

    /// Computes the voxels of `part`, all of them covered, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        guard let columns = weights.x.windows.sourceRange(for: part.range(2)) else { return }
        let width = columns.count
        let planes = MeanWindows(weights.z, part.range(0))
        let lines = MeanWindows(weights.y, part.range(1))
        let columnSums = ColumnSums(weights.x, part.range(2), columns, isFinite: Value.isInteger)
        // Two rows that have been summed over z, at their y modulo 2.
        // Windows of neighbouring output rows share up to two source rows.
        withUnsafeTemporaryAllocation(of: Sum.self, capacity: 2 * width) { rows in
            guard let base = rows.baseAddress else { return }
            base.initialize(repeating: 0, count: 2 * width)
            for z in part.range(0) {
                let plane = planes[z]
                var held = (-1, -1)
                for y in part.range(1) {
                    let window = lines[y]
                    for index in 0..<window.count {
                        let sourceY = window.first + index
                        let isOdd = sourceY % 2 == 1
                        let row = isOdd ? base + width : base
                        if (isOdd ? held.1 : held.0) != sourceY {
                            sumPlanes(plane, sourceY, columns, source, into: row)
                            if isOdd { held.1 = sourceY } else { held.0 = sourceY }
                        }
                        add(
                            row, times: window.weights[index], to: columnSums.columns, count: width, isFirst: index == 0
                        )
                    }
                    columnSums.sum()
                    divide(
                        columnSums, total: plane.total * window.total,
                        into: output.row(z, y, from: part.start.x))
                }
            }
        }
    }

    /// One source row, summed over the planes of a window.
    @inline(__always)
    private func sumPlanes(
        _ window: MeanWindows.Window, _ y: Int, _ columns: Range<Int>, _ source: SourceVoxels<Value>,
        into row: UnsafeMutablePointer<Sum>
    ) {
        let width = columns.count
        let plane = source.row(window.first, y, from: columns.lowerBound)
        let weight = Sum(window.weights[0])
        var index = 1
        if window.count > 1 {
            let next = source.row(window.first + 1, y, from: columns.lowerBound)
            let nextWeight = Sum(window.weights[1])
            for x in 0..<width { row[x] = Sum.load(plane[x]) * weight + Sum.load(next[x]) * nextWeight }
            index = 2
        } else {
            for x in 0..<width { row[x] = Sum.load(plane[x]) * weight }
        }
        while index < window.count {
            let next = source.row(window.first + index, y, from: columns.lowerBound)
            let nextWeight = Sum(window.weights[index])
            for x in 0..<width { row[x] += Sum.load(next[x]) * nextWeight }
            index += 1
        }
    }

    @inline(__always)
    private func add(
        _ row: UnsafeMutablePointer<Sum>, times weight: Double, to sum: UnsafeMutablePointer<Double>, count: Int,
        isFirst: Bool
    ) {
        if isFirst {
            for x in 0..<count { sum[x] = row[x].double * weight }
        } else {
            for x in 0..<count { sum[x] += row[x].double * weight }
        }
    }

    /// Divides the sums along x by the weights.
    @inline(__always)
    private func divide(_ columns: borrowing ColumnSums, total: Double, into row: OutputRow<Value>) {
        let (sums, totals) = (columns.sums, columns.totals)
        for x in 0..<columns.count { row.store(Value.voxel(sums[x] / (total * totals[x])), at: x) }
    }
}
