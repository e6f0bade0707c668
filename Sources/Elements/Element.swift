/// A Swift type that stands for an ``ElementType`` in kernels: trivially copyable, fixed width.
public protocol Element: BitwiseCopyable, Comparable, Sendable {
    static var elementType: ElementType { get }
    static var zero: Self { get }
    /// The value as a Double: exact up to 2^53, rounded beyond.
    var asDouble: Double { get }
    /// The nearest representable value: integers are rounded to nearest (ties to even) and clamped to the type's range.
    static func nearest(to value: Double) -> Self
}

extension Element where Self: FixedWidthInteger {
    @inlinable public var asDouble: Double { Double(self) }

    @inlinable
    public static func nearest(to value: Double) -> Self {
        let rounded = value.rounded(.toNearestOrEven)
        // Double(Self.max) rounds up for 64-bit types, so the comparison must be "not below".
        if rounded >= Double(Self.max) { return Self.max }
        if rounded <= Double(Self.min) { return Self.min }
        return rounded.isNaN ? 0 : Self(rounded)
    }
}

extension Element where Self: BinaryFloatingPoint {
    @inlinable public var asDouble: Double { Double(self) }
    @inlinable public static func nearest(to value: Double) -> Self { Self(value) }
}

extension UInt8: Element { public static var elementType: ElementType { .uint8 } }
extension Int8: Element { public static var elementType: ElementType { .int8 } }
extension UInt16: Element { public static var elementType: ElementType { .uint16 } }
extension Int16: Element { public static var elementType: ElementType { .int16 } }
extension UInt32: Element { public static var elementType: ElementType { .uint32 } }
extension Int32: Element { public static var elementType: ElementType { .int32 } }
extension UInt64: Element { public static var elementType: ElementType { .uint64 } }
extension Int64: Element { public static var elementType: ElementType { .int64 } }
extension Float: Element { public static var elementType: ElementType { .float32 } }
extension Double: Element { public static var elementType: ElementType { .float64 } }
#if arch(arm64) || arch(x86_64)
    extension Float16: Element { public static var elementType: ElementType { .float16 } }
#endif

extension ElementType {
    /// The Swift type that holds one element. `bool` is held as `UInt8`.
    public var swiftType: any Element.Type {
        switch self {
        case .bool, .uint8: UInt8.self
        case .int8: Int8.self
        case .uint16: UInt16.self
        case .int16: Int16.self
        case .uint32: UInt32.self
        case .int32: Int32.self
        case .uint64: UInt64.self
        case .int64: Int64.self
        case .float16: Float16.self
        case .float32: Float.self
        case .float64: Double.self
        }
    }
}
