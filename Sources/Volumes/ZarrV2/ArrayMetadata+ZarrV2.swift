internal import Codecs
internal import Elements
internal import JSONText

extension ArrayMetadata {
    /// Reads a `.zarray` file of Zarr version 2 (https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html).
    ///
    /// A missing `dimension_separator` is `.`, as in the specification and zarr-python. Nested chunks without the member are not found, and
    /// read as the fill value.
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where the text is no JSON object, `.badMetadata`, `.unsupported` and
    ///   `.tooLarge` with the member's name, what was expected and what was found.
    public init(zarrV2 text: [UInt8], path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        let json = try errors.object(text)
        guard let version = json["zarr_format"] else {
            throw errors.bad("zarr_format", expected: "2", found: nil)
        }
        guard version.integer == 2 else {
            throw errors.unsupported("zarr_format", "expected 2, found \(MetadataErrors.excerpt(version))")
        }

        let stored = try NumpyDataType(errors: errors).stored(json["dtype"], "dtype")
        let elementType = stored.elementType
        let extents = MetadataExtents(errors: errors)
        let shape = try extents.numbers(json["shape"], "shape", atLeast: 0)
        let chunkShape = try extents.numbers(json["chunks"], "chunks", atLeast: 1)
        try extents.check(
            shape: shape, "shape", chunkShape: chunkShape, "chunks", elementByteCount: elementType.byteCount)

        let order = json["order"]
        guard order == "C" || order == "F" else { throw errors.bad("order", expected: "\"C\" or \"F\"", found: order) }
        let fill = json["fill_value"] ?? .null
        let fillValue = FillValue(elementType: elementType, errors: errors, isByteSwapped: stored.isByteSwapped)
        let codecs = CodecChain(
            arrayToArray: order == "F" && shape.count > 1 ? [.transpose(order: shape.indices.reversed())] : [],
            arrayToBytes: .bytes(isBigEndian: stored.isBigEndian),
            bytesToBytes: try Self.stages(json, elementByteCount: elementType.byteCount, errors))
        self.init(
            format: .zarrV2, shape: shape, chunkShape: chunkShape, elementType: elementType,
            fillValue: fill.isNull
                ? [UInt8](repeating: 0, count: elementType.byteCount) : try fillValue.bytes(fill),
            fillIsUndefined: fill.isNull,
            chunkKeys: ChunkKeyEncoding(separator: try Self.separator(json["dimension_separator"], errors)),
            codecs: codecs)
        try extents.check(codecs, form: chunkForm, "chunks")
    }

    /// The filters in their order, then the compressor. Each interprets the bytes as it needs.
    private static func stages(
        _ json: JSONValue, elementByteCount: Int, _ errors: MetadataErrors
    ) throws(VolumeError) -> [BytesStage] {
        var stages: [BytesStage] = []
        if let filters = json["filters"], !filters.isNull {
            guard let list = filters.array else {
                throw errors.bad("filters", expected: "null or an array", found: filters)
            }
            guard list.count < CodecChain.maximumStageCount else {
                throw errors.unsupported(
                    "filters", "expected fewer than \(CodecChain.maximumStageCount) filters, found \(list.count)")
            }
            for (index, filter) in list.enumerated() {
                let codec = NumcodecsCodec(
                    configuration: filter, key: "filters[\(index)]", elementByteCount: elementByteCount, errors: errors)
                let stage = try codec.stage()
                // Refused, because numcodecs does not shuffle then but netCDF does, and the bytes do not show which of them wrote it.
                if case .shuffle(let shuffle) = stage, shuffle.elementByteCount == 0, elementByteCount > 1 {
                    throw errors.unsupported(
                        "filters[\(index)].elementsize",
                        "expected the bytes of an element, \(elementByteCount), found 0")
                }
                stages.append(stage)
            }
        }
        if let compressor = json["compressor"], !compressor.isNull {
            let codec = NumcodecsCodec(
                configuration: compressor, key: "compressor", elementByteCount: elementByteCount, errors: errors)
            stages.append(try codec.stage())
        }
        return stages
    }

    private static func separator(_ value: JSONValue?, _ errors: MetadataErrors) throws(VolumeError) -> String {
        guard let value, !value.isNull else { return "." }
        guard let text = value.string, text == "/" || text == "." else {
            throw errors.bad("dimension_separator", expected: "\"/\" or \".\"", found: value)
        }
        return text
    }
}
