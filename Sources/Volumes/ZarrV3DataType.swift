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

    /// - Throws: ``VolumeError`` with code `.badMetadata` where the value is not one that the element type holds.
    func bytes(_ value: JSONValue?) throws(VolumeError) -> [UInt8] {
        guard let value, !value.isNull else {
            throw errors.bad("fill_value", expected: "a value of type \(elementType.rawValue)", found: value)
        }
        switch (elementType, value) {
        case (.float16, .string(let text)), (.float32, .string(let text)), (.float64, .string(let text)):
            guard text.hasPrefix("0x") else { break }
            // The bits of the number, most significant first, which is the only way to state the payload of a NaN.
            let digits = text.dropFirst(2)
            guard digits.utf8.count == 2 * elementType.byteCount, digits.allSatisfy(\.isHexDigit),
                let bits = UInt64(digits, radix: 16)
            else {
                throw errors.bad(
                    "fill_value", expected: "0x and \(2 * elementType.byteCount) hexadecimal digits", found: value)
            }
            return (0..<elementType.byteCount).map { byte in
                let place = 1.littleEndian == 1 ? byte : elementType.byteCount - 1 - byte
                return UInt8(truncatingIfNeeded: bits >> UInt64(8 * place))
            }
        default: break
        }
        return try FillValue(elementType: elementType, errors: errors).bytes(value)
    }
}
