internal import Elements
internal import JSONText

/// Reads numpy's names of data types: byte order, kind, bytes (`<u2`, `|u1`, `>f4`, `|b1`).
struct NumpyDataType {
    let errors: MetadataErrors

    private static let types: [Substring: ElementType] = [
        "b1": .bool, "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "u4": .uint32, "i4": .int32,
        "u8": .uint64, "i8": .int64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]

    /// The `dtype` of an array, whose byte order must be stated.
    func stored(_ value: JSONValue?, _ key: String) throws(VolumeError) -> StoredType {
        guard let value, !value.isNull else { throw errors.bad(key, expected: "a data type", found: value) }
        guard let text = value.string else {
            throw errors.unsupported(key, "expected a number type, found \(MetadataErrors.excerpt(value))")
        }
        guard let elementType = Self.types[text.dropFirst()] else {
            throw errors.unsupported(
                key,
                "expected b1, u1, u2, u4, u8, i1, i2, i4, i8, f2, f4 or f8 with a byte order, "
                    + "found \(MetadataErrors.excerpt(value))")
        }
        switch text.first {
        case "<": return StoredType(elementType)
        case ">": return StoredType(elementType, isBigEndian: true)
        case "|" where elementType.byteCount == 1: return StoredType(elementType)
        default: throw errors.bad(key, expected: "a byte order, < or >, before \(text.dropFirst())", found: value)
        }
    }

    /// A data type among the parameters of a filter, which may leave the byte order out or be a name such as `int16`.
    func parameter(_ value: JSONValue?, _ key: String) throws(VolumeError) -> StoredType {
        guard let text = value?.string else { throw errors.bad(key, expected: "a data type", found: value) }
        if let named = ElementType(rawValue: text) { return StoredType(named) }
        if let plain = Self.types[text[...]] { return StoredType(plain) }
        guard let elementType = Self.types[text.dropFirst()], let order = text.first, "<>|=".contains(order) else {
            throw errors.unsupported(key, "expected a number type, found \(MetadataErrors.excerpt(value))")
        }
        return StoredType(elementType, isBigEndian: order == ">")
    }
}
