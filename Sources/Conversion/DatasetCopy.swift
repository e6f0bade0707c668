internal import Arrays
internal import Codecs
internal import Elements
internal import HDF5
internal import Stores
internal import Threads
internal import Volumes

/// Copies one array of a store into a dataset: its chunks are fetched, decoded and encoded many at a time and placed in order. What the
/// store says it does not have stays unallocated and reads as the fill value.
struct DatasetCopy: Sendable {
    /// What became of the chunks of a dataset.
    struct Outcome: Sendable, Equatable {
        /// Chunks that were taken over as they are.
        var passed = 0
        /// Chunks that were encoded anew.
        var transcoded = 0
    }

    let writer: HDF5Writer
    let pieces: StoredPieces
    let encoding: DatasetEncoding
    /// The dataset's path in the file.
    let path: String
    /// Bytes that may be in memory.
    let memory: Int
    let stop: StopSignal

    /// A chunk for the file.
    private struct EncodedChunk: Sendable {
        let offset: [Int]
        let bytes: ByteBuffer
        let isPassed: Bool
    }

    private var metadata: ArrayMetadata { pieces.metadata }
    private var shape: [Int] { metadata.shape }
    private var pieceShape: [Int] { pieces.pieceShape }

    /// Creates the dataset and writes its chunks.
    func run() async throws -> Outcome {
        guard metadata.rank > 0 else { return try await copyValue() }
        let type = metadata.elementType
        let handle = try await writer.createDataset(
            DatasetLayout(
                path: path, elementType: type, shape: shape, chunkShape: encoding.chunkShape, filter: encoding.filter,
                fillValue: metadata.fillValue))
        // What was fetched, what it decodes to, and what that is encoded to.
        let batchBytes = max(1, 3 * pieces.batchByteCount)
        let width = max(1, min(concurrency, memory / 2 / batchBytes))
        let codec = encoding.filter.codec(elementByteCount: type.byteCount, chunkShape: encoding.chunkShape)
        var outcome = Outcome()
        try await inOrder(count: pieces.batchCount, width: width) { number -> [EncodedChunk] in
            try stop.check()
            var chunks: [EncodedChunk] = []
            for piece in try await pieces.batch(number) {
                chunks += try await ThreadPool.compute.run { () throws -> [EncodedChunk] in
                    try encode(piece, codec)
                }
            }
            return chunks
        } consume: { (_: Int, chunks: [EncodedChunk]) in
            for chunk in chunks {
                try await writer.writeChunk(chunk.bytes, to: handle, offset: chunk.offset)
                if chunk.isPassed { outcome.passed += 1 } else { outcome.transcoded += 1 }
            }
        }
        return outcome
    }

    /// An array without axes is one value, and so is its dataset.
    private func copyValue() async throws -> Outcome {
        var value = metadata.fillValue
        var outcome = Outcome()
        for number in 0..<pieces.batchCount {
            for piece in try await pieces.batch(number) {
                value = try piece.buffer.withSpan { span throws(VolumeError) -> [UInt8] in
                    let stored = span.extracting(piece.range)
                    return try metadata.decodeInnerChunk(stored, key: piece.name).array
                }
                outcome.transcoded += 1
            }
        }
        try await writer.writeScalar(value, metadata.elementType, to: path)
        return outcome
    }

    /// Disks answer at once; a network is kept busy by many requests.
    private var concurrency: Int {
        switch pieces.store.url.scheme {
        case .file, .sample: ThreadPool.compute.width * 3
        case .s3, .http, .https: StoredPieces.maximumConcurrency
        }
    }

    /// The chunks of the dataset that one of the source becomes.
    private func encode(_ piece: StoredPiece, _ codec: (any ChunkCodec)?) throws -> [EncodedChunk] {
        let start = zip(piece.index, pieceShape).map(*)
        let (metadata, passage) = (metadata, encoding.passage)
        let decoded = try piece.buffer.withSpan { span throws(VolumeError) in
            try metadata.decodeInnerChunk(span.extracting(piece.range), key: piece.name)
        }
        if let passed = passage?.passed(piece.buffer, piece.range, decoded: decoded) {
            return [EncodedChunk(offset: start, bytes: passed, isPassed: true)]
        }
        let shape = shape
        let blocks = IndexSpace(
            pieceShape.indices.map { axis in
                let inside = min(pieceShape[axis], shape[axis] - start[axis])
                return encoding.keepsChunks
                    ? 1 : (inside + encoding.chunkShape[axis] - 1) / encoding.chunkShape[axis]
            })
        var chunks: [EncodedChunk] = []
        for number in 0..<blocks.count {
            let inPiece = zip(blocks.index(at: number), encoding.chunkShape).map(*)
            let block = BlockCopy.block(
                of: decoded, shape: pieceShape, start: inPiece, count: encoding.chunkShape,
                elementByteCount: metadata.elementType.byteCount)
            let encoded: ByteBuffer
            if let codec {
                encoded = try block.withSpan { span throws(CodecError) in try codec.encode(span) }
            } else {
                encoded = block
            }
            chunks.append(EncodedChunk(offset: zip(start, inPiece).map(+), bytes: encoded, isPassed: false))
        }
        return chunks
    }
}
