internal import Geometry

/// The source rows that the windows of one output row take from.
struct WindowRows<Value: BitwiseCopyable>: ~Copyable {
    /// Whether the weights of all rows of a window add up to less than 2^32.
    let fitsFour: Bool
    private(set) var count = 0
    /// The sum of the weights.
    private(set) var total: Int64 = 0

    private let planes: AxisWindows
    private let lines: AxisWindows
    private let rows: UnsafeMutablePointer<WeightedRow<Value>>

    /// - Parameter part: the output voxels whose rows are going to be gathered.
    init(planes: AxisWindows, lines: AxisWindows, _ part: Box) {
        self.planes = planes
        self.lines = lines
        rows = .allocate(capacity: planes.longestWindow(of: part.range(0)) * lines.longestWindow(of: part.range(1)))
        let (largest, overflow) = planes.largestSum.multipliedReportingOverflow(by: lines.largestSum)
        fitsFour = !overflow && largest <= UInt32.max
    }

    deinit { rows.deallocate() }

    @inline(__always) subscript(index: Int) -> WeightedRow<Value> { rows[index] }

    /// Takes the rows of the output row z, y, from column x on.
    mutating func gather(_ z: Int, _ y: Int, from x: Int, _ source: SourceVoxels<Value>) {
        count = 0
        total = 0
        for plane in planes.offsets[z]..<planes.offsets[z + 1] {
            for line in lines.offsets[y]..<lines.offsets[y + 1] {
                let sourceZ = planes.first[z] + plane - planes.offsets[z]
                let sourceY = lines.first[y] + line - lines.offsets[y]
                let weight = planes.weights[plane] * lines.weights[line]
                let row = WeightedRow(voxels: source.row(sourceZ, sourceY, from: x), weight: weight)
                (rows + count).initialize(to: row)
                total += weight
                count += 1
            }
        }
    }
}

/// A source row and the weight of its voxels along z and y.
struct WeightedRow<Value: BitwiseCopyable> {
    let voxels: SourceRow<Value>
    let weight: Int64

    /// The weight where ``WindowRows/fitsFour`` says that it fits.
    @inline(__always) var narrowWeight: UInt32 { UInt32(truncatingIfNeeded: weight) }
}
