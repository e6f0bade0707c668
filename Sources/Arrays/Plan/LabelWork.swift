public import Elements

/// An integer that stands for a label id.
public typealias LabelElement = Element & FixedWidthInteger

/// Work on the voxels of a label array whose type is known when the program runs.
///
/// `any LabelElement.Type` would be too slow: the compiler specialises code only for types that are named. Without that, each voxel costs
/// several function calls.
public protocol LabelWork {
    associatedtype Outcome

    func run<Value: LabelElement>(_ voxels: UnsafeBufferPointer<Value>) -> Outcome
}

extension ElementType {
    /// Runs `work` on voxels of this type; nil for floats, which are no labels.
    public func run<Work: LabelWork>(_ work: Work, on bytes: ByteBuffer) -> Work.Outcome? {
        bytes.withUnsafeBytes { bytes in
            switch self {
            case .bool, .uint8: work.run(UnsafeBufferPointer(rebinding: bytes, to: UInt8.self))
            case .int8: work.run(UnsafeBufferPointer(rebinding: bytes, to: Int8.self))
            case .uint16: work.run(UnsafeBufferPointer(rebinding: bytes, to: UInt16.self))
            case .int16: work.run(UnsafeBufferPointer(rebinding: bytes, to: Int16.self))
            case .uint32: work.run(UnsafeBufferPointer(rebinding: bytes, to: UInt32.self))
            case .int32: work.run(UnsafeBufferPointer(rebinding: bytes, to: Int32.self))
            case .uint64: work.run(UnsafeBufferPointer(rebinding: bytes, to: UInt64.self))
            case .int64: work.run(UnsafeBufferPointer(rebinding: bytes, to: Int64.self))
            case .float16, .float32, .float64: nil
            }
        }
    }
}

extension UnsafeBufferPointer {
    /// Aligned bytes as voxels; bytes behind the last whole one are left out.
    public init(rebinding bytes: UnsafeRawBufferPointer, to _: Element.Type) {
        self = UnsafeBufferPointer(
            start: bytes.baseAddress?.assumingMemoryBound(to: Element.self),
            count: bytes.count / MemoryLayout<Element>.stride)
    }
}
