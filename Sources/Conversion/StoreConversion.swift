internal import Arrays
internal import Elements
internal import HDF5
internal import JSONText
internal import Manifest
internal import SampleStore
public import Stores
internal import Threads
public import Volumes

/// Converts an array, or all arrays of a group, to one HDF5 file: every array becomes a dataset of the same name, attributes become
/// HDF5 attributes. The file appears whole or not at all.
public struct StoreConversion: Sendable {
    private let store: any ObjectStore
    /// Where the array or group lies in the store; "" is its root.
    private let root: String
    private let rootName: String
    private let format: VolumeFormat?
    private let options: ConversionOptions

    /// - Parameters:
    ///   - source: what ``url(of:)`` makes of a URL or path.
    ///   - format: the only metadata that are looked at where a folder has several.
    /// - Throws: ``StoreError`` for a bad endpoint. Nothing is sent or written yet.
    public init(
        source: StoreURL, storeOptions: StoreOptions, format: VolumeFormat? = nil, options: ConversionOptions
    ) throws(StoreError) {
        store = try openStore(source, options: storeOptions, counter: TransferCounter())
        root = source.scheme == .sample ? source.prefix : ""
        let name = source.prefix.pathComponents().last ?? "array"
        rootName = name.lowercased().hasSuffix(".zip") ? String(name.dropLast(4)) : name
        self.format = format
        self.options = options
    }

    /// The store that a URL or a path of the file system names.
    ///
    /// - Throws: ``StoreError/Code/badURL``.
    public static func url(of source: String) throws(StoreError) -> StoreURL {
        if source.contains("://") || source.lowercased().hasPrefix("sample:") { return try StoreURL(source) }
        guard !source.isEmpty else { throw StoreError(.badURL, url: source, message: "there is no source") }
        return try StoreURL("file://" + AbsolutePath(source).text.replacing("%", with: "%25"))
    }

    /// Reads the metadata, writes the file and publishes it.
    ///
    /// - Throws: ``JobError`` where the file cannot be written or the work was stopped; ``VolumeError`` and ``StoreError`` with the URL
    ///   of what cannot be read; ``HDF5Error``. There is no file then, or the one that was there before.
    public func run() async throws -> ConversionOutcome {
        do {
            BufferPool.setLimit(bytes: options.memory / 16)
            let nodes = try await HierarchyReader(
                nodes: NodeReader(store: store, format: format, warn: options.warn), stop: options.stop
            ).read(root)
            for node in nodes { try checkMemory(node) }
            return try await withTaskExecutorPreference(ThreadPool.compute) {
                var outcome = ConversionOutcome()
                try await OutputFile.make(at: options.output, stop: options.stop) { writer in
                    outcome = try await fill(writer, nodes)
                }
                return outcome
            }
        } catch {
            throw JobError(error, options.stop) ?? error
        }
    }

    /// A chunk is decoded as a whole, while its stored form is in memory, too.
    private func checkMemory(_ node: HierarchyNode) throws(VolumeError) {
        guard let metadata = node.array else { return }
        let bytes = metadata.innerChunkShape.reduce(metadata.elementType.byteCount, *)
        let index = metadata.shardGrid?.indexByteCount ?? 0
        guard max(bytes, index * 4) <= options.memory / 3 else {
            throw VolumeError(
                .tooLarge, path: url(of: node),
                "a chunk of \(bytes) bytes (index of a shard: \(index)) needs --memory of at least "
                    + "\(max(bytes, index * 4) / (1 << 20) * 3 + 3)MiB")
        }
    }

    private func url(of node: HierarchyNode) -> String { store.url.url(of: folder(of: node)) }

    private func folder(of node: HierarchyNode) -> String { HierarchyReader.folder(root, node.path) }

    // MARK: The file

    private func fill(_ writer: HDF5Writer, _ nodes: [HierarchyNode]) async throws -> ConversionOutcome {
        var outcome = ConversionOutcome()
        var groups: Set<ByteName> = [ByteName("/")]
        for node in nodes {
            guard let metadata = node.array else { continue }
            let path = path(of: node)
            try await copy(node, metadata, to: path, writer, &outcome)
            for depth in node.path.indices { groups.insert(ByteName("/" + node.path[..<depth].joined(separator: "/"))) }
        }
        for node in nodes where node.array == nil {
            let path = path(of: node)
            guard groups.contains(ByteName(path)) else {
                if !node.attributes.isEmpty {
                    options.warn("\(url(of: node)): a group without arrays; its attributes are left out")
                }
                continue
            }
            try await setAttributes(of: node, on: path, writer)
        }
        return outcome
    }

    /// The path of a node in the file; an array that is the source itself has the name of its folder.
    private func path(of node: HierarchyNode) -> String {
        "/" + (node.path.isEmpty && node.array != nil ? rootName : node.path.joined(separator: "/"))
    }

    private func copy(
        _ node: HierarchyNode, _ metadata: ArrayMetadata, to path: String, _ writer: HDF5Writer,
        _ outcome: inout ConversionOutcome
    ) async throws {
        let memory = options.memory
        let encoding = Encoding(
            options.compression, level: options.level, copying: metadata, maximumChunkBytes: memory / 8)
        let batches = ChunkBatches(
            store: store, folder: folder(of: node), metadata: metadata, batchBytes: min(16 << 20, memory / 32))
        let chunks = try await DatasetCopy(
            writer: writer, batches: batches, encoding: encoding, path: path, memory: memory, stop: options.stop
        ).run()
        outcome.arrays += 1
        outcome.chunks = outcome.chunks + chunks

        try await setAttributes(of: node, on: path, writer)
        if !node.axisNames.isEmpty {
            try await writer.setAttribute("DIMENSION_LABELS", .strings(node.axisNames), on: path)
        }
        if options.compression == .source {
            try await writer.setAttribute("source_codec", .string(metadata.innerCodecDescription), on: path)
            try await writer.setAttribute("chunks_passed_through", .integer(Int64(chunks.passed)), on: path)
            try await writer.setAttribute("chunks_transcoded", .integer(Int64(chunks.encoded)), on: path)
        }
    }

    private func setAttributes(of node: HierarchyNode, on path: String, _ writer: HDF5Writer) async throws {
        for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
            guard AttributeConversion.isName(name) else {
                options.warn(
                    "\(url(of: node)): HDF5 has no attribute of the name \(name.prefix(80).debugDescription)")
                continue
            }
            try await writer.setAttribute(name, AttributeConversion.value(value), on: path)
        }
    }
}

extension ArrayMetadata {
    /// How chunks (inner ones, where there are shards) are encoded, in words.
    fileprivate var innerCodecDescription: String {
        if let innerCodecSummary { return innerCodecSummary.description }
        var chain = shardGrid?.innerCodecs ?? codecs
        var names: [String] = []
        for stage in chain.arrayToArray {
            switch stage {
            case .transpose: names.append("transpose")
            case .elements: names.append("filter")
            }
        }
        switch chain.arrayToBytes {
        case .bytes(let isBigEndian): names.append(isBigEndian ? "big-endian" : "little-endian")
        case .packBits: names.append("packbits")
        case .sharding: names.append("shards")
        case .n5Block(let layout):
            names.append("n5 block")
            chain = CodecChain(bytesToBytes: layout.payloadCodecs)
        }
        return (names + chain.bytesToBytes.map(\.name)).joined(separator: ", ")
    }
}
