public import Arrays
internal import Elements
internal import HDF5
internal import JSONText
internal import Ledger
internal import Manifest
internal import SampleStore
public import Stores
internal import Threads
internal import Volumes

/// Converts an array, or all arrays of a group, to one HDF5 file: every array becomes a dataset of the same name, attributes become
/// HDF5 attributes. The file appears whole or not at all.
public struct StoreConversion: Sendable {
    public enum Compression: String, Sendable, CaseIterable {
        /// HDF5's own, which every reader opens.
        case gzip
        /// Filter 32015.
        case zstd
        /// Filter 32001.
        case blosc
        case none
        /// The source's codec; chunks are taken over as they are where HDF5 has a filter for them.
        case source

        /// How hard it may be tried, from fast to small; nil where there is nothing to choose.
        public var levels: ClosedRange<Int>? {
            switch self {
            case .gzip, .blosc: 1...9
            case .zstd: 1...22
            case .none, .source: nil
            }
        }
    }

    /// Which metadata are looked at where a folder has several.
    public enum Format: String, Sendable, CaseIterable {
        case zarr2, zarr3, n5
    }

    /// What was written.
    public struct Outcome: Sendable, Equatable {
        public internal(set) var arrays = 0
        /// Chunks that were taken over as they are, and chunks that were encoded anew.
        public internal(set) var passedChunks = 0
        public internal(set) var transcodedChunks = 0
    }

    private let store: any ObjectStore
    /// Where the array or group lies in the store; "" is its root.
    private let root: String
    private let rootName: String
    private let output: AbsolutePath
    private let compression: Compression
    private let level: Int?
    private let format: Format?
    private let memory: Int
    private let stop: StopSignal
    private let warn: @Sendable (String) -> Void

    /// The least memory that the work is done in.
    public static let minimumMemory = 128 << 20

    /// - Parameters:
    ///   - source: what ``url(of:)`` makes of a URL or path.
    ///   - output: the path of the file. Its folder is made where it is missing.
    ///   - level: within ``Compression/levels``; nil for one that suits the elements.
    ///   - memory: bytes that may be in use.
    ///   - warn: told, in one line each, what is left out.
    /// - Throws: ``StoreError`` for a bad endpoint. Nothing is sent or written yet.
    public init(
        source: StoreURL, output: String, options: StoreOptions, compression: Compression = .gzip,
        level: Int? = nil, format: Format? = nil, memory: Int = 1 << 30, stop: StopSignal,
        warn: @escaping @Sendable (String) -> Void
    ) throws(StoreError) {
        store = try openStore(source, options: options, counter: TransferCounter())
        root = source.scheme == .sample ? source.prefix : ""
        let name = source.prefix.pathComponents().last ?? "array"
        rootName = name.lowercased().hasSuffix(".zip") ? String(name.dropLast(4)) : name
        self.output = AbsolutePath(output)
        self.compression = compression
        self.level = level
        self.format = format
        self.memory = max(memory, Self.minimumMemory)
        self.stop = stop
        self.warn = warn
    }

    /// The store that a URL or a path of the file system names.
    ///
    /// - Throws: ``StoreError/Code/badURL``.
    public static func url(of source: String) throws(StoreError) -> StoreURL {
        if source.contains("://") || source.lowercased().hasPrefix("sample:") { return try StoreURL(source) }
        guard !source.isEmpty else { throw StoreError(.badURL, url: source, message: "there is no source") }
        return try StoreURL("file://" + AbsolutePath(source).text.replacing("%", with: "%25"))
    }

    /// The bytes in a text like `1GiB`; nil where it is none, or less than ``minimumMemory``.
    public static func memory(_ text: String) -> Int? {
        ByteCount.parse(text).flatMap { $0 >= minimumMemory ? $0 : nil }
    }

    /// Reads the metadata, writes the file and publishes it.
    ///
    /// - Throws: ``JobError`` where the file cannot be written or the work was stopped; ``VolumeError`` and ``StoreError`` with the URL
    ///   of what cannot be read; ``HDF5Error``. There is no file then, or the one that was there before.
    public func run() async throws -> Outcome {
        do {
            BufferPool.setLimit(bytes: memory / 16)
            let nodes = try await HierarchyReader(
                nodes: NodeReader(
                    store: store, format: format.flatMap { VolumeFormat(rawValue: $0.rawValue) }, warn: warn),
                stop: stop
            ).read(root)
            for node in nodes { try checkMemory(node) }
            return try await withTaskExecutorPreference(ThreadPool.compute) { try await write(nodes) }
        } catch {
            throw JobError(error, stop) ?? error
        }
    }

    /// A chunk is decoded as a whole, beside its stored form.
    private func checkMemory(_ node: HierarchyNode) throws(VolumeError) {
        guard let metadata = node.array else { return }
        let bytes = metadata.innerChunkShape.reduce(metadata.elementType.byteCount, *)
        let index = metadata.shardGrid?.indexByteCount ?? 0
        guard max(bytes, index * 4) <= memory / 3 else {
            throw VolumeError(
                .tooLarge, path: url(of: node),
                "a chunk of \(bytes) bytes (index of a shard: \(index)) needs --memory of at least "
                    + "\(max(bytes, index * 4) / (1 << 20) * 3 + 3)MiB")
        }
    }

    private func url(of node: HierarchyNode) -> String { store.url.url(of: folder(of: node)) }

    private func folder(of node: HierarchyNode) -> String { HierarchyReader.folder(root, node.path) }

    // MARK: The file

    private func write(_ nodes: [HierarchyNode]) async throws -> Outcome {
        let (folderPath, name) = (output.parent.text, output.components.last ?? "")
        let temporary = try await ThreadPool.files.run { () throws(LedgerError) in
            try TemporaryFile(for: name, in: ConfinedFolder(creating: folderPath), creating: false)
        }
        let writer: HDF5Writer
        do {
            writer = try await HDF5Writer(creating: temporary.path)
        } catch {
            temporary.discard()
            throw error
        }
        do {
            let outcome = try await fill(writer, nodes)
            try await writer.close()
            try stop.check()
            try await ThreadPool.files.run { () throws(LedgerError) in try temporary.publish() }
            return outcome
        } catch {
            await writer.abandon()
            await ThreadPool.files.run { temporary.discard() }
            throw error
        }
    }

    private func fill(_ writer: HDF5Writer, _ nodes: [HierarchyNode]) async throws -> Outcome {
        var outcome = Outcome()
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
                    warn("\(url(of: node)): a group without arrays; its attributes are left out")
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
        _ outcome: inout Outcome
    ) async throws {
        let encoding = DatasetEncoding(compression, level: level, metadata, maximumChunkBytes: memory / 8)
        let pieces = StoredPieces(
            store: store, folder: folder(of: node), metadata: metadata, batchBytes: min(16 << 20, memory / 32))
        let copy = DatasetCopy(
            writer: writer, pieces: pieces, encoding: encoding, path: path, memory: memory, stop: stop)
        let done = try await copy.run()
        outcome.arrays += 1
        outcome.passedChunks += done.passed
        outcome.transcodedChunks += done.transcoded

        try await setAttributes(of: node, on: path, writer)
        if !node.axisNames.isEmpty {
            try await writer.setAttribute("DIMENSION_LABELS", .strings(node.axisNames), on: path)
        }
        if compression == .source {
            try await writer.setAttribute("source_codec", .string(encoding.sourceCodec), on: path)
            try await writer.setAttribute("chunks_passed_through", .integer(Int64(done.passed)), on: path)
            try await writer.setAttribute("chunks_transcoded", .integer(Int64(done.transcoded)), on: path)
        }
    }

    private func setAttributes(of node: HierarchyNode, on path: String, _ writer: HDF5Writer) async throws {
        for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
            guard AttributeConversion.isName(name) else {
                warn(
                    "\(url(of: node)): HDF5 has no attribute of the name \(name.prefix(80).debugDescription)")
                continue
            }
            try await writer.setAttribute(name, AttributeConversion.value(value), on: path)
        }
    }
}
