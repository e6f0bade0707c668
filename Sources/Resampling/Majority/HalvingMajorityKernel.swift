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
                rows.vote(part.shape.x, into: row)
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

    private typealias Lanes = VoxelLanes<Value>

    /// The winners of the first `count` blocks.
    @inline(__always)
    func vote(_ count: Int, into row: OutputRow<Value>) {
        var x = 0
        while x &+ Lanes.count <= count {
            voteByLanes(x, into: row)
            x &+= Lanes.count
        }
        while x < count {
            row.store(winner(x), at: x)
            x &+= 1
        }
    }

    /// The winners of as many blocks as there are lanes, from block `x` on.
    @inline(__always)
    private func voteByLanes(_ x: Int, into row: OutputRow<Value>) {
        let offset = 2 &* x &* MemoryLayout<Value>.stride
        // The rows of the next blocks.
        let ahead = 2 &* (b.base - a.base)
        a.prefetch(offset &+ ahead)
        b.prefetch(offset &+ ahead)
        c.prefetch(offset &+ ahead)
        d.prefetch(offset &+ ahead)
        let (al, ar) = Lanes.pairs(a.base + offset)
        let (bl, br) = Lanes.pairs(b.base + offset)
        let (cl, cr) = Lanes.pairs(c.base + offset)
        let (dl, dr) = Lanes.pairs(d.base + offset)
        let bits = (ar ^ al) | (bl ^ al) | (br ^ al) | (cl ^ al) | (cr ^ al) | (dl ^ al) | (dr ^ al)
        let output = row.base + x &* MemoryLayout<Value>.stride
        guard Lanes.hasBits(bits) else { return output.storeBytes(of: al, as: Lanes.Bits.self) }

        // If there is but one other value, then all that differs from the first one differs in the same bits.
        let other = al ^ bits
        // Counts up to 15 do not run over into the next lane.
        let votes =
            Lanes.repeating(1) &+ one(ar, al) &+ one(bl, al) &+ one(br, al) &+ one(cl, al) &+ one(cr, al)
            &+ one(dl, al) &+ one(dr, al)
        let others =
            one(ar, other) &+ one(bl, other) &+ one(br, other) &+ one(cl, other) &+ one(cr, other) &+ one(dl, other)
            &+ one(dr, other)
        // Of one to eight votes, only five and more set this bit when three are added.
        let eight = Lanes.repeating(8)
        let isMost = Lanes.equal((votes &+ Lanes.repeating(3)) & eight, eight)
        let isHalf = Lanes.equal(votes, Lanes.repeating(4))
        let isWinner = isMost | (isHalf & Lanes.less(al, other))
        output.storeBytes(of: Lanes.select(isWinner, al, other), as: Lanes.Bits.self)

        let isDecided = isMost | Lanes.equal(votes &+ others, eight)
        guard Lanes.hasBits(~isDecided) else { return }
        for lane in 0..<Lanes.count {
            let bit = lane &* Value.bitWidth
            if isDecided[bit >> 6] >> UInt64(bit & 63) & 1 == 0 { row.store(winner(x &+ lane), at: x &+ lane) }
        }
    }

    /// One where the voxels are equal.
    @inline(__always)
    private func one(_ a: Lanes.Bits, _ b: Lanes.Bits) -> Lanes.Bits { Lanes.equal(a, b) & Lanes.repeating(1) }

    /// The winner of block `x`, whatever it holds.
    @inline(never)
    private func winner(_ x: Int) -> Value {
        let (left, right) = (2 &* x, 2 &* x &+ 1)
        var votes: InlineArray<8, Value> = [a[left], a[right], b[left], b[right], c[left], c[right], d[left], d[right]]
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
