public import Elements

/// What a file says about one of its datasets.
public struct DatasetInfo: Sendable, Equatable {
    /// One stage of the pipeline that encoded the chunks, in the order of encoding.
    public struct Filter: Sendable, Equatable {
        /// The number the HDF Group has given to the filter: 1 deflate, 2 shuffle, 3 fletcher32, 32001 Blosc, 32015 zstd.
        public let id: Int
        public let clientData: [UInt32]

        public init(id: Int, clientData: [UInt32]) {
            self.id = id
            self.clientData = clientData
        }
    }

    public let handle: DatasetHandle
    /// Elements per axis, slowest first; empty for a single value.
    public let shape: [Int]
    /// Elements of a chunk per axis; nil where the dataset is not chunked (contiguous or compact).
    public let chunkShape: [Int]?
    public let elementType: ElementType
    /// Whether stored elements (``HDF5Reader/readChunk(_:offset:)``) have their most significant byte first.
    public let isBigEndian: Bool
    public let filters: [Filter]
    /// One element in the machine's byte order.
    public let fillValue: [UInt8]
}

/// Names a dataset of one open writer or reader. It is valid only there, until the file is closed.
public struct DatasetHandle: Sendable, Hashable {
    let file: Int
    let index: Int
}

/// The bytes of a chunk as they lie in the file.
public struct StoredChunk: Sendable {
    public let bytes: ByteBuffer
    /// Bit `i` is set where filter `i` of the pipeline was left out for this chunk.
    public let filterMask: UInt32
}
