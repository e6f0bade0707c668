public import Elements
public import HDF5
public import Threads

/// A new dataset of an HDF5 file, which takes encoded chunks. Nothing else makes datasets and places chunks.
public struct DatasetSink: Sendable {
    /// A chunk for the file.
    public struct Chunk: Sendable {
        /// In the scan order of the dataset's chunks.
        let number: Int
        let bytes: ByteBuffer
        /// Whether these are the bytes of the source.
        let isPassed: Bool

        public init(number: Int, bytes: ByteBuffer, isPassed: Bool = false) {
            (self.number, self.bytes, self.isPassed) = (number, bytes, isPassed)
        }
    }

    /// How many chunks were placed.
    public struct Count: Sendable, Equatable {
        /// Chunks that were taken over as they are.
        public var passed = 0
        /// Chunks that were encoded anew.
        public var encoded = 0

        public init() {}

        public static func + (_ one: Count, _ other: Count) -> Count {
            var sum = one
            sum.passed += other.passed
            sum.encoded += other.encoded
            return sum
        }
    }

    public let layout: DatasetLayout
    /// The chunks that the dataset has room for.
    public let chunks: IndexSpace
    private let writer: HDF5Writer
    private let handle: DatasetHandle

    /// Makes the dataset.
    public init(_ layout: DatasetLayout, in writer: HDF5Writer) async throws(HDF5Error) {
        (self.layout, self.writer) = (layout, writer)
        chunks = IndexSpace(zip(layout.shape, layout.chunkShape).map { $0 > 0 ? ($0 - 1) / $1 + 1 : 0 })
        handle = try await writer.createDataset(layout)
    }

    /// The first element of a chunk.
    public func start(ofChunk number: Int) -> [Int] { zip(chunks.index(at: number), layout.chunkShape).map(*) }

    /// Places one chunk.
    func place(_ bytes: ByteBuffer, _ number: Int) async throws(HDF5Error) {
        try await writer.writeChunk(bytes, to: handle, offset: start(ofChunk: number))
    }

    /// Produces batches of chunks concurrently, at most `width` at a time. The HDF5 thread places them in the order of the batches, so that the
    /// file's bytes do not depend on which was ready first.
    ///
    /// - Parameters:
    ///   - count: batches.
    ///   - produce: the chunks of a batch. A chunk that is in none stays unallocated, and reads as the fill value.
    @discardableResult
    public func fill(
        count: Int, width: Int, stop: StopSignal, _ produce: @escaping @Sendable (Int) async throws -> [Chunk]
    ) async throws -> Count {
        var placed = Count()
        try await inOrder(count: count, width: width) { number in
            try stop.check()
            return try await produce(number)
        } consume: { (_: Int, chunks: [Chunk]) in
            for chunk in chunks {
                try await place(chunk.bytes, chunk.number)
                if chunk.isPassed { placed.passed += 1 } else { placed.encoded += 1 }
            }
        }
        return placed
    }
}

extension ThreadPool {
    /// How many chunks may be under way, so that every thread is busy and all of them stay within `memory`.
    ///
    /// - Parameter byteCount: what one of them takes.
    public static func chunksUnderWay(of byteCount: Int, within memory: Int) -> Int {
        max(1, min(compute.width * 3, memory / max(1, byteCount)))
    }
}
