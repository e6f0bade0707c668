public import Elements

/// The shape, element type and fill value of a chunk between two stages of a codec chain.
public struct ChunkForm: Sendable, Equatable {
    /// Elements per axis.
    public let shape: [Int]
    public let elementType: ElementType
    /// The bytes of one element in native byte order.
    public let fillValue: [UInt8]

    /// The largest decoded chunk that is accepted: 4 GiB.
    static let maximumByteCount = 1 << 32

    public init(shape: [Int], elementType: ElementType, fillValue: [UInt8]) {
        self.shape = shape
        self.elementType = elementType
        self.fillValue = fillValue
    }

    public var elementCount: Int { shape.reduce(1, *) }
    public var byteCount: Int { shape.reduce(elementType.byteCount, *) }

    /// A chunk of this form that holds nothing but the fill value.
    func filled() -> ByteBuffer {
        let buffer = ByteBuffer(count: byteCount)
        buffer.fill(with: fillValue)
        return buffer
    }
}
