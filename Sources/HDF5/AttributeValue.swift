/// The value of an attribute: a scalar or a one-dimensional array.
public enum AttributeValue: Sendable, Equatable {
    case string(String)
    case strings([String])
    case integer(Int64)
    case integers([Int64])
    case unsigned(UInt64)
    case double(Double)
    case doubles([Double])
    case floats([Float])
}
