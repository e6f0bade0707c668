internal import Geometry

/// Votes over boxes of voxels of any windows.
///
/// Most windows of labels hold one value only. So each output row first marks where its source rows are not uniform,
/// fills what lies between the marks span by span, and counts votes at the marks alone.
///
/// `Votes` holds the sum of an output voxel's votes; what goes faster than by one vote at a time is for 64 bits.
struct MajorityKernel<
    Value: FixedWidthInteger & BitwiseCopyable, Votes: FixedWidthInteger & SignedInteger & BitwiseCopyable
> {
    let windows: GridWindows

    /// Computes the voxels of `part`, all of them covered, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        guard let columns = windows.axes.x.sourceRange(for: part.range(2)) else { return }
        let spans = ColumnSpans(windows.axes.x, part.range(2), columns)
        let marks = ColumnMarks<Value>(width: columns.count)
        var rows = WindowRows<Value>(planes: windows.axes.z, lines: windows.axes.y, part)
        var table = VoteTable<Value, Votes>()
        var pairs = PairColumns<Value>()
        for z in part.range(0) {
            for y in part.range(1) {
                rows.gather(z, y, from: columns.lowerBound, source)
                marks.mark(rows)
                vote(rows, marks, spans, &pairs, &table, into: output.row(z, y, from: part.start.x))
            }
        }
    }

    @inline(__always)
    private func vote(
        _ rows: borrowing WindowRows<Value>, _ marks: borrowing ColumnMarks<Value>, _ spans: borrowing ColumnSpans,
        _ pairs: inout PairColumns<Value>, _ table: inout VoteTable<Value, Votes>, into output: OutputRow<Value>
    ) {
        let voxels = rows[0].voxels
        let votesByFour = Votes.bitWidth == 64 && rows.fitsFour && spans.fitsFour
        let usesPairs = votesByFour && PairColumns<Value>.isUsable
        var x = 0
        while x < spans.count {
            let span = spans[x]
            let stop = spans.finished(by: marks.uniformEnd(from: span.first))
            if stop > x {
                let value = voxels[span.first]
                for index in x..<stop { output.store(value, at: index) }
                x = stop
                continue
            }
            if usesPairs, span.first &+ PairColumns<Value>.count <= marks.width {
                let stop = spans.finished(by: pairs.count(rows, marks, span))
                if stop > x {
                    for index in x..<stop {
                        output.store(pairs.winner(spans[index], from: span.first, rowTotal: rows.total), at: index)
                    }
                    x = stop
                } else {
                    let winner = pairs.majority(span, from: span.first, rowTotal: rows.total)
                    output.store(winner ?? winnerOfMany(rows, span, spans.weights(of: span), &table), at: x)
                    x &+= 1
                }
                continue
            }
            // The window ends behind what is uniform from its first column on: it holds two values or more.
            let winner = votesByFour ? winnerOfTwo(rows, marks, span) : nil
            output.store(winner ?? winnerOfMany(rows, span, spans.weights(of: span), &table), at: x)
            x &+= 1
        }
    }

    /// The winner where the window holds two values, or its first has most of the votes; nil otherwise.
    @inline(__always)
    private func winnerOfTwo(
        _ rows: borrowing WindowRows<Value>, _ marks: borrowing ColumnMarks<Value>, _ span: ColumnSpan
    ) -> Value? {
        let first = rows[0].voxels
        let value = first[span.first]
        // If there is but one other value, then all that differs from the first one differs in the same bits.
        var bits: Value = 0
        for column in span.first..<span.end { bits |= marks.difference(column) | (first[column] ^ value) }
        let other = value ^ bits
        var (votes, others) = (SIMD4<UInt32>(), SIMD4<UInt32>())
        for index in 0..<rows.count {
            let voxels = FourVoxels(rows[index].voxels, at: span.fourStart)
            let weight = SIMD4(repeating: rows[index].narrowWeight)
            votes &+= voxels.select(weight, whereEqual: value)
            others &+= voxels.select(weight, whereEqual: other)
        }
        let (valueVotes, otherVotes) = (span.weigh(votes), span.weigh(others))
        let total = rows.total &* span.total
        guard valueVotes &+ otherVotes == total else { return 2 &* valueVotes > total ? value : nil }
        return valueVotes == otherVotes ? min(value, other) : valueVotes > otherVotes ? value : other
    }

    @inline(never)
    private func winnerOfMany(
        _ rows: borrowing WindowRows<Value>, _ span: ColumnSpan, _ weights: UnsafePointer<Int64>,
        _ table: inout VoteTable<Value, Votes>
    ) -> Value {
        table.reset()
        for index in 0..<rows.count { addRuns(of: rows[index], span, weights, &table) }
        return table.winner
    }

    /// One vote for each run of equal voxels.
    @inline(__always)
    private func addRuns(
        of row: WeightedRow<Value>, _ span: ColumnSpan, _ weights: UnsafePointer<Int64>,
        _ table: inout VoteTable<Value, Votes>
    ) {
        var value = row.voxels[span.first]
        var weight: Int64 = 0
        for index in 0..<span.count {
            let next = row.voxels[span.first &+ index]
            if next != value {
                table.add(value, Votes(truncatingIfNeeded: weight) &* Votes(truncatingIfNeeded: row.weight))
                (value, weight) = (next, 0)
            }
            weight &+= weights[index]
        }
        table.add(value, Votes(truncatingIfNeeded: weight) &* Votes(truncatingIfNeeded: row.weight))
    }
}
