internal import Elements
public import JSONText

extension ArrayMetadata {
    /// Reads the `attributes.json` of an N5 array (https://github.com/saalfeldlab/n5#file-system-specification).
    ///
    /// N5 writes `dimensions` and `blockSize` as x, y, z and stores x fastest: shape and chunks here are z, y, x, in C
    /// order. Attributes that are none of the format's are ignored, `n5`, the version, among them.
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where the text is no JSON object or has no `dimensions` (a group),
    ///   `.badMetadata`, `.unsupported` and `.tooLarge` with the member's name, what was expected and what was found.
    public init(n5 text: [UInt8], path: String) throws(VolumeError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: text)
        } catch {
            throw VolumeError(.badMetadata, path: path, "not JSON: \(VolumeError.printable(error.description))")
        }
        try self.init(n5: json, path: path)
    }

    /// Reads attributes that have been parsed already.
    public init(n5 json: JSONValue, path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        guard json.object != nil else {
            throw VolumeError(.notAnArray, path: path, "expected an object, found \(json.kind)")
        }
        guard let dimensions = json["dimensions"], !dimensions.isNull else {
            throw VolumeError(
                .notAnArray, path: path, key: "dimensions",
                "expected an array of integers, found nothing: a group, or attributes of another kind")
        }
        let elementType = try Self.n5ElementType(json["dataType"], errors: errors)
        let extents = MetadataExtents(errors: errors)
        let shape = try extents.numbers(dimensions, "dimensions", atLeast: 0)
        let blockShape = try extents.numbers(json["blockSize"], "blockSize", atLeast: 1)
        guard !shape.isEmpty else {
            throw errors.unsupported("dimensions", "expected 1 to \(Self.maximumRank) axes, found none")
        }
        try extents.check(
            shape: shape, "dimensions", chunkShape: blockShape, "blockSize",
            elementByteCount: elementType.byteCount)

        let compression = N5Compression(errors: errors, elementByteCount: elementType.byteCount)
        let stages = try compression.stages(json)
        let chunkShape = Array(blockShape.reversed())
        let fillValue = [UInt8](repeating: 0, count: elementType.byteCount)
        let form = ChunkForm(shape: chunkShape, elementType: elementType, fillValue: fillValue)
        // The codec's own limit is checked for the payload.
        try extents.check(CodecChain(bytesToBytes: stages), form: form, "blockSize")
        let codecs = CodecChain(arrayToBytes: .n5Block(N5BlockLayout(payloadCodecs: stages)))
        self.init(
            format: .n5, shape: shape.reversed(), chunkShape: chunkShape, elementType: elementType,
            fillValue: fillValue, fillIsUndefined: false,
            chunkKeys: ChunkKeyEncoding(separator: "/", isReversed: true), codecs: codecs)
    }

    private static func n5ElementType(_ value: JSONValue?, errors: MetadataErrors) throws(VolumeError) -> ElementType {
        guard let name = value?.string else { throw errors.bad("dataType", expected: "a data type", found: value) }
        switch ElementType(rawValue: name) {
        case .bool?, .float16?, nil:
            throw errors.unsupported(
                "dataType",
                "expected uint8 to uint64, int8 to int64, float32 or float64, found \(MetadataErrors.excerpt(value))")
        case let elementType?:
            return elementType
        }
    }
}
