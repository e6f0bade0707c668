/// The type of one array element, in the machine's byte order once it has been decoded.
///
/// The names are those of Zarr v3, N5 and numpy (`uint8`, `float32`, …).
public enum ElementType: String, Sendable, Hashable, CaseIterable, Codable {
    case bool
    case uint8, int8, uint16, int16, uint32, int32, uint64, int64
    case float16, float32, float64

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        }
    }

    /// Whether the type is an integer without a sign (`bool` counts: it is stored as 0 and 1).
    public var isUnsigned: Bool {
        switch self {
        case .bool, .uint8, .uint16, .uint32, .uint64: true
        default: false
        }
    }

    public var isFloat: Bool {
        switch self {
        case .float16, .float32, .float64: true
        default: false
        }
    }

    public var isInteger: Bool { !isFloat }
}
