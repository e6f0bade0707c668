internal import Elements
internal import JSONText

extension ArrayMetadata {
    /// Reads a `zarr.json` file of Zarr version 3 (https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html).
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where the text is no JSON object or describes a group, `.badMetadata`,
    ///   `.unsupported` and `.tooLarge` with the member's name, what was expected and what was found.
    public init(zarrV3 text: [UInt8], path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        let node = try ZarrV3Node(text, path: path)
        let json = node.document
        guard node.kind == .array else {
            throw VolumeError(.notAnArray, path: path, key: "node_type", "expected \"array\", found \"group\"")
        }
        try Self.checkStorageTransformers(json["storage_transformers"], errors)

        let elementType = try ZarrV3DataType(json["data_type"], errors: errors).elementType
        let extents = MetadataExtents(errors: errors)
        let shape = try extents.numbers(json["shape"], "shape", atLeast: 0)
        try Self.checkDimensionNames(json["dimension_names"], rank: shape.count, errors)
        let chunkShape = try Self.chunkShape(json["chunk_grid"], shape: shape, errors)
        guard
            MetadataExtents.byteCount(shape, elementType.byteCount, atMost: Self.maximumArrayByteCount) != nil
        else {
            throw errors.tooLarge(
                "shape", "\(shape) elements of \(elementType.byteCount) bytes are more than 2^62 bytes")
        }
        let fillValue = try ZarrV3FillValue(elementType: elementType, errors: errors).bytes(json["fill_value"])
        let chunkKeys = try Self.chunkKeys(json["chunk_key_encoding"], errors)
        let codecs = try ZarrV3Codecs(errors: errors, chunkKey: "chunk_grid.configuration.chunk_shape").chain(
            json["codecs"], key: "codecs",
            form: ChunkForm(shape: chunkShape, elementType: elementType, fillValue: fillValue))
        self.init(
            format: .zarrV3, shape: shape, chunkShape: chunkShape, elementType: elementType, fillValue: fillValue,
            fillIsUndefined: false, chunkKeys: chunkKeys, codecs: codecs)
    }

    private static func checkStorageTransformers(
        _ value: JSONValue?, _ errors: MetadataErrors
    ) throws(VolumeError) {
        guard let value, !value.isNull else { return }
        guard let list = value.array else {
            throw errors.bad("storage_transformers", expected: "an array", found: value)
        }
        for (index, entry) in list.enumerated() {
            let transformer = try ZarrV3Extension(entry, key: "storage_transformers[\(index)]", errors: errors)
            guard transformer.mayBeIgnored else {
                throw errors.unsupported(
                    transformer.key, "storage transformers are not supported, found \(transformer.printableName)")
            }
        }
    }

    private static func checkDimensionNames(
        _ value: JSONValue?, rank: Int, _ errors: MetadataErrors
    ) throws(VolumeError) {
        guard let value, !value.isNull else { return }
        guard let names = value.array, names.count == rank, names.allSatisfy({ $0.isNull || $0.string != nil }) else {
            throw errors.bad(
                "dimension_names", expected: "\(rank) strings or nulls, as many as shape has", found: value)
        }
    }

    /// The shape of a regular grid's chunks. Where an axis is empty a chunk length of 0 is taken for 1.
    private static func chunkShape(
        _ value: JSONValue?, shape: [Int], _ errors: MetadataErrors
    ) throws(VolumeError) -> [Int] {
        let grid = try ZarrV3Extension(value, key: "chunk_grid", errors: errors)
        guard grid.name == "regular" else {
            throw errors.unsupported("chunk_grid.name", "expected \"regular\", found \(grid.printableName)")
        }
        let key = "\(grid.configurationKey).chunk_shape"
        let member = grid.configuration["chunk_shape"]
        let extents = try MetadataExtents(errors: errors).numbers(member, key, atLeast: 0)
        guard extents.count == shape.count else {
            throw errors.bad(key, expected: "\(shape.count) numbers, as many as shape has", found: member)
        }
        for (axis, extent) in extents.enumerated() where extent == 0 && shape[axis] > 0 {
            throw errors.bad("\(key)[\(axis)]", expected: "an integer of at least 1", found: 0)
        }
        return extents.map { max($0, 1) }
    }

    private static func chunkKeys(_ value: JSONValue?, _ errors: MetadataErrors) throws(VolumeError) -> ChunkKeyEncoding
    {
        let encoding = try ZarrV3Extension(value, key: "chunk_key_encoding", errors: errors)
        guard encoding.name == "default" || encoding.name == "v2" else {
            throw errors.unsupported(
                "chunk_key_encoding.name", "expected \"default\" or \"v2\", found \(encoding.printableName)")
        }
        let isDefault = encoding.name == "default"
        let separator = encoding.configuration["separator"] ?? (isDefault ? "/" : ".")
        guard let text = separator.string, text == "/" || text == "." else {
            throw errors.bad(
                "\(encoding.configurationKey).separator", expected: "\"/\" or \".\"", found: separator)
        }
        return ChunkKeyEncoding(prefix: isDefault ? "c" : nil, separator: text)
    }
}
