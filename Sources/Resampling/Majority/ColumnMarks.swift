/// Where the source rows of one output row are not uniform, column by column.
struct ColumnMarks<Value: FixedWidthInteger & BitwiseCopyable>: ~Copyable {
    /// The rows differ in this column.
    private static var rowsDiffer: UInt8 { 1 }
    /// The next column differs from this one.
    private static var columnsDiffer: UInt8 { 2 }
    /// Marks are searched eight at a time.
    private static var wordBytes: Int { 8 }

    let width: Int
    let differences: UnsafeMutableRawPointer
    private let marks: UnsafeMutablePointer<UInt8>

    init(width: Int) {
        self.width = width
        differences = .allocate(byteCount: width * MemoryLayout<Value>.stride, alignment: 64)
        marks = .allocate(capacity: width + Self.wordBytes)
        // A mark behind the last column ends every search.
        (marks + width).initialize(repeating: Self.rowsDiffer, count: Self.wordBytes)
    }

    deinit {
        differences.deallocate()
        marks.deallocate()
    }

    /// Marks the columns of the rows of one output row.
    @inline(__always)
    func mark(_ rows: borrowing WindowRows<Value>) {
        compare(rows)
        let row = rows[0].voxels
        let last = width &- 1
        for column in 0..<last {
            marks[column] =
                (difference(column) != 0 ? Self.rowsDiffer : 0)
                | (row[column] != row[column &+ 1] ? Self.columnsDiffer : 0)
        }
        marks[last] = difference(last) != 0 ? Self.rowsDiffer : 0
    }

    /// All the bits in which rows differ from the first row in a column.
    @inline(__always)
    func difference(_ column: Int) -> Value {
        differences.loadUnaligned(fromByteOffset: column &* MemoryLayout<Value>.stride, as: Value.self)
    }

    /// The column up to which all rows hold one and the same value, from `column` on.
    @inline(__always)
    func uniformEnd(from column: Int) -> Int {
        let marks = UnsafeRawPointer(marks)
        var position = column
        var word = UInt64(littleEndian: marks.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        while word == 0 {
            position &+= Self.wordBytes
            word = UInt64(littleEndian: marks.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        }
        let bit = word.trailingZeroBitCount
        // Before this column if its rows differ, behind it if only the next column does.
        return position &+ (bit &+ 7) >> 3
    }

    /// Collects the bits in which the rows differ from the first, in words, whatever their type.
    @inline(__always)
    private func compare(_ rows: borrowing WindowRows<Value>) {
        typealias Block = SIMD4<UInt64>
        let bytes = width &* MemoryLayout<Value>.stride
        let first = rows[0].voxels.base
        var offset = 0
        while offset &+ MemoryLayout<Block>.size <= bytes {
            let block = first.loadUnaligned(fromByteOffset: offset, as: Block.self)
            var difference = Block()
            for index in 1..<max(1, rows.count) {
                difference |= block ^ rows[index].voxels.base.loadUnaligned(fromByteOffset: offset, as: Block.self)
            }
            differences.storeBytes(of: difference, toByteOffset: offset, as: Block.self)
            offset &+= MemoryLayout<Block>.size
        }
        while offset < bytes {
            let byte = first.load(fromByteOffset: offset, as: UInt8.self)
            var difference: UInt8 = 0
            for index in 1..<max(1, rows.count) {
                difference |= byte ^ rows[index].voxels.base.load(fromByteOffset: offset, as: UInt8.self)
            }
            differences.storeBytes(of: difference, toByteOffset: offset, as: UInt8.self)
            offset &+= 1
        }
    }
}
