/// Sums of pairs of voxels of one or two bytes, sixteen bytes of them at a time, in lanes of twice their width.
///
/// Each case names its vector type, because the operators of a generic one go lane by lane.
enum PairLanes<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable> {
    typealias Bits = SIMD2<UInt64>

    /// Voxels in sixteen bytes.
    @inline(__always) static var count: Int { MemoryLayout<Bits>.size / MemoryLayout<Value>.size }

    /// The sum of each pair.
    @inline(__always)
    static func pairSums(_ row: UnsafeRawPointer) -> Bits {
        if MemoryLayout<Value>.size == 1 {
            let pairs = row.loadUnaligned(as: SIMD8<UInt16>.self)
            return bits((pairs & SIMD8(repeating: 0xFF)) &+ (pairs &>> SIMD8(repeating: 8)))
        }
        let pairs = row.loadUnaligned(as: SIMD4<UInt32>.self)
        return bits((pairs & SIMD4(repeating: 0xFFFF)) &+ (pairs &>> SIMD4(repeating: 16)))
    }

    @inline(__always)
    static func add(_ a: Bits, _ b: Bits, _ c: Bits, _ d: Bits) -> Bits {
        if MemoryLayout<Value>.size == 1 { return bits((shorts(a) &+ shorts(b)) &+ (shorts(c) &+ shorts(d))) }
        return bits((words(a) &+ words(b)) &+ (words(c) &+ words(d)))
    }

    /// An eighth of each sum as a voxel, rounded to nearest, ties to even: those of `low` before those of `high`.
    @inline(__always)
    static func eighths(_ low: Bits, _ high: Bits) -> Bits {
        if MemoryLayout<Value>.size == 1 {
            let sums = SIMD16(lowHalf: shorts(low), highHalf: shorts(high))
            let odd = (sums &>> SIMD16(repeating: 3)) & SIMD16(repeating: 1)
            let means = (sums &+ odd &+ SIMD16(repeating: 3)) &>> SIMD16(repeating: 3)
            return unsafeBitCast(SIMD16<UInt8>(truncatingIfNeeded: means), to: Bits.self)
        }
        let sums = SIMD8(lowHalf: words(low), highHalf: words(high))
        let odd = (sums &>> SIMD8(repeating: 3)) & SIMD8(repeating: 1)
        let means = (sums &+ odd &+ SIMD8(repeating: 3)) &>> SIMD8(repeating: 3)
        return unsafeBitCast(SIMD8<UInt16>(truncatingIfNeeded: means), to: Bits.self)
    }

    @inline(__always) private static func shorts(_ bits: Bits) -> SIMD8<UInt16> {
        unsafeBitCast(bits, to: SIMD8<UInt16>.self)
    }
    @inline(__always) private static func words(_ bits: Bits) -> SIMD4<UInt32> {
        unsafeBitCast(bits, to: SIMD4<UInt32>.self)
    }
    @inline(__always) private static func bits(_ sums: SIMD8<UInt16>) -> Bits { unsafeBitCast(sums, to: Bits.self) }
    @inline(__always) private static func bits(_ sums: SIMD4<UInt32>) -> Bits { unsafeBitCast(sums, to: Bits.self) }
}
