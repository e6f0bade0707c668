internal import Elements

/// An element that means are taken of.
protocol MeanElement: Element {
    /// The value, exact up to 2^53.
    var double: Double { get }
    /// The value, exact up to 2^24.
    var float: Float { get }
    /// Whether every value is a finite number.
    static var isInteger: Bool { get }
    /// The voxel for a mean: rounded to nearest, ties to even, within the type's range; floats as they are.
    static func voxel(_ mean: Double) -> Self
}

/// What rows are accumulated in: `Double`, or `Float` where every partial sum is a whole number it holds exactly.
protocol MeanAccumulator: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    static func load(_ value: some MeanElement) -> Self
    var double: Double { get }
}

extension Double: MeanAccumulator {
    @inline(__always) static func load(_ value: some MeanElement) -> Double { value.double }
}

extension Float: MeanAccumulator {
    @inline(__always) static func load(_ value: some MeanElement) -> Float { value.float }
}

extension MeanElement where Self: FixedWidthInteger {
    @inline(__always) static var isInteger: Bool { true }

    /// Adding 1.5 · 2^52 leaves a number of up to 51 bits rounded to nearest even in the low bits of the sum; unlike
    /// `rounded()` it needs no function call and vectorises. A mean of voxels lies within their type's range.
    @inline(__always)
    static func narrowVoxel(_ mean: Double) -> Self {
        Self(truncatingIfNeeded: (mean + 0x1.8p52).bitPattern)
    }
}

// Through Int32, which vector units convert; from UInt64 they do not.

extension MeanElement where Self: BinaryFloatingPoint {
    @inline(__always) static var isInteger: Bool { false }
}

extension UInt8: MeanElement {
    @inline(__always) var double: Double { Double(Int32(self)) }
    @inline(__always) var float: Float { Float(Int32(self)) }
    @inline(__always) static func voxel(_ mean: Double) -> UInt8 { narrowVoxel(mean) }
}

extension Int8: MeanElement {
    @inline(__always) var double: Double { Double(Int32(self)) }
    @inline(__always) var float: Float { Float(Int32(self)) }
    @inline(__always) static func voxel(_ mean: Double) -> Int8 { narrowVoxel(mean) }
}

extension UInt16: MeanElement {
    @inline(__always) var double: Double { Double(Int32(self)) }
    @inline(__always) var float: Float { Float(Int32(self)) }
    @inline(__always) static func voxel(_ mean: Double) -> UInt16 { narrowVoxel(mean) }
}

extension Int16: MeanElement {
    @inline(__always) var double: Double { Double(Int32(self)) }
    @inline(__always) var float: Float { Float(Int32(self)) }
    @inline(__always) static func voxel(_ mean: Double) -> Int16 { narrowVoxel(mean) }
}

extension UInt32: MeanElement {
    @inline(__always) var double: Double { Double(Int64(self)) }
    @inline(__always) var float: Float { Float(Int64(self)) }
    @inline(__always) static func voxel(_ mean: Double) -> UInt32 { narrowVoxel(mean) }
}

extension Int32: MeanElement {
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) static func voxel(_ mean: Double) -> Int32 { narrowVoxel(mean) }
}

extension UInt64: MeanElement {
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) static func voxel(_ mean: Double) -> UInt64 { nearest(to: mean) }
}

extension Int64: MeanElement {
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) static func voxel(_ mean: Double) -> Int64 { nearest(to: mean) }
}

extension Float16: MeanElement {
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) static func voxel(_ mean: Double) -> Float16 { Float16(mean) }
}

extension Float: MeanElement {
    @inline(__always) var float: Float { self }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) static func voxel(_ mean: Double) -> Float { Float(mean) }
}

extension Double: MeanElement {
    @inline(__always) var double: Double { self }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) static func voxel(_ mean: Double) -> Double { mean }
}
