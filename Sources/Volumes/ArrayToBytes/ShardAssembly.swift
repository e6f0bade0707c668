internal import Elements

/// Puts decoded inner chunks at their places in a decoded shard. Both are in C order.
struct ShardAssembly {
    /// Inner chunks per axis.
    private let gridShape: [Int]
    private let innerShape: [Int]
    /// Bytes from one element to the next along each axis of the shard.
    private let strides: [Int]
    /// Bytes that are contiguous in both: the last axis, and the axes before it that have only one inner chunk.
    private let runByteCount: Int
    /// The axes that remain before a run.
    private let outerAxes: Int

    init(gridShape: [Int], innerForm: ChunkForm, shape: [Int]) {
        self.gridShape = gridShape
        innerShape = innerForm.shape
        var strides = [Int](repeating: innerForm.elementType.byteCount, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        self.strides = strides
        var outerAxes = max(shape.count - 1, 0)
        var run = innerForm.elementType.byteCount * (innerForm.shape.last ?? 1)
        while outerAxes > 0, gridShape[outerAxes] == 1 {
            outerAxes -= 1
            run *= innerForm.shape[outerAxes]
        }
        self.outerAxes = outerAxes
        runByteCount = run
    }

    /// The position in the grid of the inner chunk of this number in C order.
    func position(_ number: Int) -> [Int] {
        var rest = number
        var position = [Int](repeating: 0, count: gridShape.count)
        for axis in gridShape.indices.reversed() {
            position[axis] = rest % gridShape[axis]
            rest /= gridShape[axis]
        }
        return position
    }

    /// Copies a complete inner chunk into a complete shard.
    func place(_ inner: ByteBuffer, at position: [Int], in shard: ByteBuffer) {
        var offset = 0
        for axis in position.indices { offset += position[axis] * innerShape[axis] * strides[axis] }
        var index = [Int](repeating: 0, count: outerAxes)
        inner.withUnsafeBytes { source in
            shard.withUnsafeMutableBytes { target in
                for start in stride(from: 0, to: source.count, by: runByteCount) {
                    let run = UnsafeRawBufferPointer(rebasing: source[start..<(start + runByteCount)])
                    UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + runByteCount)])
                        .copyMemory(from: run)
                    for axis in index.indices.reversed() {
                        index[axis] += 1
                        offset += strides[axis]
                        if index[axis] < innerShape[axis] { break }
                        offset -= strides[axis] * innerShape[axis]
                        index[axis] = 0
                    }
                }
            }
        }
    }
}
