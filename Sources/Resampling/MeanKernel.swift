internal import Geometry

/// Weighted means over boxes of voxels, z first, then y, then x, row by row.
struct MeanKernel<Value: MeanElement, Sum: MeanAccumulator> {
    let weights: ZYX<MeanWeights>

    /// Computes the voxels of `part`, all of them covered, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        guard let columns = weights.x.windows.sourceRange(for: part.range(2)) else { return }
        let width = columns.count
        // Two rows that have been summed over z, at their y modulo 2, and one that has been summed over y too.
        // Windows of neighbouring output rows share up to two source rows.
        withUnsafeTemporaryAllocation(of: Sum.self, capacity: 3 * width) { rows in
            guard let base = rows.baseAddress else { return }
            base.initialize(repeating: 0, count: 3 * width)
            let sum = base + 2 * width
            for z in part.range(0) {
                var held = (-1, -1)
                for y in part.range(1) {
                    let window = Window(weights.y, y)
                    for index in 0..<window.count {
                        let sourceY = window.first + index
                        let isOdd = sourceY % 2 == 1
                        let row = isOdd ? base + width : base
                        if (isOdd ? held.1 : held.0) != sourceY {
                            sumPlanes(z, sourceY, columns, source, into: row)
                            if isOdd { held.1 = sourceY } else { held.0 = sourceY }
                        }
                        add(row, times: window.weight(index), to: sum, count: width, isFirst: index == 0)
                    }
                    let total = weights.z.totals[z] * weights.y.totals[y]
                    sumColumns(
                        sum, from: columns.lowerBound, part.range(2), total: total,
                        into: output.row(z, y, from: part.start.x))
                }
            }
        }
    }

    /// The window of one output voxel on one axis.
    private struct Window {
        let first: Int
        let count: Int
        private let axis: MeanWeights
        private let offset: Int

        init(_ axis: MeanWeights, _ output: Int) {
            self.axis = axis
            first = axis.windows.first[output]
            offset = axis.windows.offsets[output]
            count = axis.windows.offsets[output + 1] - offset
        }

        func weight(_ index: Int) -> Sum { Sum(axis.weights[offset + index]) }
    }

    /// One source row, summed over the planes that output plane `z` takes from.
    @inline(__always)
    private func sumPlanes(
        _ z: Int, _ y: Int, _ columns: Range<Int>, _ source: SourceVoxels<Value>, into row: UnsafeMutablePointer<Sum>
    ) {
        let window = Window(weights.z, z)
        let width = columns.count
        let plane = source.row(window.first, y, from: columns.lowerBound)
        let weight = window.weight(0)
        var index = 1
        if window.count > 1 {
            let next = source.row(window.first + 1, y, from: columns.lowerBound)
            let nextWeight = window.weight(1)
            for x in 0..<width { row[x] = Sum.load(plane[x]) * weight + Sum.load(next[x]) * nextWeight }
            index = 2
        } else {
            for x in 0..<width { row[x] = Sum.load(plane[x]) * weight }
        }
        while index < window.count {
            let next = source.row(window.first + index, y, from: columns.lowerBound)
            let nextWeight = window.weight(index)
            for x in 0..<width { row[x] += Sum.load(next[x]) * nextWeight }
            index += 1
        }
    }

    @inline(__always)
    private func add(
        _ row: UnsafeMutablePointer<Sum>, times weight: Sum, to sum: UnsafeMutablePointer<Sum>, count: Int,
        isFirst: Bool
    ) {
        if isFirst {
            for x in 0..<count { sum[x] = row[x] * weight }
        } else {
            for x in 0..<count { sum[x] += row[x] * weight }
        }
    }

    /// Sums along x and divides by the weights.
    @inline(__always)
    private func sumColumns(
        _ sum: UnsafeMutablePointer<Sum>, from start: Int, _ columns: Range<Int>, total: Double,
        into row: OutputRow<Value>
    ) {
        let windows = weights.x.windows
        windows.first.withUnsafeBufferPointer { first in
            windows.offsets.withUnsafeBufferPointer { offsets in
                weights.x.weights.withUnsafeBufferPointer { weight in
                    weights.x.totals.withUnsafeBufferPointer { totals in
                        for x in columns {
                            var voxel = sum + (first[x] &- start)
                            var mean = voxel.pointee.double * weight[offsets[x]]
                            for index in (offsets[x] &+ 1)..<offsets[x &+ 1] {
                                voxel += 1
                                mean += voxel.pointee.double * weight[index]
                            }
                            row.store(Value.voxel(mean / (total * totals[x])), at: x &- columns.lowerBound)
                        }
                    }
                }
            }
        }
    }
}
