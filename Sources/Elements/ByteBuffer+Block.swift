extension ByteBuffer {
    /// Copies a block of elements from this array into another one. Both are in C order, with the same number of axes.
    ///
    /// - Parameters:
    ///   - extent: elements of the block per axis.
    ///   - start: where the block begins in this array, of shape `shape`.
    ///   - targetStart: where it goes in `target`, of shape `targetShape`.
    public func copyBlock(
        _ extent: [Int], from start: [Int], of shape: [Int], into target: ByteBuffer, at targetStart: [Int],
        of targetShape: [Int], elementByteCount: Int
    ) {
        precondition(
            count >= shape.reduce(elementByteCount, *) && target.count >= targetShape.reduce(elementByteCount, *),
            "\(count) and \(target.count) bytes for \(shape) and \(targetShape) of \(elementByteCount)-byte elements")
        precondition(
            extent.indices.allSatisfy { axis in
                extent[axis] >= 0 && start[axis] >= 0 && start[axis] + extent[axis] <= shape[axis]
                    && targetStart[axis] >= 0 && targetStart[axis] + extent[axis] <= targetShape[axis]
            }, "the block \(start) + \(extent) of \(shape) at \(targetStart) of \(targetShape)")
        guard !extent.contains(0) else { return }
        // Behind the last axis that the block does not fill in both arrays, both are contiguous.
        let cut = extent.indices.last { extent[$0] != shape[$0] || extent[$0] != targetShape[$0] } ?? 0
        let runByteCount = extent[cut...].reduce(elementByteCount, *)
        let steps = Self.steps(shape, elementByteCount)
        let targetSteps = Self.steps(targetShape, elementByteCount)
        func offset(_ start: [Int], _ steps: [Int]) -> Int { zip(start, steps).reduce(0) { $0 + $1.0 * $1.1 } }
        // Rows follow one another along the axis before the cut. Planes are the axes before that.
        let rows = cut > 0 ? extent[cut - 1] : 1
        let (rowStep, targetRowStep) = cut > 0 ? (steps[cut - 1], targetSteps[cut - 1]) : (0, 0)
        var plane = [Int](repeating: 0, count: max(0, cut - 1))
        withUnsafeBytes { source in
            target.withUnsafeMutableBytes { target in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                var (planeOffset, targetPlaneOffset) = (offset(start, steps), offset(targetStart, targetSteps))
                for _ in 0..<extent[..<plane.count].reduce(1, *) {
                    var (from, to) = (source + planeOffset, target + targetPlaneOffset)
                    for _ in 0..<rows {
                        to.copyMemory(from: from, byteCount: runByteCount)
                        from += rowStep
                        to += targetRowStep
                    }
                    for axis in plane.indices.reversed() {
                        plane[axis] += 1
                        planeOffset += steps[axis]
                        targetPlaneOffset += targetSteps[axis]
                        if plane[axis] < extent[axis] { break }
                        plane[axis] = 0
                        planeOffset -= steps[axis] * extent[axis]
                        targetPlaneOffset -= targetSteps[axis] * extent[axis]
                    }
                }
            }
        }
    }

    /// Bytes from one element to the next along each axis.
    private static func steps(_ shape: [Int], _ elementByteCount: Int) -> [Int] {
        var steps = [Int](repeating: elementByteCount, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * shape[axis + 1] }
        return steps
    }
}
