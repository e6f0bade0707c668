public import Geometry

/// Copies the voxels that a decoded chunk and a box have in common into the box's memory.
///
/// Both are contiguous and in C order. Bytes outside the overlap do not change.
///
/// - Parameters:
///   - chunk: the decoded chunk, at least `chunkBox.volume * elementByteCount` bytes.
///   - chunkBox: where the chunk lies, in voxels of the array; a chunk at the edge may reach beyond it.
///   - destination: at least `box.volume * elementByteCount` bytes.
///   - box: where the destination lies, in voxels of the array.
/// - limit: voxels outside are not copied. The array's own box excludes the padding of chunks at its edge.
public func copyOverlap(
    chunk: RawSpan, chunkBox: Box, into destination: inout MutableRawSpan, box: Box, limitedTo limit: Box? = nil,
    elementByteCount: Int
) {
    guard var overlap = chunkBox.intersection(box) else { return }
    if let limit {
        guard let inside = overlap.intersection(limit) else { return }
        overlap = inside
    }
    precondition(
        chunk.byteCount >= chunkBox.volume * elementByteCount,
        "a chunk of \(chunk.byteCount) bytes for \(chunkBox) of \(elementByteCount)-byte elements")
    precondition(
        destination.byteCount >= box.volume * elementByteCount,
        "a destination of \(destination.byteCount) bytes for \(box) of \(elementByteCount)-byte elements")
    let source = BoxLayout(chunkBox, elementByteCount: elementByteCount)
    let target = BoxLayout(box, elementByteCount: elementByteCount)
    let shape = overlap.shape
    // Rows that fill both boxes are contiguous in both, so a whole plane is one run.
    let joinsRows = shape.x == chunkBox.shape.x && shape.x == box.shape.x
    let runBytes = shape.x * elementByteCount * (joinsRows ? shape.y : 1)
    let runs = joinsRows ? 1 : shape.y
    chunk.withUnsafeBytes { sourceBytes in
        destination.withUnsafeMutableBytes { targetBytes in
            guard let from = sourceBytes.baseAddress, let to = targetBytes.baseAddress else { return }
            for z in overlap.start.z..<overlap.stop.z {
                var sourceOffset = source.byteOffset(z, overlap.start.y, overlap.start.x)
                var targetOffset = target.byteOffset(z, overlap.start.y, overlap.start.x)
                for _ in 0..<runs {
                    (to + targetOffset).copyMemory(from: from + sourceOffset, byteCount: runBytes)
                    sourceOffset += source.rowBytes
                    targetOffset += target.rowBytes
                }
            }
        }
    }
}

/// The memory layout of a box.
private struct BoxLayout {
    let start: ZYX<Int>
    let elementBytes: Int
    let rowBytes: Int
    let planeBytes: Int

    init(_ box: Box, elementByteCount: Int) {
        start = box.start
        elementBytes = elementByteCount
        rowBytes = box.shape.x * elementByteCount
        planeBytes = box.shape.y * rowBytes
    }

    func byteOffset(_ z: Int, _ y: Int, _ x: Int) -> Int {
        (z - start.z) * planeBytes + (y - start.y) * rowBytes + (x - start.x) * elementBytes
    }
}
