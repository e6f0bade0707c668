public import Codecs
public import Elements
public import Geometry
public import HDF5
internal import Threads
internal import VolumeDeflate

extension DatasetLayout {
    /// The codec for its chunks; nil where they are stored as they are.
    private var codec: (any ChunkCodec)? {
        switch filter {
        case .none: nil
        case .deflate(let level):
            VolumeZlibCodec(
                elementByteCount: elementType.byteCount, rowVoxels: chunkShape.last ?? 1,
                planeVoxels: chunkShape.suffix(2).reduce(1, *), level: level)
        case .zstd(let level): ZstdCodec(level: level)
        case .blosc(let typeSize, let level, let shuffle, let compressor):
            BloscCodec(compressor: compressor, level: level, shuffle: shuffle, typeSize: typeSize)
        }
    }

    /// A whole chunk as it is stored; the same buffer where there is no filter.
    public func encoded(_ chunk: ByteBuffer) throws(CodecError) -> ByteBuffer {
        guard let codec else { return chunk }
        return try chunk.withSpan { span throws(CodecError) in try codec.encode(span) }
    }

    /// A whole chunk of which `part`, `extent` elements per axis, is known: HDF5 stores chunks at the upper edge in full. What lies beyond
    /// the dataset holds the fill value.
    public func padded(_ part: ByteBuffer, _ extent: [Int]) -> ByteBuffer {
        guard extent != chunkShape else { return part }
        let chunk = ByteBuffer(count: chunkShape.reduce(elementType.byteCount, *))
        chunk.fill(with: fillValue)
        let corner = extent.map { _ in 0 }
        part.copyBlock(
            extent, from: corner, of: extent, into: chunk, at: corner, of: chunkShape,
            elementByteCount: elementType.byteCount)
        return chunk
    }

    /// The voxels of a chunk that lie in the dataset, which has three axes.
    public func box(ofChunk index: ZYX<Int>) -> Box {
        let (shape, chunkShape) = (ZYX(shape) ?? ZYX(repeating: 0), ZYX(chunkShape) ?? ZYX(repeating: 1))
        let start = index.zip(chunkShape, *)
        return Box(start: start, stop: start.zip(chunkShape, +).zip(shape, min))
    }

    /// The stored form of the chunk whose voxels in the dataset are those of `box`.
    public func encoded(_ voxels: ByteBuffer, of box: Box) async throws -> ByteBuffer {
        try await ThreadPool.compute.run { () throws(CodecError) in try encoded(padded(voxels, box.shape.array)) }
    }
}
