internal import Elements
internal import JSONText

extension ArrayMetadata {
    /// Reads a `.zarray` file of Zarr version 2 (https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html).
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where the text is no JSON object, `.badMetadata`, `.unsupported` and
    ///   `.tooLarge` with the member's name, what was expected and what was found.
    public init(zarrV2 text: [UInt8], path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: text)
        } catch {
            throw VolumeError(.badMetadata, path: path, "not JSON: \(VolumeError.printable(error.description))")
        }
        guard json.object != nil else {
            throw VolumeError(.notAnArray, path: path, "expected an object, found \(json.kind)")
        }
        guard let version = json["zarr_format"] else {
            throw errors.bad("zarr_format", expected: "2", found: nil)
        }
        guard version.integer == 2 else {
            throw errors.unsupported("zarr_format", "expected 2, found \(MetadataErrors.excerpt(version))")
        }

        let dataType = try ZarrV2DataType(json["dtype"], errors: errors)
        let elementBytes = dataType.elementType.byteCount
        let shape = try Self.extents(json, "shape", atLeast: 0, errors: errors)
        let chunkShape = try Self.extents(json, "chunks", atLeast: 1, errors: errors)
        guard shape.count == chunkShape.count else {
            throw errors.bad("chunks", expected: "\(shape.count) numbers, as many as shape has", found: json["chunks"])
        }
        guard Self.byteCount(shape, elementBytes, atMost: Self.maximumArrayByteCount) != nil else {
            throw errors.tooLarge("shape", "\(shape) elements of \(elementBytes) bytes are more than 2^62 bytes")
        }
        guard Self.byteCount(chunkShape, elementBytes, atMost: Self.maximumChunkByteCount) != nil else {
            throw errors.tooLarge(
                "chunks",
                "\(chunkShape) elements of \(elementBytes) bytes are more than \(Self.maximumChunkByteCount) bytes")
        }

        let order = json["order"]
        guard order == "C" || order == "F" else { throw errors.bad("order", expected: "\"C\" or \"F\"", found: order) }
        if let filters = json["filters"], !filters.isNull, filters != [] {
            guard let list = filters.array else {
                throw errors.bad("filters", expected: "null or an array", found: filters)
            }
            let names = list.map { MetadataErrors.excerpt($0["id"] ?? $0) }.joined(separator: ", ")
            throw errors.unsupported("filters", "filters are not supported, found \(VolumeError.printable(names))")
        }
        let summary = try CodecRegistry.summary(zarrV2: json["compressor"], errors: errors)
        try Self.checkBloscLimit(chunkShape, elementBytes, summary, errors)

        let fill = json["fill_value"] ?? .null
        self.init(
            format: .zarrV2, shape: shape, chunkShape: chunkShape, elementType: dataType.elementType,
            fillValue: fill.isNull
                ? [UInt8](repeating: 0, count: elementBytes)
                : try FillValue(elementType: dataType.elementType, errors: errors).bytes(fill),
            fillIsUndefined: fill.isNull, codecSummary: summary,
            keySeparator: try Self.separator(json["dimension_separator"], errors: errors),
            isByteSwapped: dataType.isByteSwapped, isFortranOrder: order == "F")
    }

    /// The numbers of `shape` or `chunks`.
    private static func extents(
        _ json: JSONValue, _ key: String, atLeast minimum: Int, errors: MetadataErrors
    ) throws(VolumeError) -> [Int] {
        guard let values = json[key]?.array else {
            throw errors.bad(key, expected: "an array of integers", found: json[key])
        }
        guard (1...maximumRank).contains(values.count) else {
            throw errors.unsupported(key, "expected 1 to \(maximumRank) axes, found \(values.count)")
        }
        var extents: [Int] = []
        for (axis, value) in values.enumerated() {
            guard let extent = value.integer, extent >= minimum else {
                throw errors.bad("\(key)[\(axis)]", expected: "an integer of at least \(minimum)", found: value)
            }
            guard extent <= maximumArrayByteCount else {
                throw errors.tooLarge("\(key)[\(axis)]", "\(extent) is more than 2^62")
            }
            extents.append(extent)
        }
        return extents
    }

    /// The product of the extents and the bytes of an element; nil where it is above `limit`.
    private static func byteCount(_ extents: [Int], _ elementBytes: Int, atMost limit: Int) -> Int? {
        if extents.contains(0) { return 0 }
        var total = elementBytes
        for extent in extents {
            let (product, overflow) = total.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= limit else { return nil }
            total = product
        }
        return total
    }

    private static func checkBloscLimit(
        _ chunkShape: [Int], _ elementBytes: Int, _ summary: CodecSummary, _ errors: MetadataErrors
    ) throws(VolumeError) {
        guard summary.name == "blosc" else { return }
        let limit = CodecRegistry.maximumBloscByteCount
        guard byteCount(chunkShape, elementBytes, atMost: limit) != nil else {
            throw errors.tooLarge(
                "chunks", "\(chunkShape) elements of \(elementBytes) bytes are more than blosc's \(limit) bytes")
        }
    }

    /// A missing separator is `.`, as the specification says.
    private static func separator(_ value: JSONValue?, errors: MetadataErrors) throws(VolumeError) -> String {
        guard let value, !value.isNull else { return "." }
        guard let text = value.string, text == "/" || text == "." else {
            throw errors.bad("dimension_separator", expected: "\"/\" or \".\"", found: value)
        }
        return text
    }
}

/// A `dtype` of Zarr v2, which is numpy's: byte order, kind, bytes (`<u2`, `|u1`, `>f4`).
struct ZarrV2DataType {
    let elementType: ElementType
    /// Whether elements are stored in the other byte order than this machine's.
    let isByteSwapped: Bool

    private static let types: [Substring: ElementType] = [
        "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "u4": .uint32, "i4": .int32, "u8": .uint64,
        "i8": .int64, "f4": .float32, "f8": .float64,
    ]

    init(_ value: JSONValue?, errors: MetadataErrors) throws(VolumeError) {
        guard let value, !value.isNull else { throw errors.bad("dtype", expected: "a data type", found: value) }
        guard let text = value.string else {
            throw errors.unsupported("dtype", "expected a number type, found \(MetadataErrors.excerpt(value))")
        }
        guard let elementType = Self.types[text.dropFirst()] else {
            throw errors.unsupported(
                "dtype",
                "expected u1, u2, u4, u8, i1, i2, i4, i8, f4 or f8 with a byte order, "
                    + "found \(MetadataErrors.excerpt(value))")
        }
        let isLittleEndianMachine = 1.littleEndian == 1
        switch text.first {
        case "<":
            isByteSwapped = !isLittleEndianMachine && elementType.byteCount > 1
        case ">":
            isByteSwapped = isLittleEndianMachine && elementType.byteCount > 1
        case "|" where elementType.byteCount == 1:
            isByteSwapped = false
        default:
            throw errors.bad("dtype", expected: "a byte order, < or >, before \(text.dropFirst())", found: value)
        }
        self.elementType = elementType
    }
}
