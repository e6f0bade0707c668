internal import Elements

/// Brings the elements of a decoded chunk into C order.
enum ElementOrder {
    /// Undoes a transposition: a copy in C order of the decoded `shape`, of a buffer in which axis `i` is axis `order[i]`
    /// of `shape`. The buffer holds exactly the elements of `shape`, which has no empty axis; `order` is a permutation.
    static func untransposed(_ buffer: ByteBuffer, order: [Int], shape: [Int], elementByteCount: Int) -> ByteBuffer {
        guard order != Array(shape.indices) else { return buffer }
        if order == shape.indices.reversed() {
            return fromFortranOrder(buffer, shape: shape, elementByteCount: elementByteCount)
        }
        switch elementByteCount {
        case 2: return untransposed(buffer, order, shape, as: UInt16.self)
        case 4: return untransposed(buffer, order, shape, as: UInt32.self)
        case 8: return untransposed(buffer, order, shape, as: UInt64.self)
        default: return untransposed(buffer, order, shape, as: UInt8.self)
        }
    }

    /// Walks the result in its own order, row after row; within a row the source is read with a fixed stride.
    private static func untransposed<Value: FixedWidthInteger & BitwiseCopyable>(
        _ buffer: ByteBuffer, _ order: [Int], _ shape: [Int], as type: Value.Type
    ) -> ByteBuffer {
        let result = ByteBuffer(count: buffer.count)
        var strides = [Int](repeating: 1, count: shape.count)
        var stride = 1
        for axis in order.reversed() {
            strides[axis] = stride
            stride *= shape[axis]
        }
        guard let row = shape.last, let rowStride = strides.last else { return buffer }
        var index = [Int](repeating: 0, count: shape.count)
        buffer.withUnsafeBytes { sourceBytes in
            result.withUnsafeMutableBytes { targetBytes in
                let source = sourceBytes.bindMemory(to: Value.self)
                let target = targetBytes.bindMemory(to: Value.self)
                var from = 0
                for start in Swift.stride(from: 0, to: target.count, by: row) {
                    for column in 0..<row { target[start + column] = source[from + column * rowStride] }
                    for axis in shape.indices.dropLast().reversed() {
                        index[axis] += 1
                        from += strides[axis]
                        if index[axis] < shape[axis] { break }
                        from -= strides[axis] * shape[axis]
                        index[axis] = 0
                    }
                }
            }
        }
        return result
    }

    /// A copy with the last axis varying fastest, of a chunk in which the first one does.
    /// `elementByteCount` is 1, 2, 4 or 8; the buffer holds exactly the elements of `shape`, which has no empty axis.
    static func fromFortranOrder(_ buffer: ByteBuffer, shape: [Int], elementByteCount: Int) -> ByteBuffer {
        switch elementByteCount {
        case 2: transposed(buffer, shape: shape, as: UInt16.self)
        case 4: transposed(buffer, shape: shape, as: UInt32.self)
        case 8: transposed(buffer, shape: shape, as: UInt64.self)
        default: transposed(buffer, shape: shape, as: UInt8.self)
        }
    }

    /// Elements of a tile's edge: two tiles of 8-byte elements stay within the first-level cache.
    private static let tile = 32

    /// For each position on the axes between, the plane of the first axis (contiguous in the source) and the last one
    /// (contiguous in the result) is transposed in tiles.
    private static func transposed<Value: FixedWidthInteger & BitwiseCopyable>(
        _ buffer: ByteBuffer, shape: [Int], as type: Value.Type
    ) -> ByteBuffer {
        let result = ByteBuffer(count: buffer.count)
        guard shape.count > 1, let rows = shape.first, let columns = shape.last else { return buffer }
        let middle = shape[1..<(shape.count - 1)]
        let elements = shape.reduce(1, *)
        let sourceColumn = elements / columns
        let targetRow = elements / rows
        buffer.withUnsafeBytes { sourceBytes in
            result.withUnsafeMutableBytes { targetBytes in
                let source = sourceBytes.bindMemory(to: Value.self)
                let target = targetBytes.bindMemory(to: Value.self)
                forEachPosition(middle, firstStride: rows, lastStride: columns) { sourceBase, targetBase in
                    for tileRow in stride(from: 0, to: rows, by: tile) {
                        for tileColumn in stride(from: 0, to: columns, by: tile) {
                            for row in tileRow..<min(tileRow + tile, rows) {
                                var from = sourceBase + row + tileColumn * sourceColumn
                                let to = targetBase + row * targetRow
                                for column in tileColumn..<min(tileColumn + tile, columns) {
                                    target[to + column] = source[from]
                                    from += sourceColumn
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
    }

    /// All positions on `axes`, as offsets in an order where the first axis is fastest (its neighbours `firstStride`
    /// apart) and in one where the last axis is fastest (`lastStride` apart).
    private static func forEachPosition(
        _ axes: ArraySlice<Int>, firstStride: Int, lastStride: Int, _ body: (Int, Int) -> Void
    ) {
        let extents = Array(axes)
        var firstStrides: [Int] = []
        var stride = firstStride
        for extent in extents {
            firstStrides.append(stride)
            stride *= extent
        }
        var lastStrides = [Int](repeating: lastStride, count: extents.count)
        for axis in extents.indices.dropLast().reversed() {
            lastStrides[axis] = lastStrides[axis + 1] * extents[axis + 1]
        }
        for position in 0..<extents.reduce(1, *) {
            var rest = position
            var first = 0
            var last = 0
            for axis in extents.indices.reversed() {
                let index = rest % extents[axis]
                rest /= extents[axis]
                first += index * firstStrides[axis]
                last += index * lastStrides[axis]
            }
            body(first, last)
        }
    }
}
