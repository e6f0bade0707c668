public import Codecs
public import Elements
public import Geometry
public import HDF5
internal import Threads
internal import VolumeDeflate

/// Writes the chunks of one dataset in scan order: they are computed and encoded on all cores, and placed by the HDF5 thread one after
/// the other, so that the file's bytes do not depend on which was ready first.
public struct ChunkWriter: Sendable {
    public let writer: HDF5Writer
    public let layout: DatasetLayout
    public let stop: StopSignal
    /// Bytes that chunks under way may take.
    public let workBytes: Int
    /// Takes the chunks in, before they are encoded, for whoever reads them next.
    public var kept: ChunkHandover?

    public init(writer: HDF5Writer, layout: DatasetLayout, stop: StopSignal, workBytes: Int, kept: ChunkHandover? = nil)
    {
        (self.writer, self.layout, self.stop, self.workBytes, self.kept) = (writer, layout, stop, workBytes, kept)
    }

    /// Chunks that have the same place in z.
    public var chunksPerLayer: Int {
        zip(layout.shape, layout.chunkShape).dropFirst().reduce(1) { $0 * (($1.0 + $1.1 - 1) / max(1, $1.1)) }
    }

    /// Creates the dataset and writes all its chunks.
    ///
    /// - Parameters:
    ///   - bytesPerVoxel: what computing one voxel of a chunk takes at most, to bound how many chunks are under way.
    ///   - content: the voxels of a box inside the dataset, in C order; nil leaves the chunk unallocated, so that it reads as the fill
    ///     value.
    public func write(
        bytesPerVoxel: Int, _ content: @escaping @Sendable (Box) async throws -> ByteBuffer?
    ) async throws {
        let handle = try await writer.createDataset(layout)
        guard let shape = ZYX(layout.shape), let chunkShape = ZYX(layout.chunkShape), shape.allSatisfy({ $0 > 0 })
        else {
            return
        }
        let codec = layout.codec
        let chunks = Box(shape: shape).blocks(of: chunkShape)
        let chunkBytes = max(chunkShape.product * bytesPerVoxel, 1)
        let width = max(1, min(ThreadPool.compute.width * 3, workBytes / chunkBytes))
        try await inOrder(count: chunks.volume, width: width) { number -> ByteBuffer? in
            try stop.check()
            let box = Self.box(chunks.index(at: number), chunkShape, within: shape)
            guard let bytes = try await content(box) else { return nil }
            kept?.keep(bytes, layout.path, chunks.index(at: number))
            return try await Self.encode(bytes, box, layout, codec)
        } consume: { (number: Int, encoded: ByteBuffer?) in
            guard let encoded else { return }
            let offset = chunks.index(at: number).zip(chunkShape, *)
            try await writer.writeChunk(encoded, to: handle, offset: offset.array)
        }
    }

    public static func box(_ index: ZYX<Int>, _ chunkShape: ZYX<Int>, within shape: ZYX<Int>) -> Box {
        let start = index.zip(chunkShape, *)
        return Box(start: start, stop: start.zip(chunkShape, +).zip(shape, min))
    }

    /// HDF5 stores chunks at the edge in full: what is beyond the dataset holds the fill value.
    public static func encode(
        _ bytes: ByteBuffer, _ box: Box, _ layout: DatasetLayout, _ codec: (any ChunkCodec)?
    ) async throws -> ByteBuffer {
        guard let chunkShape = ZYX(layout.chunkShape) else { return bytes }
        let full = Box(start: box.start, stop: box.start.zip(chunkShape, +))
        return try await ThreadPool.compute.run { () throws -> ByteBuffer in
            var chunk = bytes
            if full != box {
                chunk = ByteBuffer(count: full.volume * layout.elementType.byteCount)
                chunk.fill(with: layout.fillValue)
                bytes.copyOverlap(of: box, into: chunk, box: full, elementByteCount: layout.elementType.byteCount)
            }
            guard let codec else { return chunk }
            return try chunk.withSpan { span throws(CodecError) in try codec.encode(span) }
        }
    }
}

extension DatasetLayout {
    /// The codec for its chunks; nil where they are stored as they are.
    public var codec: (any ChunkCodec)? {
        filter.codec(elementByteCount: elementType.byteCount, chunkShape: chunkShape)
    }
}

extension ChunkFilter {
    /// The codec whose output the filter's chunks are; nil for none.
    ///
    /// - Parameter chunkShape: in elements per axis, the slowest first.
    public func codec(elementByteCount: Int, chunkShape: [Int]) -> (any ChunkCodec)? {
        switch self {
        case .none: nil
        case .deflate(let level):
            VolumeZlibCodec(
                elementByteCount: elementByteCount, rowVoxels: chunkShape.last ?? 1,
                planeVoxels: chunkShape.suffix(2).reduce(1, *), level: level)
        case .zstd(let level): ZstdCodec(level: level)
        case .blosc(let typeSize, let level, let shuffle, let compressor):
            BloscCodec(compressor: compressor, level: level, shuffle: shuffle, typeSize: typeSize)
        }
    }
}
