public import Elements
public import Geometry
public import HDF5
internal import Threads

/// The chunks of a dataset in an HDF5 file. The HDF5 thread only fetches stored bytes; they are decoded on the compute threads, so
/// that files in codecs without an HDF5 plugin can be read too. Datasets in other filters, or not chunked, are read through the library.
public struct HDF5Chunks: ChunkSource {
    private enum Decoding: Sendable {
        /// Stored chunk by stored chunk.
        case chunks(HDF5ChunkDecoder)
        /// Through the library.
        case library
    }

    private let reader: HDF5Reader
    private let info: DatasetInfo
    private let decoding: Decoding
    /// Chunks that need not be read.
    private let kept: ChunkHandover.Dataset?
    public let shape: ZYX<Int>
    public let chunkShape: ZYX<Int>

    /// nil where the dataset is not three-dimensional.
    ///
    /// - Parameter kept: chunks of this very file that are in memory still.
    public init?(_ info: DatasetInfo, in reader: HDF5Reader, kept: ChunkHandover.Dataset? = nil) {
        guard let shape = ZYX(info.shape) else { return nil }
        self.info = info
        self.reader = reader
        self.kept = kept
        self.shape = shape
        if let chunks = info.chunkShape.flatMap({ ZYX($0) }), let decoder = HDF5ChunkDecoder(info) {
            chunkShape = chunks
            decoding = .chunks(decoder)
        } else {
            chunkShape = shape.map { min(max($0, 1), 64) }
            decoding = .library
        }
    }

    public var elementType: ElementType { info.elementType }
    public var fillValue: [UInt8] { info.fillValue }

    public func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
        if let chunk = kept?.chunk(index) {
            let covered = coveredBox(ofChunk: index).volume * elementType.byteCount
            if chunk.count == covered || chunk.count == chunkByteCount { return chunk }
        }
        let box = box(ofChunk: index)
        switch decoding {
        case .library: return try await readThroughLibrary(box)
        case .chunks(let decoder):
            guard let stored = try await reader.readChunk(info.handle, offset: box.start.array) else { return nil }
            let path = reader.path
            return try await ThreadPool.compute.run { () throws(HDF5Error) in
                try decoder.decode(stored, path: path, object: "the chunk at \(box.start)")
            }
        }
    }

    /// Reads the part of the chunk that lies in the dataset, and pads it to the full chunk.
    private func readThroughLibrary(_ box: Box) async throws -> ByteBuffer? {
        guard let inside = box.intersection(Box(shape: shape)) else { return nil }
        let part = try await reader.read(info.handle, start: inside.start.array, count: inside.shape.array)
        guard inside != box else { return part }
        let (fill, width) = (fillValue, elementType.byteCount)
        let chunk = ByteBuffer(count: chunkByteCount)
        chunk.fill(with: fill)
        part.copyOverlap(of: inside, into: chunk, box: box, elementByteCount: width)
        return chunk
    }
}
