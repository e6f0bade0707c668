/// Four voxels of a row that lie one after the other, compared at a time.
struct FourVoxels<Value: FixedWidthInteger & BitwiseCopyable> {
    /// The low 32 bits of each voxel, without its sign extended.
    private let low: SIMD4<UInt32>
    /// The high 32 bits of voxels of 64 bits.
    private let high: SIMD4<UInt32>

    @inline(__always)
    init(_ row: SourceRow<Value>, at column: Int) {
        let voxels = row.base + column &* MemoryLayout<Value>.stride
        switch MemoryLayout<Value>.size {
        case 1: low = SIMD4(truncatingIfNeeded: voxels.loadUnaligned(as: SIMD4<UInt8>.self))
        case 2: low = SIMD4(truncatingIfNeeded: voxels.loadUnaligned(as: SIMD4<UInt16>.self))
        case 4: low = voxels.loadUnaligned(as: SIMD4<UInt32>.self)
        default:
            let words = voxels.loadUnaligned(as: SIMD8<UInt32>.self)
            (low, high) = (words.evenHalf, words.oddHalf)
            return
        }
        high = SIMD4()
    }

    /// `weight` where a voxel is `value`, zero where it is not.
    @inline(__always)
    func select(_ weight: SIMD4<UInt32>, whereEqual value: Value) -> SIMD4<UInt32> {
        let bits = UInt64(truncatingIfNeeded: value) & (UInt64.max &>> UInt64(64 &- Value.bitWidth))
        var difference = low ^ SIMD4(repeating: UInt32(truncatingIfNeeded: bits))
        if MemoryLayout<Value>.size == 8 {
            difference |= high ^ SIMD4(repeating: UInt32(truncatingIfNeeded: bits &>> 32))
        }
        return SIMD4<UInt32>().replacing(with: weight, where: difference .== SIMD4())
    }
}
