/// Connected components by faces (6-neighbourhood) of a 3-D mask that arrives plane by plane, in two passes over the
/// same data, without ever holding the volume.
///
/// Pass 1 gives every plane to ``addPlane(_:)`` and ends with ``finish()``; pass 2 gives the same planes in the same
/// order to ``labelPlane(_:into:)``. Components are numbered from 1 in scan order of their first voxel, as
/// `scipy.ndimage.label` does. Memory is 4 bytes for each run (voxels of a row that are set one after the other), some
/// bytes for each plane, and the runs of two planes.
public final class ComponentLabeller {
    /// Rows of a plane.
    public let rows: Int
    /// Voxels of a row.
    public let columns: Int
    /// The most runs that may be held; never above 2^32 - 1, so that components are UInt32.
    public let maximumRuns: Int

    private var forest = RunForest()
    private var current = PlaneRuns()
    private var previous = PlaneRuns()
    /// Runs before each plane, and after the last.
    private var runsBeforePlane = [0]
    private var components: Int?
    private var labelledPlanes = 0

    /// - Throws: ``ResamplingError`` if a plane would have no voxel, or more than fit.
    public init(rows: Int, columns: Int, maximumRuns: Int) throws(ResamplingError) {
        guard rows >= 1, columns >= 1, columns <= Int(UInt32.max),
            !rows.multipliedReportingOverflow(by: columns).overflow
        else { throw .invalidPlane(rows: rows, columns: columns) }
        self.rows = rows
        self.columns = columns
        self.maximumRuns = min(max(maximumRuns, 0), Int(UInt32.max))
    }

    /// Planes of the first pass so far.
    public var planeCount: Int { runsBeforePlane.count - 1 }
    /// Runs of the first pass so far.
    public var runCount: Int { forest.count }

    /// Pass 1: takes plane z = 0, 1, 2, …: rows × columns bytes, zero where the mask is not set.
    ///
    /// - Throws: ``ResamplingError`` with the code `tooManyRuns`; the labeller is of no use after it.
    public func addPlane(_ mask: RawSpan) throws(ResamplingError) {
        precondition(components == nil, "a plane after finish()")
        checkSize(mask)
        swap(&current, &previous)
        let plane = planeCount
        let room = maximumRuns - forest.count
        let rowThatOverflows = current.scan(mask, rows: rows, columns: columns, maximum: room)
        if let row = rowThatOverflows { throw .tooManyRuns(plane: plane, row: row, maximum: maximumRuns) }
        let firstRun = runsBeforePlane[plane]
        for _ in 0..<current.runs.count { _ = forest.append() }
        for row in 0..<rows {
            let range = current.range(row)
            if range.isEmpty { continue }
            if row > 0 { join(range, firstRun, to: current.range(row - 1), of: current, firstRun) }
            if plane > 0 { join(range, firstRun, to: previous.range(row), of: previous, runsBeforePlane[plane - 1]) }
        }
        runsBeforePlane.append(forest.count)
    }

    /// Ends pass 1 and gives the number of components.
    public func finish() -> Int {
        if let components { return components }
        let count = forest.numberComponents()
        components = count
        return count
    }

    /// Pass 2: tells the component of each run of the next plane, in scan order. `stop` is exclusive.
    ///
    /// - Throws: ``ResamplingError`` with the code `maskChanged`, before anything is told, if the plane has another
    ///   number of runs than it had in pass 1.
    public func labelPlane(
        _ mask: RawSpan, into label: (_ row: Int, _ start: Int, _ stop: Int, _ id: UInt32) -> Void
    ) throws(ResamplingError) {
        precondition(components != nil, "a plane was to be labelled before finish()")
        precondition(labelledPlanes < planeCount, "more planes to label than were added: \(planeCount)")
        checkSize(mask)
        let (firstRun, endRun) = (runsBeforePlane[labelledPlanes], runsBeforePlane[labelledPlanes + 1])
        let rowThatOverflows = current.scan(mask, rows: rows, columns: columns, maximum: endRun - firstRun)
        guard rowThatOverflows == nil, current.runs.count == endRun - firstRun else {
            let found = current.runs.count + (rowThatOverflows == nil ? 0 : 1)
            throw .maskChanged(plane: labelledPlanes, expected: endRun - firstRun, found: found)
        }
        labelledPlanes += 1
        for row in 0..<rows {
            for index in current.range(row) {
                let run = current.runs[index]
                label(row, Int(run.start), Int(run.stop), forest[UInt32(firstRun + index)])
            }
        }
    }

    private func checkSize(_ mask: RawSpan) {
        precondition(
            mask.byteCount == rows * columns, "\(mask.byteCount) bytes for a plane of \(rows) × \(columns) voxels")
    }

    /// Joins the runs of a row of the current plane with those of a neighbouring row that they share a column with.
    private func join(
        _ range: Range<Int>, _ firstRun: Int, to others: Range<Int>, of plane: PlaneRuns, _ firstOther: Int
    ) {
        var (index, other) = (range.lowerBound, others.lowerBound)
        while index < range.upperBound, other < others.upperBound {
            let (a, b) = (current.runs[index], plane.runs[other])
            if a.start < b.stop, b.start < a.stop {
                forest.join(UInt32(firstRun + index), UInt32(firstOther + other))
            }
            if a.stop < b.stop { index += 1 } else { other += 1 }
        }
    }
}

/// The runs of one plane, row by row.
private struct PlaneRuns {
    struct Run {
        var start: UInt32
        /// Exclusive.
        var stop: UInt32
    }

    private(set) var runs: [Run] = []
    /// Runs before each row, and after the last.
    private var runsBeforeRow: [Int] = [0]

    func range(_ row: Int) -> Range<Int> { runsBeforeRow[row]..<runsBeforeRow[row + 1] }

    /// Finds the runs of a plane. If there are more than `maximum` it gives up, and gives the row where.
    mutating func scan(_ mask: RawSpan, rows: Int, columns: Int, maximum: Int) -> Int? {
        runs.removeAll(keepingCapacity: true)
        runsBeforeRow.removeAll(keepingCapacity: true)
        runsBeforeRow.append(0)
        return mask.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            for row in 0..<rows {
                let start = base + row * columns
                var column = 0
                while true {
                    column = Self.skip(start, column, columns, word: 0) { $0 == 0 }
                    if column == columns { break }
                    let end = Self.skip(start, column, columns, word: 0x0101_0101_0101_0101) { $0 != 0 }
                    if runs.count == maximum { return row }
                    runs.append(Run(start: UInt32(column), stop: UInt32(end)))
                    column = end
                }
                runsBeforeRow.append(runs.count)
            }
            return nil
        }
    }

    /// The first column from `column` on whose byte does not satisfy `condition`, which eight bytes of `word` do.
    @inline(__always)
    private static func skip(
        _ row: UnsafeRawPointer, _ column: Int, _ columns: Int, word: UInt64, while condition: (UInt8) -> Bool
    ) -> Int {
        var column = column
        while column < columns {
            if column &+ 8 <= columns, row.loadUnaligned(fromByteOffset: column, as: UInt64.self) == word {
                column &+= 8
            } else if condition(row.load(fromByteOffset: column, as: UInt8.self)) {
                column &+= 1
            } else {
                return column
            }
        }
        return columns
    }
}
