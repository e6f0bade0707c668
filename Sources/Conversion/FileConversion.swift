public import Arrays
internal import Codecs
internal import Elements
internal import Foundation
internal import HDF5
internal import Ledger
internal import Manifest
internal import Threads

/// Copies the datasets of an HDF5 file to another one: in the machine's byte order, chunked, compressed as asked for, with their
/// attributes. Datasets of types that are no numbers are left out with a warning.
public struct FileConversion: Sendable {
    private let source: String
    private let output: AbsolutePath
    private let compression: StoreConversion.Compression
    private let level: Int?
    private let memory: Int
    private let stop: StopSignal
    private let warn: @Sendable (String) -> Void

    /// Groups in groups that are followed.
    private static let maximumDepth = 64

    /// Whether a path is that of an HDF5 file: its first bytes say so.
    public static func isHDF5(_ path: String) -> Bool {
        (try? RegularFile.bytes(at: path, atMost: 8)) == [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    }

    public init(
        source: String, output: String, compression: StoreConversion.Compression, level: Int? = nil, memory: Int,
        stop: StopSignal, warn: @escaping @Sendable (String) -> Void
    ) {
        self.source = source
        self.output = AbsolutePath(output)
        self.compression = compression
        self.level = level
        self.memory = max(memory, StoreConversion.minimumMemory)
        self.stop = stop
        self.warn = warn
    }

    /// - Throws: ``JobError`` where the file cannot be written or the work was stopped; ``HDF5Error`` where the source cannot be read, or
    ///   nothing in it is an array of numbers.
    public func run() async throws -> StoreConversion.Outcome {
        let reader = try await HDF5Reader(opening: source)
        do {
            let (folder, name) = (output.parent.text, output.components.last ?? "")
            let place = try await ThreadPool.files.run { () throws(LedgerError) in try ConfinedFolder(creating: folder)
            }
            var outcome = StoreConversion.Outcome()
            _ = try await OutputFile.make(name, in: place, stop: stop) { writer in
                var names: [UInt64: String] = [:]
                _ = try await copyGroup("/", depth: 0, reader, writer, &names, &outcome)
                guard outcome.arrays > 0 else {
                    throw HDF5Error(
                        operation: "convert datasets", path: source, message: "there is none that holds numbers")
                }
                try await copyAttributes(of: "/", reader, writer)
            }
            await reader.close()
            return outcome
        } catch {
            await reader.close()
            throw JobError(error, stop) ?? error
        }
    }

    /// - Parameter names: what has been copied: a dataset of two names is copied once, and linked to by the other one.
    /// - Returns: whether there is a dataset in the group, or in one below it.
    private func copyGroup(
        _ group: String, depth: Int, _ reader: HDF5Reader, _ writer: HDF5Writer, _ names: inout [UInt64: String],
        _ outcome: inout StoreConversion.Outcome
    ) async throws -> Bool {
        guard depth <= Self.maximumDepth else {
            throw HDF5Error(
                operation: "read groups", path: source, object: group, message: "they are nested too deep")
        }
        var isEmpty = true
        for child in try await reader.children(of: group) {
            try stop.check()
            let path = group == "/" ? "/\(child.name)" : "\(group)/\(child.name)"
            if child.leadsBack {
                warn("\(source) (\(path)): a group that it lies in itself; it is left out")
                continue
            }
            if child.isGroup {
                if try await copyGroup(path, depth: depth + 1, reader, writer, &names, &outcome) { isEmpty = false }
                continue
            }
            let identity = try await reader.identity(of: path)
            if let identity, let first = names[identity] {
                try await writer.link(path, to: first)
                isEmpty = false
                continue
            }
            let info: DatasetInfo?
            do throws(HDF5Error) {
                info = try await reader.dataset(path)
            } catch {
                warn("\(error); it is left out")
                continue
            }
            guard let info else { continue }
            outcome.transcodedChunks += try await copy(path, info, reader, writer)
            outcome.arrays += 1
            isEmpty = false
            if let identity { names[identity] = path }
            try await copyAttributes(of: path, reader, writer)
        }
        if group != "/", !isEmpty { try await copyAttributes(of: group, reader, writer) }
        return !isEmpty
    }

    private func copyAttributes(of path: String, _ reader: HDF5Reader, _ writer: HDF5Writer) async throws {
        for (name, value) in try await reader.attributes(of: path).sorted(by: { $0.key < $1.key }) {
            try await writer.setAttribute(name, value, on: path)
        }
    }

    // MARK: One dataset

    /// Returns the number of chunks written.
    private func copy(
        _ path: String, _ info: DatasetInfo, _ reader: HDF5Reader, _ writer: HDF5Writer
    ) async throws -> Int {
        guard !info.shape.isEmpty else {
            let value = try await reader.read(info.handle, start: [], count: [])
            try await writer.writeScalar(value.array, info.elementType, to: path)
            return 1
        }
        let layout = try layout(path, info)
        let handle = try await writer.createDataset(layout)
        let codec = layout.codec
        let grid = IndexSpace(zip(info.shape, layout.chunkShape).map { ($0 + $1 - 1) / $1 })
        let bytes = layout.chunkShape.reduce(info.elementType.byteCount, *)
        let width = max(1, min(ThreadPool.compute.width * 3, memory / 4 / bytes))
        let stop = stop
        var written = 0
        try await inOrder(count: grid.count, width: width) { number -> ByteBuffer? in
            try stop.check()
            let start = zip(grid.index(at: number), layout.chunkShape).map(*)
            guard let chunk = try await chunk(at: start, info, layout, reader) else { return nil }
            guard let codec else { return chunk }
            return try await ThreadPool.compute.run { () throws(CodecError) in
                try chunk.withSpan { span throws(CodecError) in try codec.encode(span) }
            }
        } consume: { (number: Int, chunk: ByteBuffer?) in
            guard let chunk else { return }
            let start = zip(grid.index(at: number), layout.chunkShape).map(*)
            try await writer.writeChunk(chunk, to: handle, offset: start)
            written += 1
        }
        return written
    }

    private func layout(_ path: String, _ info: DatasetInfo) throws -> DatasetLayout {
        let edge = [1: 65_536, 2: 512, 3: 64][info.shape.count] ?? 16
        let wanted = info.chunkShape ?? info.shape.map { _ in edge }
        let chunks = zip(wanted, info.shape).map { max(1, min($0, $1)) }
        let bytes = (info.chunkShape ?? chunks).reduce(info.elementType.byteCount) { $0.saturatingMultiply($1) }
        guard bytes <= memory / 8 else {
            throw HDF5Error(
                operation: "read chunks", path: source, object: path,
                message: "a chunk of \(bytes) bytes needs --memory of at least eight times that")
        }
        let filter = DatasetEncoding.filter(compression, level: level, info.elementType) ?? .deflate(level: 6)
        return DatasetLayout(
            path: path, elementType: info.elementType, shape: info.shape, chunkShape: chunks, filter: filter,
            fillValue: info.fillValue)
    }

    /// A whole chunk of the new file; nil where the old one holds none there.
    private func chunk(
        at start: [Int], _ info: DatasetInfo, _ layout: DatasetLayout, _ reader: HDF5Reader
    ) async throws -> ByteBuffer? {
        let width = info.elementType.byteCount
        if let stored = info.chunkShape, let decoder = HDF5ChunkDecoder(info) {
            guard let bytes = try await reader.readChunk(info.handle, offset: start) else { return nil }
            let path = source
            return try await ThreadPool.compute.run { () throws(HDF5Error) in
                let chunk = try decoder.decode(bytes, path: path, object: "\(layout.path) at \(start)")
                // Chunks of datasets that may grow can be larger than the dataset.
                guard stored != layout.chunkShape else { return chunk }
                let part = ByteBuffer(count: layout.chunkShape.reduce(width, *))
                Self.copyCorner(layout.chunkShape, of: chunk, stored, to: part, layout.chunkShape, width)
                return part
            }
        }
        let inside = zip(zip(start, layout.chunkShape), info.shape).map { min($0.1, $1 - $0.0) }
        let part = try await reader.read(info.handle, start: start, count: inside)
        guard inside != layout.chunkShape else { return part }
        let chunk = ByteBuffer(count: layout.chunkShape.reduce(width, *))
        chunk.fill(with: info.fillValue)
        Self.copyCorner(inside, of: part, inside, to: chunk, layout.chunkShape, width)
        return chunk
    }

    /// Copies the elements in the low corner of one block to the low corner of another one; both reach as far as `corner` on every axis.
    private static func copyCorner(
        _ corner: [Int], of part: ByteBuffer, _ partShape: [Int], to whole: ByteBuffer, _ wholeShape: [Int],
        _ elementByteCount: Int
    ) {
        let rowBytes = (corner.last ?? 1) * elementByteCount
        let rows = IndexSpace(Array(corner.dropLast()))
        part.withUnsafeBytes { source in
            whole.withUnsafeMutableBytes { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for row in 0..<rows.count {
                    var (partPlace, wholePlace) = (0, 0)
                    for (axis, index) in rows.index(at: row).enumerated() {
                        partPlace = partPlace * partShape[axis] + index
                        wholePlace = wholePlace * wholeShape[axis] + index
                    }
                    let partOffset = partPlace * (partShape.last ?? 1) * elementByteCount
                    let wholeOffset = wholePlace * (wholeShape.last ?? 1) * elementByteCount
                    (to + wholeOffset).copyMemory(from: from + partOffset, byteCount: rowBytes)
                }
            }
        }
    }
}
