public import Elements

/// An element type with the byte order that elements are stored in.
public struct StoredType: Sendable, Equatable {
    public let elementType: ElementType
    /// Always false for elements of one byte.
    public let isBigEndian: Bool

    public init(_ elementType: ElementType, isBigEndian: Bool = false) {
        self.elementType = elementType
        self.isBigEndian = isBigEndian && elementType.byteCount > 1
    }

    /// Whether stored elements have their bytes in the other order than this machine's.
    var isByteSwapped: Bool { elementType.byteCount > 1 && isBigEndian == (1.littleEndian == 1) }
}
