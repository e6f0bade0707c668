internal import Geometry

/// Means over blocks of 2 × 2 × 2 voxels of one or two bytes, the step between the levels of most pyramids, with all of it in registers:
/// exactly what ``MeanKernel`` gives.
struct HalvingMeanKernel<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable> {
    let windows: GridWindows

    private typealias Lanes = PairLanes<Value>

    /// nil where the blocks have another shape.
    init?(windows: GridWindows) {
        guard windows.step == ZYX(repeating: 2), MemoryLayout<Value>.size <= 2 else { return nil }
        self.windows = windows
    }

    /// Computes the voxels of `part`, all of them regular, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        let axes = windows.axes
        let column = axes.x.first[part.start.x]
        let count = part.shape.x
        for z in part.range(0) {
            for y in part.range(1) {
                let (sourceZ, sourceY) = (axes.z.first[z], axes.y.first[y])
                let (a, b) = (
                    source.row(sourceZ, sourceY, from: column), source.row(sourceZ, sourceY + 1, from: column)
                )
                let (c, d) = (
                    source.row(sourceZ + 1, sourceY, from: column), source.row(sourceZ + 1, sourceY + 1, from: column)
                )
                let row = output.row(z, y, from: part.start.x)
                var x = 0
                while x &+ Lanes.count <= count {
                    let first = 2 &* x &* MemoryLayout<Value>.stride
                    let ahead = 2 &* (b.base - a.base)
                    a.prefetch(first &+ ahead)
                    b.prefetch(first &+ ahead)
                    c.prefetch(first &+ ahead)
                    d.prefetch(first &+ ahead)
                    let second = first &+ MemoryLayout<Lanes.Bits>.size
                    let low = Lanes.add(
                        Lanes.pairSums(a.base + first), Lanes.pairSums(b.base + first), Lanes.pairSums(c.base + first),
                        Lanes.pairSums(d.base + first))
                    let high = Lanes.add(
                        Lanes.pairSums(a.base + second), Lanes.pairSums(b.base + second),
                        Lanes.pairSums(c.base + second), Lanes.pairSums(d.base + second))
                    (row.base + x &* MemoryLayout<Value>.stride)
                        .storeBytes(of: Lanes.eighths(low, high), as: Lanes.Bits.self)
                    x &+= Lanes.count
                }
                while x < count {
                    let (left, right) = (2 &* x, 2 &* x &+ 1)
                    let sum =
                        Int(a[left]) &+ Int(a[right]) &+ Int(b[left]) &+ Int(b[right]) &+ Int(c[left]) &+ Int(c[right])
                        &+ Int(d[left]) &+ Int(d[right])
                    row.store(Value(truncatingIfNeeded: (sum &+ 3 &+ (sum &>> 3) & 1) &>> 3), at: x)
                    x &+= 1
                }
            }
        }
    }
}
