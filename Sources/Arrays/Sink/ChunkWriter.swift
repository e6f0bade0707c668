public import Elements
public import Geometry
public import HDF5
internal import Threads

/// Makes a dataset with three axes from windows of voxels. They are computed and encoded on all cores, chunk by chunk.
public struct ChunkWriter: Sendable {
    public let writer: HDF5Writer
    public let layout: DatasetLayout
    public let stop: StopSignal
    /// Bytes that chunks under way may take.
    public let workBytes: Int
    /// Keeps the decoded chunks for the next stage.
    public var kept: ChunkHandover?

    public init(writer: HDF5Writer, layout: DatasetLayout, stop: StopSignal, workBytes: Int, kept: ChunkHandover? = nil)
    {
        (self.writer, self.layout, self.stop, self.workBytes, self.kept) = (writer, layout, stop, workBytes, kept)
    }

    /// Voxels of a chunk.
    public var chunkShape: ZYX<Int> { ZYX(layout.chunkShape) ?? ZYX(repeating: 1) }

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
        let sink = try await DatasetSink(layout, in: writer)
        let width = ThreadPool.chunksUnderWay(of: chunkShape.product * bytesPerVoxel, within: workBytes)
        try await sink.fill(count: sink.chunks.count, width: width, stop: stop) { number in
            guard let index = ZYX(sink.chunks.index(at: number)) else { return [] }
            let box = layout.box(ofChunk: index)
            guard let voxels = try await content(box) else { return [] }
            kept?.keep(voxels, layout.path, index)
            return [DatasetSink.Chunk(number: number, bytes: try await layout.encoded(voxels, of: box))]
        }
    }
}
