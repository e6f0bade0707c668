internal import Elements
internal import JSONText

/// A `data_type` of Zarr v3: one of the fixed-size numbers, or bool.
struct ZarrV3DataType {
    let elementType: ElementType

    private static let names = ElementType.allCases.map(\.rawValue).joined(separator: ", ")

    /// - Throws: ``VolumeError`` with code `.unsupported` for complex numbers, strings, raw bits and all extensions.
    init(_ value: JSONValue?, errors: MetadataErrors) throws(VolumeError) {
        guard let value, !value.isNull else { throw errors.bad("data_type", expected: "a data type", found: value) }
        let type = try ZarrV3Extension(value, key: "data_type", errors: errors)
        guard let elementType = ElementType(rawValue: type.name) else {
            throw errors.unsupported("data_type", "expected one of \(Self.names), found \(type.printableName)")
        }
        self.elementType = elementType
    }
}

/// A `fill_value` of Zarr v3 as the bytes of one element, in native byte order.
struct ZarrV3FillValue {
    let elementType: ElementType
    let errors: MetadataErrors

    /// - Throws: ``VolumeError`` with code `.badMetadata` where there is none, or not one that the element type holds.
    ///   Numbers in strings are read, as in version 2; the bits of a number must have all their digits.
    func bytes(_ value: JSONValue?) throws(VolumeError) -> [UInt8] {
        guard let value, !value.isNull else {
            throw errors.bad("fill_value", expected: "a value of type \(elementType.rawValue)", found: value)
        }
        if let text = value.string, text.hasPrefix("0x"),
            !elementType.isFloat || text.count != 2 + 2 * elementType.byteCount
        {
            let digits = "0x and \(2 * elementType.byteCount) hexadecimal digits"
            throw errors.bad("fill_value", expected: elementType.isFloat ? digits : "a number", found: value)
        }
        return try FillValue(elementType: elementType, errors: errors).bytes(value)
    }
}
