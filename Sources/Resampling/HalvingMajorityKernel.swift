internal import Geometry

/// Votes over blocks of 2 × 2 × 2 voxels of equal weight, the step between the levels of most pyramids.
struct HalvingMajorityKernel<Value: FixedWidthInteger & BitwiseCopyable> {
    let windows: GridWindows

    /// nil where the blocks have another shape.
    init?(windows: GridWindows) {
        guard windows.step == ZYX(repeating: 2) else { return nil }
        self.windows = windows
    }

    /// Computes the voxels of `part`, all of them regular, of the output box that `output` holds.
    @inline(never)
    func run(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        let axes = windows.axes
        let column = axes.x.first[part.start.x]
        for z in part.range(0) {
            for y in part.range(1) {
                let (sourceZ, sourceY) = (axes.z.first[z], axes.y.first[y])
                let rows = FourRows(
                    a: source.row(sourceZ, sourceY, from: column), b: source.row(sourceZ, sourceY + 1, from: column),
                    c: source.row(sourceZ + 1, sourceY, from: column),
                    d: source.row(sourceZ + 1, sourceY + 1, from: column))
                let row = output.row(z, y, from: part.start.x)
                if MemoryLayout<Value>.size == 1 {
                    rows.voteByWords(part.shape.x, into: row)
                } else {
                    for x in 0..<part.shape.x { row.store(rows.vote(x), at: x) }
                }
            }
        }
    }
}

/// The four rows that the blocks of one output row lie in.
private struct FourRows<Value: FixedWidthInteger & BitwiseCopyable> {
    let a: SourceRow<Value>
    let b: SourceRow<Value>
    let c: SourceRow<Value>
    let d: SourceRow<Value>

    /// The winner of block `x`.
    @inline(__always)
    func vote(_ x: Int) -> Value {
        let (left, right) = (2 &* x, 2 &* x &+ 1)
        let value = a[left]
        let first = (a[right] ^ value) | (b[left] ^ value) | (b[right] ^ value)
        let second = (c[left] ^ value) | (c[right] ^ value) | (d[left] ^ value) | (d[right] ^ value)
        return first | second == 0 ? value : voteAmongDifferent(x)
    }

    /// Four blocks of one-byte voxels at a time, where all their voxels are equal block by block.
    @inline(__always)
    func voteByWords(_ count: Int, into row: OutputRow<Value>) {
        var x = 0
        while x &+ 4 <= count {
            let (first, second) = (word(a, x), word(b, x))
            let (third, fourth) = (word(c, x), word(d, x))
            let acrossRows = (first ^ second) | (first ^ third) | (first ^ fourth)
            // In memory order the voxels of a block are the two bytes of a 16-bit unit.
            let acrossColumns = (first ^ (first >> 8)) & 0x00FF_00FF_00FF_00FF
            if acrossRows | acrossColumns == 0 {
                var packed = first & 0x00FF_00FF_00FF_00FF
                packed = (packed | (packed >> 8)) & 0x0000_FFFF_0000_FFFF
                packed |= packed >> 16
                row.base.storeBytes(
                    of: UInt32(truncatingIfNeeded: packed).littleEndian, toByteOffset: x, as: UInt32.self)
            } else {
                for block in x..<x &+ 4 { row.store(vote(block), at: block) }
            }
            x &+= 4
        }
        while x < count {
            row.store(vote(x), at: x)
            x &+= 1
        }
    }

    @inline(__always)
    private func word(_ row: SourceRow<Value>, _ x: Int) -> UInt64 {
        UInt64(littleEndian: row.base.loadUnaligned(fromByteOffset: 2 &* x, as: UInt64.self))
    }

    @inline(never)
    private func voteAmongDifferent(_ x: Int) -> Value {
        let (left, right) = (2 &* x, 2 &* x &+ 1)
        var votes: InlineArray<8, Value> = [a[left], a[right], b[left], b[right], c[left], c[right], d[left], d[right]]
        let value = votes[0]
        var other = value
        for index in 1..<8 { other = votes[index] == value ? other : votes[index] }
        var (equal, different) = (0, 0)
        for index in 0..<8 {
            equal &+= votes[index] == value ? 1 : 0
            different &+= votes[index] == other ? 1 : 0
        }
        if equal > 4 { return value }
        if different > 4 { return other }
        if equal &+ different == 8 { return min(value, other) }
        sort(&votes)
        // In ascending order the first of the longest runs is the smallest value of those which tie.
        var best = votes[0]
        var (longest, length) = (1, 1)
        for index in 1..<8 {
            length = votes[index] == votes[index &- 1] ? length &+ 1 : 1
            if length > longest { (best, longest) = (votes[index], length) }
        }
        return best
    }

    /// Batcher's network of 19 comparisons.
    @inline(__always)
    private func sort(_ v: inout InlineArray<8, Value>) {
        exchange(&v, 0, 1); exchange(&v, 2, 3); exchange(&v, 4, 5); exchange(&v, 6, 7)
        exchange(&v, 0, 2); exchange(&v, 1, 3); exchange(&v, 4, 6); exchange(&v, 5, 7)
        exchange(&v, 1, 2); exchange(&v, 5, 6)
        exchange(&v, 0, 4); exchange(&v, 1, 5); exchange(&v, 2, 6); exchange(&v, 3, 7)
        exchange(&v, 2, 4); exchange(&v, 3, 5)
        exchange(&v, 1, 2); exchange(&v, 3, 4); exchange(&v, 5, 6)
    }

    @inline(__always)
    private func exchange(_ v: inout InlineArray<8, Value>, _ low: Int, _ high: Int) {
        let (a, b) = (v[low], v[high])
        v[low] = min(a, b)
        v[high] = max(a, b)
    }
}
