internal import Geometry

/// The up to 2 x 2 x 2 voxels of a block that one coarser voxel is made from.
struct SampleWindow {
    private let block: UnsafeBufferPointer<UInt16>
    private let shape: ZYX<Int>
    private var values: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// Whether all 8 voxels exist; then they are in `values`, else in `present`.
    private var isWhole = false
    private var present: [UInt16] = []

    init(_ block: UnsafeBufferPointer<UInt16>, shape: ZYX<Int>) {
        self.block = block
        self.shape = shape
    }

    /// Takes the window that starts at (`z`, `y`, `x`) of the block, cut at the block's end.
    mutating func move(z: Int, y: Int, x: Int) {
        isWhole = z + 1 < shape.z && y + 1 < shape.y && x + 1 < shape.x
        let first = (z * shape.y + y) * shape.x + x
        if isWhole {
            let (nextY, nextZ) = (first + shape.x, first + shape.y * shape.x)
            let last = nextZ + shape.x
            values = (
                block[first], block[first + 1], block[nextY], block[nextY + 1],
                block[nextZ], block[nextZ + 1], block[last], block[last + 1]
            )
        } else {
            present.removeAll(keepingCapacity: true)
            for dz in 0..<min(2, shape.z - z) {
                for dy in 0..<min(2, shape.y - y) {
                    for dx in 0..<min(2, shape.x - x) {
                        present.append(block[first + (dz * shape.y + dy) * shape.x + dx])
                    }
                }
            }
        }
    }

    private var all: [UInt16] {
        guard isWhole else { return present }
        let v = values
        return [v.0, v.1, v.2, v.3, v.4, v.5, v.6, v.7]
    }

    /// The mean, rounded to nearest, halves up.
    var mean: UInt16 {
        guard isWhole else {
            return UInt16((2 * present.reduce(0) { $0 + Int($1) } + present.count) / (2 * present.count))
        }
        let v = values
        let low = Int(v.0) + Int(v.1) + Int(v.2) + Int(v.3)
        return UInt16((low + Int(v.4) + Int(v.5) + Int(v.6) + Int(v.7) + 4) >> 3)
    }

    /// The same of Int16 bit patterns.
    var signedMean: UInt16 {
        func positive(_ bits: UInt16) -> Int { Int(bits ^ 0x8000) }
        let v = values
        let mean: Int
        if isWhole {
            let low = positive(v.0) + positive(v.1) + positive(v.2) + positive(v.3)
            mean = (low + positive(v.4) + positive(v.5) + positive(v.6) + positive(v.7) + 4) >> 3
        } else {
            mean = (2 * present.reduce(0) { $0 + positive($1) } + present.count) / (2 * present.count)
        }
        return UInt16(mean) ^ 0x8000
    }

    /// The most frequent value; of several, the smallest.
    var mode: UInt16 {
        let v = values
        if isWhole, v.0 == v.1, v.0 == v.2, v.0 == v.3, v.0 == v.4, v.0 == v.5, v.0 == v.6, v.0 == v.7 { return v.0 }
        return all.withUnsafeBufferPointer { candidates in
            var best: (count: Int, value: UInt16) = (0, 0)
            var first = 0
            while first < candidates.count {
                let value = candidates[first]
                var count = 0
                var other = 0
                while other < candidates.count {
                    if candidates[other] == value { count += 1 }
                    other += 1
                }
                if count > best.count || count == best.count && value < best.value { best = (count, value) }
                first += 1
            }
            return best.value
        }
    }
}
