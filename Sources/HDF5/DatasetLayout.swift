public import Elements

/// What a dataset is made from.
public struct DatasetLayout: Sendable {
    /// Where the dataset goes, such as "/label_crop/mito"; groups on the way are made.
    public var path: String
    public var elementType: ElementType
    /// Elements per axis, slowest first (z, y, x).
    public var shape: [Int]
    /// Elements of a chunk per axis; may exceed the shape.
    public var chunkShape: [Int]
    public var filter: ChunkFilter
    /// One element in the machine's byte order, read wherever no chunk was written.
    public var fillValue: [UInt8]

    public init(
        path: String, elementType: ElementType, shape: [Int], chunkShape: [Int], filter: ChunkFilter,
        fillValue: [UInt8]
    ) {
        self.path = path
        self.elementType = elementType
        self.shape = shape
        self.chunkShape = chunkShape
        self.filter = filter
        self.fillValue = fillValue
    }
}
