internal import Elements

/// Turns label ids into a mask: 1 where a voxel has one of the ids, 0 elsewhere.
struct IdentifierMask: Sendable {
    let elementType: ElementType
    let ids: [Int]

    /// One byte a voxel of `bytes`.
    func mask(_ bytes: ByteBuffer) -> ByteBuffer {
        let mask = ByteBuffer(count: bytes.count / elementType.byteCount)
        if elementType.run(Fill(ids: ids, mask: mask), on: bytes) == nil { mask.fill(with: [0]) }
        return mask
    }

    private struct Fill: LabelWork {
        let ids: [Int]
        let mask: ByteBuffer

        func run<Value: LabelElement>(_ voxels: UnsafeBufferPointer<Value>) {
            let wanted = ids.compactMap { Value(exactly: $0) }
            mask.withUnsafeMutableBytes { target in
                if MemoryLayout<Value>.size == 1 {
                    var table = [UInt8](repeating: 0, count: 256)
                    for value in wanted { table[Int(UInt8(truncatingIfNeeded: value))] = 1 }
                    for index in voxels.indices {
                        target[index] = table[Int(UInt8(truncatingIfNeeded: voxels[index]))]
                    }
                    return
                }
                // Labels come in long runs: the list is searched once a run.
                var (last, isWanted) = (Value.zero, wanted.contains(.zero))
                for index in voxels.indices {
                    if voxels[index] != last {
                        last = voxels[index]
                        isWanted = wanted.contains(last)
                    }
                    target[index] = isWanted ? 1 : 0
                }
            }
        }
    }
}
