internal import Elements

/// Blocks of arrays with any number of axes, in C order.
enum BlockCopy {
    /// The elements of a block of `source`, which has `shape`: those from `start` on, `count` along each axis, all inside.
    static func block(
        of source: ByteBuffer, shape: [Int], start: [Int], count: [Int], elementByteCount: Int
    ) -> ByteBuffer {
        precondition(
            source.count == shape.reduce(elementByteCount, *)
                && shape.indices.allSatisfy { start[$0] >= 0 && count[$0] > 0 && start[$0] + count[$0] <= shape[$0] },
            "the block \(start) + \(count) is not in \(shape)")
        // Behind the last axis that is cut, both are contiguous.
        guard let cut = shape.indices.last(where: { count[$0] != shape[$0] }) else { return source }
        let block = ByteBuffer(count: count.reduce(elementByteCount, *))
        let tail = shape[(cut + 1)...].reduce(elementByteCount, *)
        let runBytes = count[cut] * tail
        let outer = IndexSpace(Array(count[..<cut]))
        source.withUnsafeBytes { from in
            block.withUnsafeMutableBytes { to in
                guard let from = from.baseAddress, let to = to.baseAddress else { return }
                for run in 0..<outer.count {
                    var place = 0
                    for (axis, index) in outer.index(at: run).enumerated() {
                        place = place * shape[axis] + start[axis] + index
                    }
                    place = place * shape[cut] + start[cut]
                    (to + run * runBytes).copyMemory(from: from + place * tail, byteCount: runBytes)
                }
            }
        }
        return block
    }
}
