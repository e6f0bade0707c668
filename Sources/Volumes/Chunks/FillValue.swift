internal import Codecs
internal import Elements
internal import JSONText

/// Reads a `fill_value` as the bytes of one element, in native byte order.
struct FillValue {
    let elementType: ElementType
    let errors: MetadataErrors
    /// Whether the bytes of a fill value in base64 are in the other order than this machine's.
    var isByteSwapped = false

    /// - Throws: ``VolumeError`` with code `.badMetadata` where the value is not one that the element type holds.
    ///   Floats for integer arrays are accepted only where they are whole; strings are read as the numbers they hold
    ///   (JZarr and bioformats2raw write `"0"`), as the bits of an element (`"0x7fc00000"`, Zarr v3's form of NaNs), or
    ///   as its bytes in base64 (numcodecs' form of what JSON cannot hold).
    func bytes(_ value: JSONValue) throws(VolumeError) -> [UInt8] {
        // Read before Swift's own parser, which would take hexadecimal digits as a number and not as bits.
        let text = value.string
        let bytes =
            text?.hasPrefix("0x") == true ? text.flatMap(hexadecimal) : number(value) ?? text.flatMap(base64)
        guard let bytes else {
            throw errors.bad("fill_value", expected: "null or a value of type \(elementType.rawValue)", found: value)
        }
        return bytes
    }

    private func number(_ value: JSONValue) -> [UInt8]? {
        switch elementType {
        case .bool: boolean(value).map { [$0 ? 1 : 0] }
        case .uint8: integer(value, as: UInt8.self)
        case .int8: integer(value, as: Int8.self)
        case .uint16: integer(value, as: UInt16.self)
        case .int16: integer(value, as: Int16.self)
        case .uint32: integer(value, as: UInt32.self)
        case .int32: integer(value, as: Int32.self)
        case .uint64: integer(value, as: UInt64.self)
        case .int64: integer(value, as: Int64.self)
        case .float16: float(value).map { Self.bytes(of: Float16($0)) }
        case .float32: float(value).map { Self.bytes(of: Float($0)) }
        case .float64: float(value).map { Self.bytes(of: $0) }
        }
    }

    /// The bits of an element as a hexadecimal number, with as many digits as its bytes have.
    private func hexadecimal(_ text: String) -> [UInt8]? {
        let digits = text.dropFirst(2)
        guard digits.count == 2 * elementType.byteCount, digits.allSatisfy(\.isHexDigit),
            let bits = UInt64(digits, radix: 16)
        else { return nil }
        let bytes = (0..<elementType.byteCount).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
        return 1.littleEndian == 1 ? bytes : bytes.reversed()
    }

    private func base64(_ text: String) -> [UInt8]? {
        let decoded = ByteBuffer(count: elementType.byteCount)
        let count = try? decoded.withMutableSpan { output throws(CodecError) in
            try Base64Codec().decode(text.utf8Span.span.bytes, into: &output)
        }
        guard count == elementType.byteCount else { return nil }
        let bytes = decoded.array
        return isByteSwapped ? bytes.reversed() : bytes
    }

    /// zarr-python writes `false`, older versions 0.
    private func boolean(_ value: JSONValue) -> Bool? {
        switch value {
        case .bool(let value): value
        case .string("true"), .string("True"): true
        case .string("false"), .string("False"): false
        default: integer(value, as: UInt8.self).flatMap { $0 == [0] ? false : $0 == [1] ? true : nil }
        }
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
