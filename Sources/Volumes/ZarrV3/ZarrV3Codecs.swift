internal import Codecs
internal import Elements
internal import JSONText

/// Reads the `codecs` of Zarr v3: those of the specification, and numcodecs' under the names `numcodecs.…`.
struct ZarrV3Codecs {
    let errors: MetadataErrors
    /// The member that holds the chunk shape, for messages about sizes.
    let chunkKey: String
    /// How many shards this list is inside of.
    var nesting = 0

    /// More shards inside of shards than that are refused.
    private static let maximumNesting = 8
    /// Names of numcodecs' codecs; the second prefix is that of its first release with them.
    private static let numcodecsPrefixes = ["numcodecs.", "https://zarr.dev/numcodecs/"]
    /// numcodecs' codecs that turn arrays into arrays; all others turn bytes into bytes.
    private static let numcodecsFilters: Set<String> = [
        "delta", "bitround", "fixedscaleoffset", "quantize", "astype", "packbits",
    ]

    /// The chain that the list stands for.
    ///
    /// - Parameter form: what is encoded.
    /// - Throws: ``VolumeError`` with code `.badMetadata` where the list or a configuration breaks the rules,
    ///   `.unsupported` for unknown codecs which must be understood, `.tooLarge` for chunks beyond the limits.
    func chain(_ value: JSONValue?, key: String, form: ChunkForm) throws(VolumeError) -> CodecChain {
        guard let list = value?.array else { throw errors.bad(key, expected: "an array", found: value) }
        guard list.count <= CodecChain.maximumStageCount else {
            throw errors.unsupported(
                key, "expected at most \(CodecChain.maximumStageCount) codecs, found \(list.count)")
        }
        var chain = PartialChain(form: form)
        for (index, entry) in list.enumerated() {
            let codec = try ZarrV3Extension(entry, key: "\(key)[\(index)]", errors: errors)
            try append(codec, to: &chain)
        }
        guard let arrayToBytes = chain.arrayToBytes else {
            throw errors.bad(key, expected: "a codec that turns arrays into bytes, such as \"bytes\"", found: value)
        }
        let codecs = CodecChain(
            arrayToArray: chain.arrayToArray, arrayToBytes: arrayToBytes, bytesToBytes: chain.bytesToBytes)
        try check(codecs, form: form)
        return codecs
    }

    /// The stages so far, and the form of the array after them.
    private struct PartialChain {
        var form: ChunkForm
        var arrayToArray: [ArrayStage] = []
        var arrayToBytes: ArrayToBytes?
        var bytesToBytes: [BytesStage] = []
        /// Whether booleans have been packed, and only `bytes` may follow.
        var isPacked = false

        init(form: ChunkForm) { self.form = form }

        mutating func append(_ stage: ArrayStage) {
            arrayToArray.append(stage)
            form = stage.encodedForm(of: form)
        }
    }

    private func append(_ codec: ZarrV3Extension, to chain: inout PartialChain) throws(VolumeError) {
        switch codec.name {
        case "transpose":
            try expectArray(chain, codec)
            chain.append(.transpose(order: try order(codec, rank: chain.form.shape.count)))
        // Drafts called it `endian`.
        case "bytes", "endian":
            try expectArray(chain, codec, mayBePacked: true)
            let isBigEndian = try isBigEndian(codec, chain.form.elementType, isPacked: chain.isPacked)
            chain.arrayToBytes = chain.isPacked ? .packBits : .bytes(isBigEndian: isBigEndian)
        case "sharding_indexed":
            try expectArray(chain, codec)
            chain.arrayToBytes = .sharding(try shardLayout(codec, form: chain.form))
        case "gzip", "zstd", "blosc", "crc32c":
            try appendBytesStage(codec.name, of: codec, to: &chain)
        default:
            guard let prefix = Self.numcodecsPrefixes.first(where: codec.name.hasPrefix) else {
                // A codec that may be ignored changes nothing that a reader has to undo.
                if codec.mayBeIgnored { return }
                throw errors.unsupported("\(codec.key).name", "codec \(codec.printableName) is not supported")
            }
            let id = String(codec.name.dropFirst(prefix.count))
            if Self.numcodecsFilters.contains(id) {
                try appendFilter(id, of: codec, to: &chain)
            } else {
                try appendBytesStage(id, of: codec, to: &chain)
            }
        }
    }

    private func expectArray(
        _ chain: PartialChain, _ codec: ZarrV3Extension, mayBePacked: Bool = false
    ) throws(VolumeError) {
        guard chain.arrayToBytes == nil, mayBePacked || !chain.isPacked else {
            throw VolumeError(
                .badMetadata, path: errors.path, key: codec.key,
                "codec \(codec.printableName) takes arrays, but stands behind one that gives bytes")
        }
    }

    private func appendBytesStage(
        _ id: String, of codec: ZarrV3Extension, to chain: inout PartialChain
    ) throws(VolumeError) {
        let width = chain.form.elementType.byteCount
        var configuration = codec.configuration.object ?? [:]
        var typeSize = width
        switch id {
        case "blosc":
            if let shuffle = configuration["shuffle"]?.string {
                let names = ["noshuffle", "shuffle", "bitshuffle"]
                guard let number = names.firstIndex(of: shuffle) else {
                    throw errors.bad(
                        "\(codec.configurationKey).shuffle", expected: "one of \(names.joined(separator: ", "))",
                        found: configuration["shuffle"])
                }
                configuration["shuffle"] = .integer(number)
            }
            // It matters for writing only: what is read says itself how it was shuffled.
            if let stated = configuration["typesize"]?.integer, (1...255).contains(stated) { typeSize = stated }
        case "shuffle":
            if configuration["elementsize"]?.isNull ?? true { configuration["elementsize"] = .integer(width) }
        default: break
        }
        let reader = NumcodecsCodec(
            configuration: .object(configuration), key: codec.configurationKey, elementByteCount: typeSize,
            errors: errors)
        let stage = try reader.stage(id: id, idKey: "\(codec.key).name")
        guard chain.arrayToBytes != nil else {
            throw VolumeError(
                .badMetadata, path: errors.path, key: codec.key,
                "codec \(codec.printableName) takes bytes, but no codec before it turns the array into bytes")
        }
        chain.bytesToBytes.append(stage)
    }

    private func appendFilter(
        _ id: String, of codec: ZarrV3Extension, to chain: inout PartialChain
    ) throws(VolumeError) {
        try expectArray(chain, codec)
        if id == "packbits" {
            guard chain.form.elementType == .bool else {
                throw errors.unsupported(
                    codec.key, "expected booleans to pack, found \(chain.form.elementType.rawValue)")
            }
            chain.isPacked = true
            return
        }
        var configuration = codec.configuration.object ?? [:]
        let type = id == "astype" ? "decode_dtype" : "dtype"
        if id != "bitround", configuration[type]?.isNull ?? true {
            configuration[type] = .string(chain.form.elementType.rawValue)
        }
        let reader = NumcodecsCodec(
            configuration: .object(configuration), key: codec.configurationKey,
            elementByteCount: chain.form.elementType.byteCount, errors: errors)
        guard case .elements(let filter) = try reader.stage(id: id, idKey: "\(codec.key).name") else { return }
        if let decoded = filter.decodedType, decoded.elementType.byteCount != chain.form.elementType.byteCount {
            throw errors.bad(
                "\(codec.configurationKey).\(type)",
                expected: "a type as wide as \(chain.form.elementType.rawValue)", found: configuration[type])
        }
        chain.append(.elements(filter))
    }

    private func order(_ codec: ZarrV3Extension, rank: Int) throws(VolumeError) -> [Int] {
        let value = codec.configuration["order"]
        // Drafts had numpy's letters.
        if value == "C" { return Array(0..<rank) }
        if value == "F" { return (0..<rank).reversed() }
        let order = value?.array?.compactMap(\.integer) ?? []
        guard value?.array?.count == rank, order.sorted() == Array(0..<rank) else {
            throw errors.bad(
                "\(codec.configurationKey).order", expected: "a permutation of the \(rank) axes", found: value)
        }
        return order
    }

    private func isBigEndian(
        _ codec: ZarrV3Extension, _ type: ElementType, isPacked: Bool
    ) throws(VolumeError) -> Bool {
        let endian = codec.configuration["endian"] ?? .null
        switch endian {
        case "little": return false
        case "big": return type.byteCount > 1
        case .null where type.byteCount == 1 || isPacked: return false
        default:
            throw errors.bad(
                "\(codec.configurationKey).endian", expected: "\"little\" or \"big\" for \(type.rawValue)",
                found: codec.configuration["endian"])
        }
    }

    // MARK: Sharding

    private func shardLayout(_ codec: ZarrV3Extension, form: ChunkForm) throws(VolumeError) -> ShardLayout {
        guard nesting < Self.maximumNesting else {
            throw errors.unsupported(codec.key, "expected at most \(Self.maximumNesting) nested shards")
        }
        let key = codec.configurationKey
        let member = codec.configuration["chunk_shape"]
        let inner = try MetadataExtents(errors: errors).numbers(member, "\(key).chunk_shape", atLeast: 1)
        guard inner.count == form.shape.count, zip(form.shape, inner).allSatisfy({ $0 % $1 == 0 }) else {
            throw errors.bad("\(key).chunk_shape", expected: "divisors of the shard's \(form.shape)", found: member)
        }
        let gridShape = zip(form.shape, inner).map { $0 / $1 }
        let limit = ShardLayout.maximumInnerChunkCount
        guard MetadataExtents.byteCount(gridShape, 1, atMost: limit) != nil else {
            throw errors.tooLarge(
                "\(key).chunk_shape", "\(gridShape) inner chunks in a shard are more than \(limit)")
        }
        let reader = ZarrV3Codecs(errors: errors, chunkKey: "\(key).chunk_shape", nesting: nesting + 1)
        let innerForm = ChunkForm(shape: inner, elementType: form.elementType, fillValue: form.fillValue)
        let indexForm = ShardLayout.indexForm(gridShape: gridShape)
        let layout = ShardLayout(
            innerChunkShape: inner,
            innerCodecs: try reader.chain(codec.configuration["codecs"], key: "\(key).codecs", form: innerForm),
            indexCodecs: try reader.chain(
                codec.configuration["index_codecs"], key: "\(key).index_codecs", form: indexForm),
            isIndexAtStart: try isIndexAtStart(codec))
        guard layout.indexByteCount(gridShape: gridShape) != nil else {
            throw errors.unsupported(
                "\(key).index_codecs", "expected codecs of fixed size, such as \"bytes\" and \"crc32c\"")
        }
        return layout
    }

    private func isIndexAtStart(_ codec: ZarrV3Extension) throws(VolumeError) -> Bool {
        switch codec.configuration["index_location"] {
        case nil, .some(.null), .some("end"): return false
        case .some("start"): return true
        case .some(let other):
            throw errors.bad(
                "\(codec.configurationKey).index_location", expected: "\"start\" or \"end\"", found: other)
        }
    }

    // MARK: Sizes

    /// Checks that no chunk is larger than is accepted. Shards may be: they are read in parts.
    private func check(_ codecs: CodecChain, form: ChunkForm) throws(VolumeError) {
        let isReadInParts = nesting == 0 && ShardGrid(codecs, form: form) != nil
        let limit = isReadInParts ? ShardLayout.maximumShardByteCount : ChunkForm.maximumByteCount
        let width = form.elementType.byteCount
        guard MetadataExtents.byteCount(form.shape, width, atMost: limit) != nil else {
            throw errors.tooLarge(chunkKey, "\(form.shape) elements of \(width) bytes are more than \(limit) bytes")
        }
        guard !isReadInParts else { return }
        try MetadataExtents(errors: errors).check(codecs, form: form, chunkKey)
    }
}
