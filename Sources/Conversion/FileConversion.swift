internal import Arrays
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
    private let options: ConversionOptions

    /// Groups in groups that are followed.
    private static let maximumDepth = 64

    /// Whether a path is that of an HDF5 file: its first bytes say so.
    public static func isHDF5(_ path: String) -> Bool {
        (try? RegularFile.bytes(at: path, atMost: 8)) == [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    }

    public init(source: String, options: ConversionOptions) {
        (self.source, self.options) = (source, options)
    }

    /// - Throws: ``JobError`` where the file cannot be written or the work was stopped; ``HDF5Error`` where the source cannot be read, or
    ///   nothing in it is an array of numbers.
    public func run() async throws -> ConversionOutcome {
        do {
            return try await HDF5Reader.read(source) { reader in
                var outcome = ConversionOutcome()
                try await OutputFile.make(at: options.output, stop: options.stop) { writer in
                    var names: [UInt64: String] = [:]
                    _ = try await copyGroup("/", depth: 0, reader, writer, &names, &outcome)
                    guard outcome.arrays > 0 else {
                        throw HDF5Error(
                            operation: "convert datasets", path: source, message: "there is none that holds numbers")
                    }
                    try await copyAttributes(of: "/", reader, writer)
                }
                return outcome
            }
        } catch {
            throw JobError(error, options.stop) ?? error
        }
    }

    /// - Parameter names: the datasets that have been copied. A dataset with two names is copied once; the other name becomes a link.
    /// - Returns: whether there is a dataset in the group, or in one below it.
    private func copyGroup(
        _ group: String, depth: Int, _ reader: HDF5Reader, _ writer: HDF5Writer, _ names: inout [UInt64: String],
        _ outcome: inout ConversionOutcome
    ) async throws -> Bool {
        guard depth <= Self.maximumDepth else {
            throw HDF5Error(
                operation: "read groups", path: source, object: group, message: "they are nested too deep")
        }
        var isEmpty = true
        for child in try await reader.children(of: group) {
            try options.stop.check()
            let path = group == "/" ? "/\(child.name)" : "\(group)/\(child.name)"
            if child.leadsBack {
                options.warn("\(source) (\(path)): a group that it lies in itself; it is left out")
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
                options.warn("\(error); it is left out")
                continue
            }
            guard let info else { continue }
            outcome.chunks.encoded += try await copy(path, info, reader, writer)
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
        let encoding = Encoding(options.compression, level: options.level, copying: info)
        let layout = encoding.layout(path, info.elementType, shape: info.shape, fillValue: info.fillValue)
        let width = info.elementType.byteCount
        let bytes = (info.chunkShape ?? layout.chunkShape).reduce(width) { $0.saturatingMultiply($1) }
        guard bytes <= options.memory / 8 else {
            throw HDF5Error(
                operation: "read chunks", path: source, object: path,
                message: "a chunk of \(bytes) bytes needs --memory of at least eight times that")
        }
        let chunks = HDF5ChunkReader(info, in: reader, name: path, chunkShape: layout.chunkShape)
        let sink = try await DatasetSink(layout, in: writer)
        let corner = layout.chunkShape.map { _ in 0 }
        return try await sink.fill(
            count: sink.chunks.count,
            width: ThreadPool.chunksUnderWay(of: layout.chunkShape.reduce(width, *), within: options.memory / 4),
            stop: options.stop
        ) { number in
            guard let stored = try await chunks.chunk(at: sink.start(ofChunk: number)) else { return [] }
            return try await ThreadPool.compute.run { () throws in
                var chunk = stored
                // Chunks of datasets that may grow can be larger than the dataset.
                if chunks.chunkShape != layout.chunkShape {
                    chunk = ByteBuffer(count: layout.chunkShape.reduce(width, *))
                    stored.copyBlock(
                        layout.chunkShape, from: corner, of: chunks.chunkShape, into: chunk, at: corner,
                        of: layout.chunkShape, elementByteCount: width)
                }
                return [DatasetSink.Chunk(number: number, bytes: try layout.encoded(chunk))]
            }
        }.encoded
    }
}
