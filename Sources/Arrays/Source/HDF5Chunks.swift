internal import Codecs
public import Elements
public import Geometry
public import HDF5
internal import Threads

/// Reads a dataset of an HDF5 file chunk by chunk. The HDF5 thread only fetches stored bytes; they are decoded on the compute threads, so
/// that files in codecs without an HDF5 plugin can be read too. Datasets in other filters, or not chunked, are read through the library.
public struct HDF5ChunkReader: Sendable {
    private let reader: HDF5Reader
    private let info: DatasetInfo
    /// What messages call the dataset.
    private let name: String
    /// nil where the library decodes.
    private let decoder: HDF5ChunkDecoder?
    /// Elements per axis of what is read at once.
    public let chunkShape: [Int]

    /// - Parameter chunkShape: what is read at once where it is not the dataset's own chunks.
    public init(_ info: DatasetInfo, in reader: HDF5Reader, name: String, chunkShape: [Int]) {
        (self.info, self.reader, self.name) = (info, reader, name)
        decoder = HDF5ChunkDecoder(info)
        self.chunkShape = decoder == nil ? chunkShape : info.chunkShape ?? chunkShape
    }

    /// The whole chunk that begins at `start`; what lies beyond the dataset holds anything. nil where the file holds none there.
    public func chunk(at start: [Int]) async throws -> ByteBuffer? {
        guard let decoder else {
            let inside = zip(zip(start, chunkShape), info.shape).map { min($0.1, $1 - $0.0) }
            guard inside.allSatisfy({ $0 > 0 }) else { return nil }
            let part = try await reader.read(info.handle, start: start, count: inside)
            let layout = DatasetLayout(
                path: name, elementType: info.elementType, shape: info.shape, chunkShape: chunkShape, filter: .none,
                fillValue: info.fillValue)
            return layout.padded(part, inside)
        }
        guard let stored = try await reader.readChunk(info.handle, offset: start) else { return nil }
        let path = reader.path
        return try await ThreadPool.compute.run { () throws(HDF5Error) in
            try decoder.decode(stored, path: path, object: "\(name) at \(start)")
        }
    }
}

/// The chunks of a dataset with three axes.
public struct HDF5Chunks: ChunkSource {
    private let reader: HDF5ChunkReader
    /// Chunks that need not be read.
    private let kept: ChunkHandover.Dataset?
    public let shape: ZYX<Int>
    public let chunkShape: ZYX<Int>
    public let elementType: ElementType
    public let fillValue: [UInt8]

    /// nil where the dataset is not three-dimensional.
    ///
    /// - Parameter kept: chunks of this very file that are in memory still.
    public init?(_ info: DatasetInfo, in reader: HDF5Reader, kept: ChunkHandover.Dataset? = nil) {
        guard let shape = ZYX(info.shape) else { return nil }
        self.reader = HDF5ChunkReader(
            info, in: reader, name: "the chunk", chunkShape: shape.map { min(max($0, 1), 64) }.array)
        guard let chunkShape = ZYX(self.reader.chunkShape) else { return nil }
        (self.shape, self.chunkShape, self.kept) = (shape, chunkShape, kept)
        (elementType, fillValue) = (info.elementType, info.fillValue)
    }

    public func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
        if let chunk = kept?.chunk(index) {
            let covered = coveredBox(ofChunk: index).volume * elementType.byteCount
            if chunk.count == covered || chunk.count == chunkByteCount { return chunk }
        }
        return try await reader.chunk(at: box(ofChunk: index).start.array)
    }
}

/// Decodes stored chunks of an HDF5 dataset without the library, which lacks zstd and Blosc and works on one thread.
struct HDF5ChunkDecoder: Sendable {
    private enum Stage: Sendable {
        case decoder(any ChunkDecoder)
        case checksum(ChecksumFilter)
    }

    /// In the order of encoding: their positions are the bits of a chunk's filter mask.
    private let stages: [Stage]
    private let elementByteCount: Int
    private let isBigEndian: Bool
    /// Bytes of a decoded chunk.
    let byteCount: Int

    /// nil where the dataset is not chunked, or one of its filters is not ours to decode.
    init?(_ info: DatasetInfo) {
        guard let chunkShape = info.chunkShape else { return nil }
        var stages: [Stage] = []
        for filter in info.filters {
            switch filter.id {
            case 1: stages.append(.decoder(ZlibCodec()))
            // Its one parameter is the number of bytes of an element.
            case 2:
                guard let width = filter.clientData.first, width > 0 else { return nil }
                stages.append(.decoder(ShuffleFilter(elementByteCount: Int(width))))
            case 3: stages.append(.checksum(ChecksumFilter(.fletcher32)))
            case 32015: stages.append(.decoder(ZstdCodec()))
            case 32001: stages.append(.decoder(BloscCodec(typeSize: info.elementType.byteCount)))
            default: return nil
            }
        }
        self.stages = stages
        elementByteCount = info.elementType.byteCount
        isBigEndian = info.isBigEndian
        byteCount = chunkShape.reduce(elementByteCount, *)
    }

    /// The elements of a whole chunk in the machine's byte order.
    ///
    /// - Parameters:
    ///   - stored: taken over: what is returned may be its bytes, changed.
    ///   - path: the file, for messages.
    ///   - object: the dataset and the chunk's place in it, for messages.
    /// - Throws: ``HDF5Error`` where the bytes are damaged or are not those of one chunk.
    func decode(_ stored: StoredChunk, path: String, object: String) throws(HDF5Error) -> ByteBuffer {
        func failure(_ message: String) -> HDF5Error {
            HDF5Error(operation: "decode a chunk", path: path, object: object, message: message)
        }
        var bytes = stored.bytes
        for (number, stage) in stages.enumerated().reversed() where stored.filterMask & (1 << UInt32(number)) == 0 {
            do throws(CodecError) {
                switch stage {
                case .checksum(let filter): bytes.resize(to: try Self.payloadByteCount(bytes, filter))
                case .decoder(let decoder): bytes = try decode(bytes, with: decoder)
                }
            } catch {
                throw failure(error.description)
            }
        }
        guard bytes.count == byteCount else { throw failure("\(bytes.count) bytes, expected \(byteCount)") }
        if isBigEndian { bytes.swapBytes(elementByteCount: elementByteCount) }
        return bytes
    }

    /// Bytes before the checksum, which stands at the end.
    private static func payloadByteCount(_ bytes: ByteBuffer, _ filter: ChecksumFilter) throws(CodecError) -> Int {
        try bytes.withSpan { span throws(CodecError) in try filter.payload(of: span).count }
    }

    private func decode(_ bytes: ByteBuffer, with decoder: any ChunkDecoder) throws(CodecError) -> ByteBuffer {
        // Only checksums make a chunk longer between two filters.
        let decoded = ByteBuffer(count: byteCount + stages.count * ChecksumFilter.byteCount)
        let count = try bytes.withSpan { encoded throws(CodecError) in
            try decoded.withMutableSpan { output throws(CodecError) in try decoder.decode(encoded, into: &output) }
        }
        decoded.resize(to: count)
        return decoded
    }
}
