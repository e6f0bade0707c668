internal import CPrefetch
internal import Geometry

/// The bytes of a box of voxels of one type, read without any assumption on their alignment.
struct SourceVoxels<Value: BitwiseCopyable> {
    private let base: UnsafeRawPointer
    private let box: Box
    private let columns: Int
    private let planeVoxels: Int

    init(base: UnsafeRawPointer, box: Box) {
        self.base = base
        self.box = box
        columns = box.shape.x
        planeVoxels = box.shape.y * box.shape.x
    }

    /// The row z, y from voxel x on, in voxels of the level.
    func row(_ z: Int, _ y: Int, from x: Int) -> SourceRow<Value> {
        let voxel = (z - box.start.z) * planeVoxels + (y - box.start.y) * columns + (x - box.start.x)
        return SourceRow(base: base + voxel * MemoryLayout<Value>.stride)
    }
}

/// Voxels that lie one after the other.
struct SourceRow<Value: BitwiseCopyable> {
    let base: UnsafeRawPointer

    /// Has memory bring what lies `byteOffset` bytes behind the row's beginning. Processors look ahead by themselves, but not from one page
    /// of 4 KiB into the next.
    @inline(__always)
    func prefetch(_ byteOffset: Int) {
        cristae_prefetch(UnsafeRawPointer(bitPattern: UInt(bitPattern: base) &+ UInt(bitPattern: byteOffset)) ?? base)
    }

    @inline(__always)
    subscript(index: Int) -> Value {
        base.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.stride, as: Value.self)
    }
}

/// The bytes of an output box, written without any assumption on their alignment.
struct OutputVoxels<Value: BitwiseCopyable> {
    private let base: UnsafeMutableRawPointer
    private let box: Box
    private let columns: Int
    private let planeVoxels: Int

    init(base: UnsafeMutableRawPointer, box: Box) {
        self.base = base
        self.box = box
        columns = box.shape.x
        planeVoxels = box.shape.y * box.shape.x
    }

    /// The row z, y from voxel x on, in voxels of the output grid.
    func row(_ z: Int, _ y: Int, from x: Int) -> OutputRow<Value> {
        let voxel = (z - box.start.z) * planeVoxels + (y - box.start.y) * columns + (x - box.start.x)
        return OutputRow(base: base + voxel * MemoryLayout<Value>.stride)
    }
}

/// Voxels to be written that lie one after the other.
struct OutputRow<Value: BitwiseCopyable> {
    let base: UnsafeMutableRawPointer

    @inline(__always)
    func store(_ value: Value, at index: Int) {
        base.storeBytes(of: value, toByteOffset: index &* MemoryLayout<Value>.stride, as: Value.self)
    }

    func copy(_ row: SourceRow<Value>, count: Int) {
        base.copyMemory(from: row.base, byteCount: count * MemoryLayout<Value>.stride)
    }
}
