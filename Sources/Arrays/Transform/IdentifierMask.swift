public import Elements

/// Turns label ids into a mask of one byte a voxel: 1 where a voxel has one of the ids, 255 where it is not annotated, 0 elsewhere.
public struct IdentifierMask: Sendable {
    /// The mask of voxels that are not annotated.
    public static let unknown: UInt8 = 255

    public let elementType: ElementType
    public let ids: [Int]
    /// Values of voxels that are not annotated. A value that is also among ``ids`` is an id.
    public let unknownValues: [Int]

    public init(elementType: ElementType, ids: [Int], unknownValues: [Int] = []) {
        self.elementType = elementType
        self.ids = ids
        self.unknownValues = unknownValues
    }

    /// One byte a voxel of `bytes`.
    public func mask(_ bytes: ByteBuffer) -> ByteBuffer {
        let mask = ByteBuffer(count: bytes.count / elementType.byteCount)
        let fill = Fill(ids: ids, unknownValues: unknownValues, mask: mask)
        if elementType.run(fill, on: bytes) == nil { mask.fill(with: [0]) }
        return mask
    }

    private struct Fill: LabelWork {
        let ids: [Int]
        let unknownValues: [Int]
        let mask: ByteBuffer

        func run<Value: LabelElement>(_ voxels: UnsafeBufferPointer<Value>) {
            let wanted = ids.compactMap { Value(exactly: $0) }
            let unknown = unknownValues.compactMap { Value(exactly: $0) }
            func meaning(_ value: Value) -> UInt8 {
                wanted.contains(value) ? 1 : unknown.contains(value) ? IdentifierMask.unknown : 0
            }
            mask.withUnsafeMutableBytes { target in
                if MemoryLayout<Value>.size == 1 {
                    let table = (0..<256).map { meaning(Value(truncatingIfNeeded: $0)) }
                    for index in voxels.indices {
                        target[index] = table[Int(UInt8(truncatingIfNeeded: voxels[index]))]
                    }
                    return
                }
                // Equal labels follow one another, so the lists are searched once a run.
                var (last, result) = (Value.zero, meaning(.zero))
                for index in voxels.indices {
                    if voxels[index] != last {
                        last = voxels[index]
                        result = meaning(last)
                    }
                    target[index] = result
                }
            }
        }
    }
}
