internal import Elements

/// Turns label ids into a mask: 1 where a voxel has one of the ids, 0 elsewhere.
struct IdentifierMask: Sendable {
    let elementType: ElementType
    let ids: [Int]

    /// One byte a voxel of `bytes`.
    func mask(_ bytes: ByteBuffer) -> ByteBuffer {
        let mask = ByteBuffer(count: bytes.count / elementType.byteCount)
        if let type = elementType.labelType { fill(type, bytes, mask) } else { mask.fill(with: [0]) }
        return mask
    }

    private func fill<T: LabelElement>(_ type: T.Type, _ bytes: ByteBuffer, _ mask: ByteBuffer) {
        let wanted = ids.compactMap { T(exactly: $0) }
        bytes.withUnsafeBytes { raw in
            mask.withUnsafeMutableBytes { target in
                raw.withMemoryRebound(to: T.self) { voxels in
                    if MemoryLayout<T>.size == 1 {
                        var table = [UInt8](repeating: 0, count: 256)
                        for value in wanted { table[Int(UInt8(truncatingIfNeeded: value))] = 1 }
                        for index in voxels.indices {
                            target[index] = table[Int(UInt8(truncatingIfNeeded: voxels[index]))]
                        }
                    } else {
                        for index in voxels.indices { target[index] = wanted.contains(voxels[index]) ? 1 : 0 }
                    }
                }
            }
        }
    }
}
