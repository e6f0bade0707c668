internal import Arrays
internal import Elements
internal import HDF5
internal import Stores
internal import Threads
internal import Volumes

/// Copies one array of a store into a dataset. Chunks are fetched, decoded and encoded many at a time, and placed in order. Chunks that the
/// store does not hold stay unallocated, and read as the fill value.
struct DatasetCopy: Sendable {
    let writer: HDF5Writer
    let batches: ChunkBatches
    let encoding: Encoding
    /// The dataset's path in the file.
    let path: String
    /// Bytes that may be in memory.
    let memory: Int
    let stop: StopSignal

    private var metadata: ArrayMetadata { batches.metadata }

    /// Creates the dataset and writes its chunks.
    func run() async throws -> DatasetSink.Count {
        guard metadata.rank > 0 else { return try await copyValue() }
        let layout = encoding.layout(
            path, metadata.elementType, shape: metadata.shape, fillValue: metadata.fillValue)
        let sink = try await DatasetSink(layout, in: writer)
        // What was fetched, what it decodes to, and what that is encoded to.
        let width = max(1, min(concurrency, memory / 2 / max(1, 3 * batches.batchByteCount)))
        return try await sink.fill(count: batches.count, width: width, stop: stop) { number in
            var encoded: [DatasetSink.Chunk] = []
            for chunk in try await batches.batch(number) {
                encoded += try await ThreadPool.compute.run { () throws in try encode(chunk, for: sink) }
            }
            return encoded
        }
    }

    /// An array without axes is one value, and so is its dataset.
    private func copyValue() async throws -> DatasetSink.Count {
        var value = metadata.fillValue
        var count = DatasetSink.Count()
        for number in 0..<batches.count {
            for chunk in try await batches.batch(number) {
                value = try decode(chunk).array
                count.encoded += 1
            }
        }
        try await writer.writeScalar(value, metadata.elementType, to: path)
        return count
    }

    /// Disks answer at once; a network is kept busy by many requests.
    private var concurrency: Int {
        switch batches.store.url.scheme {
        case .file, .sample: ThreadPool.compute.width * 3
        case .s3, .http, .https: ChunkBatches.maximumConcurrency
        }
    }

    private func decode(_ chunk: ChunkBatches.Chunk) throws(VolumeError) -> ByteBuffer {
        try chunk.buffer.withSpan { span throws(VolumeError) in
            try metadata.decodeInnerChunk(span.extracting(chunk.range), key: chunk.name)
        }
    }

    /// The chunks of the dataset that one of the source becomes.
    private func encode(_ chunk: ChunkBatches.Chunk, for sink: DatasetSink) throws -> [DatasetSink.Chunk] {
        let decoded = try decode(chunk)
        if let bytes = encoding.passthrough?.passed(chunk.buffer, chunk.range, decoded: decoded) {
            return [DatasetSink.Chunk(number: sink.chunks.number(of: chunk.index), bytes: bytes, isPassed: true)]
        }
        let (stored, shape) = (batches.chunkShape, encoding.chunkShape)
        let start = zip(chunk.index, stored).map(*)
        let inside = zip(zip(stored, metadata.shape), start).map { min($0.0, $0.1 - $1) }
        let parts = IndexSpace(zip(inside, shape).map { ($0 + $1 - 1) / $1 })
        return try (0..<parts.count).map { number in
            let first = zip(parts.index(at: number), shape).map(*)
            var part = decoded
            if shape != stored {
                part = ByteBuffer(count: shape.reduce(metadata.elementType.byteCount, *))
                decoded.copyBlock(
                    shape, from: first, of: stored, into: part, at: shape.map { _ in 0 }, of: shape,
                    elementByteCount: metadata.elementType.byteCount)
            }
            let index = zip(zip(start, first).map(+), shape).map(/)
            return DatasetSink.Chunk(number: sink.chunks.number(of: index), bytes: try sink.layout.encoded(part))
        }
    }
}
