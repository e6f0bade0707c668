internal import Elements
internal import JSONText

/// Reads a `fill_value` as the bytes of one element, in native byte order.
struct FillValue {
    let elementType: ElementType
    let errors: MetadataErrors

    /// - Throws: ``VolumeError`` with code `.badMetadata` where the value is not one that the element type holds.
    ///   Floats for integer arrays are accepted only where they are whole; strings are read as the numbers they hold
    ///   (JZarr and bioformats2raw write `"0"`).
    func bytes(_ value: JSONValue) throws(VolumeError) -> [UInt8] {
        let bytes: [UInt8]? =
            switch elementType {
            case .uint8: integer(value, as: UInt8.self)
            case .int8: integer(value, as: Int8.self)
            case .uint16: integer(value, as: UInt16.self)
            case .int16: integer(value, as: Int16.self)
            case .uint32: integer(value, as: UInt32.self)
            case .int32: integer(value, as: Int32.self)
            case .uint64: integer(value, as: UInt64.self)
            case .int64: integer(value, as: Int64.self)
            case .float32: float(value).map { Self.bytes(of: Float($0)) }
            case .float64: float(value).map { Self.bytes(of: $0) }
            case .bool, .float16: nil
            }
        guard let bytes else {
            throw errors.bad("fill_value", expected: "null or a value of type \(elementType.rawValue)", found: value)
        }
        return bytes
    }

    private func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ value: JSONValue, as type: Value.Type)
        -> [UInt8]?
    {
        let number: Value? =
            switch value {
            case .integer(let integer): Value(exactly: integer)
            case .unsigned(let integer): Value(exactly: integer)
            case .number(let number): Value(exactly: number)
            case .string(let text): Value(text) ?? Double(text).flatMap { Value(exactly: $0) }
            default: nil
            }
        return number.map { Self.bytes(of: $0) }
    }

    private func float(_ value: JSONValue) -> Double? {
        switch value {
        case .string("NaN"): .nan
        case .string("Infinity"): .infinity
        case .string("-Infinity"): -.infinity
        case .string(let text): Double(text)
        default: value.double
        }
    }

    private static func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }
}
