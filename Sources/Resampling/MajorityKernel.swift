internal import Geometry

/// Votes over boxes of voxels of any windows.
struct MajorityKernel<Value: FixedWidthInteger & BitwiseCopyable> {
    let windows: GridWindows

    /// Computes the voxels of `part`, all of them covered, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        guard let columns = windows.axes.x.sourceRange(for: part.range(2)) else { return }
        let table = VoteTable<Value>()
        var rows: [WeightedRow] = []
        for z in part.range(0) {
            for y in part.range(1) {
                gatherRows(z, y, columns.lowerBound, source, into: &rows)
                rows.withUnsafeBufferPointer { rows in
                    vote(
                        rows, from: columns.lowerBound, part.range(2), table,
                        into: output.row(z, y, from: part.start.x))
                }
            }
        }
    }

    /// A source row and the weight of its voxels along z and y.
    private struct WeightedRow {
        let voxels: SourceRow<Value>
        let weight: Int64
    }

    private func gatherRows(
        _ z: Int, _ y: Int, _ x: Int, _ source: SourceVoxels<Value>, into rows: inout [WeightedRow]
    ) {
        let (planes, lines) = (windows.axes.z, windows.axes.y)
        rows.removeAll(keepingCapacity: true)
        for (plane, planeWeight) in planes.weights[planes.offsets[z]..<planes.offsets[z + 1]].enumerated() {
            for (line, lineWeight) in lines.weights[lines.offsets[y]..<lines.offsets[y + 1]].enumerated() {
                rows.append(
                    WeightedRow(
                        voxels: source.row(planes.first[z] + plane, lines.first[y] + line, from: x),
                        weight: planeWeight * lineWeight))
            }
        }
    }

    @inline(__always)
    private func vote(
        _ rows: UnsafeBufferPointer<WeightedRow>, from start: Int, _ columns: Range<Int>, _ table: VoteTable<Value>,
        into output: OutputRow<Value>
    ) {
        let axis = windows.axes.x
        axis.first.withUnsafeBufferPointer { first in
            axis.offsets.withUnsafeBufferPointer { offsets in
                axis.weights.withUnsafeBufferPointer { weights in
                    for x in columns {
                        let window = (first[x] &- start)..<(first[x] &- start &+ offsets[x &+ 1] &- offsets[x])
                        let value = rows[0].voxels[window.lowerBound]
                        if isUniform(rows, window, value) {
                            output.store(value, at: x &- columns.lowerBound)
                            continue
                        }
                        table.reset()
                        for row in rows { addRuns(of: row, window, weights, offsets[x], table) }
                        output.store(table.winner, at: x &- columns.lowerBound)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func isUniform(_ rows: UnsafeBufferPointer<WeightedRow>, _ window: Range<Int>, _ value: Value) -> Bool {
        for row in rows {
            var difference: Value = 0
            for index in window { difference |= row.voxels[index] ^ value }
            if difference != 0 { return false }
        }
        return true
    }

    /// One vote for each run of equal voxels.
    @inline(__always)
    private func addRuns(
        of row: WeightedRow, _ window: Range<Int>, _ weights: UnsafeBufferPointer<Int64>, _ offset: Int,
        _ table: VoteTable<Value>
    ) {
        var value = row.voxels[window.lowerBound]
        var weight: Int64 = 0
        for index in window {
            let next = row.voxels[index]
            if next != value {
                table.add(value, weight &* row.weight)
                (value, weight) = (next, 0)
            }
            weight &+= weights[offset &+ index &- window.lowerBound]
        }
        table.add(value, weight &* row.weight)
    }
}
