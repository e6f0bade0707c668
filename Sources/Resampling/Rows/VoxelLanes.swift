/// What is done to the voxels of sixteen bytes at a time, whatever their type.
///
/// Each case names its vector type, because the operators of a generic one go lane by lane.
enum VoxelLanes<Value: FixedWidthInteger & BitwiseCopyable> {
    typealias Bits = SIMD2<UInt64>

    @inline(__always) static var count: Int { MemoryLayout<Bits>.size / MemoryLayout<Value>.size }

    /// The same small number in each lane.
    @inline(__always)
    static func repeating(_ number: UInt64) -> Bits {
        let ones: UInt64 = .max / (.max &>> UInt64(64 &- Value.bitWidth))
        return Bits(repeating: ones &* number)
    }

    /// All bits of the lanes that are equal.
    @inline(__always)
    static func equal(_ a: Bits, _ b: Bits) -> Bits {
        switch MemoryLayout<Value>.size {
        case 1: bits(bytes(a) .== bytes(b))
        case 2: bits(shorts(a) .== shorts(b))
        case 4: bits(words(a) .== words(b))
        default: bits(longs(a) .== longs(b))
        }
    }

    /// All bits of the lanes where the voxel of `a` is less than that of `b`.
    @inline(__always)
    static func less(_ a: Bits, _ b: Bits) -> Bits {
        // Among unsigned numbers the order is that of signed ones whose sign has been changed.
        let sign = Value.isSigned ? Bits() : repeating(1 &<< UInt64(Value.bitWidth &- 1))
        let (a, b) = (a ^ sign, b ^ sign)
        return switch MemoryLayout<Value>.size {
        case 1: bits(bytes(a) .< bytes(b))
        case 2: bits(shorts(a) .< shorts(b))
        case 4: bits(words(a) .< words(b))
        default: bits(longs(a) .< longs(b))
        }
    }

    /// `yes` where the bits of `mask` are set, `no` where they are not.
    @inline(__always)
    static func select(_ mask: Bits, _ yes: Bits, _ no: Bits) -> Bits { (yes & mask) | (no & ~mask) }

    @inline(__always)
    static func hasBits(_ bits: Bits) -> Bool { bits[0] | bits[1] != 0 }

    /// The first and the second voxel of each of the pairs that lie in 32 bytes of a row.
    @inline(__always)
    static func pairs(_ row: UnsafeRawPointer) -> (first: Bits, second: Bits) {
        switch MemoryLayout<Value>.size {
        case 1:
            let voxels = row.loadUnaligned(as: SIMD32<UInt8>.self)
            return (unsafeBitCast(voxels.evenHalf, to: Bits.self), unsafeBitCast(voxels.oddHalf, to: Bits.self))
        case 2:
            let voxels = row.loadUnaligned(as: SIMD16<UInt16>.self)
            return (unsafeBitCast(voxels.evenHalf, to: Bits.self), unsafeBitCast(voxels.oddHalf, to: Bits.self))
        case 4:
            let voxels = row.loadUnaligned(as: SIMD8<UInt32>.self)
            return (unsafeBitCast(voxels.evenHalf, to: Bits.self), unsafeBitCast(voxels.oddHalf, to: Bits.self))
        default:
            let voxels = row.loadUnaligned(as: SIMD4<UInt64>.self)
            return (voxels.evenHalf, voxels.oddHalf)
        }
    }

    @inline(__always) private static func bytes(_ bits: Bits) -> SIMD16<Int8> {
        unsafeBitCast(bits, to: SIMD16<Int8>.self)
    }
    @inline(__always) private static func shorts(_ bits: Bits) -> SIMD8<Int16> {
        unsafeBitCast(bits, to: SIMD8<Int16>.self)
    }
    @inline(__always) private static func words(_ bits: Bits) -> SIMD4<Int32> {
        unsafeBitCast(bits, to: SIMD4<Int32>.self)
    }
    @inline(__always) private static func longs(_ bits: Bits) -> SIMD2<Int64> {
        unsafeBitCast(bits, to: SIMD2<Int64>.self)
    }
    @inline(__always) private static func bits(_ mask: SIMDMask<SIMD16<Int8>>) -> Bits {
        unsafeBitCast(mask, to: Bits.self)
    }
    @inline(__always) private static func bits(_ mask: SIMDMask<SIMD8<Int16>>) -> Bits {
        unsafeBitCast(mask, to: Bits.self)
    }
    @inline(__always) private static func bits(_ mask: SIMDMask<SIMD4<Int32>>) -> Bits {
        unsafeBitCast(mask, to: Bits.self)
    }
    @inline(__always) private static func bits(_ mask: SIMDMask<SIMD2<Int64>>) -> Bits {
        unsafeBitCast(mask, to: Bits.self)
    }
}
