internal import Geometry

/// Pseudo-random numbers that depend on nothing but a seed and a place.
enum SampleHash {
    /// 32 well mixed bits for a lattice point. Integer arithmetic only, so that every machine gets the same picture.
    static func bits(_ seed: UInt32, _ z: Int, _ y: Int, _ x: Int) -> UInt32 {
        var hash = seed &* 0x9e37_79b9
        hash ^= UInt32(truncatingIfNeeded: z) &* 0x8da6_b343
        hash ^= UInt32(truncatingIfNeeded: y) &* 0xd816_3841
        hash ^= UInt32(truncatingIfNeeded: x) &* 0xcb1a_b31f
        hash ^= hash >> 15
        hash = hash &* 0x2c1b_3c6d
        hash ^= hash >> 12
        hash = hash &* 0x297a_2d39
        return hash ^ (hash >> 15)
    }
}

/// The positions of a block's voxel centres along the three axes, in hundredths of a nm from the scene's first edge.
///
/// All voxel sizes of the sample (5.24, 2.96, 1.48 nm …) are whole in this unit.
struct SamplePositions {
    let z: [Int]
    let y: [Int]
    let x: [Int]

    /// The centres of `shape` voxels of size `step`, the first of which is number `start` of a grid with its first edge
    /// at `edge`.
    init(edge: ZYX<Int>, step: ZYX<Int>, start: ZYX<Int>, shape: ZYX<Int>) {
        func centres(_ axis: Int) -> [Int] {
            (0..<shape[axis]).map { edge[axis] + (start[axis] + $0) * step[axis] + step[axis] / 2 }
        }
        z = centres(0)
        y = centres(1)
        x = centres(2)
    }

    /// Whether anything within `reach` of `centre` on every axis, both in nm, can lie in the block.
    func touch(_ centre: ZYX<Double>, _ reach: ZYX<Double>) -> Bool {
        func overlaps(_ positions: [Int], _ centre: Double, _ reach: Double) -> Bool {
            guard let first = positions.first, let last = positions.last else { return false }
            return Double(first) / 100 < centre + reach && Double(last) / 100 > centre - reach
        }
        return overlaps(z, centre.z, reach.z) && overlaps(y, centre.y, reach.y) && overlaps(x, centre.x, reach.x)
    }
}

/// Value noise on a cubic lattice, smoothly interpolated, evaluated for the voxels of one block.
///
/// Values lie in -32768…32767; there is no structure finer than the lattice spacing.
struct SampleNoiseBlock {
    /// Lattice cell and weight (0…256) of each voxel along one axis.
    private struct Axis {
        var first = 0
        var count = 0
        var cells: [Int] = []
        var weights: [Int32] = []

        init(_ positions: [Int], spacing: Int) {
            guard let low = positions.first, let high = positions.last else { return }
            first = low / spacing
            count = high / spacing - first + 2
            for position in positions {
                cells.append(position / spacing - first)
                let fraction = position % spacing * 256 / spacing
                weights.append(Int32(fraction * fraction * (768 - 2 * fraction) / 65536))
            }
        }
    }

    private let z: Axis
    private let y: Axis
    private let x: Axis
    private let values: [Int32]

    /// - Parameter spacing: distance of the lattice points, in hundredths of a nm.
    init(seed: UInt32, spacing: Int, at positions: SamplePositions) {
        z = Axis(positions.z, spacing: spacing)
        y = Axis(positions.y, spacing: spacing)
        x = Axis(positions.x, spacing: spacing)
        var values: [Int32] = []
        values.reserveCapacity(z.count * y.count * x.count)
        for iz in z.first..<z.first + z.count {
            for iy in y.first..<y.first + y.count {
                for ix in x.first..<x.first + x.count {
                    values.append(Int32(SampleHash.bits(seed, iz, iy, ix) >> 16) - 32768)
                }
            }
        }
        self.values = values
    }

    /// Adds `amplitude * noise / 32768` to the voxels of the row (`zIndex`, `yIndex`) of the block.
    func addRow(_ zIndex: Int, _ yIndex: Int, amplitude: Int32, to row: UnsafeMutablePointer<Int32>) {
        let (wz, wy) = (z.weights[zIndex], y.weights[yIndex])
        let corner = (z.cells[zIndex] * y.count + y.cells[yIndex]) * x.count
        let (nextY, nextZ, length) = (x.count, y.count * x.count, x.count)
        values.withUnsafeBufferPointer { values in
            x.cells.withUnsafeBufferPointer { cells in
                x.weights.withUnsafeBufferPointer { weights in
                    // The lattice along x, interpolated along y and z.
                    withUnsafeTemporaryAllocation(of: Int32.self, capacity: length) { line in
                        var at = corner
                        var index = 0
                        while index < length {
                            let near = (values[at] &* (256 &- wy) &+ values[at &+ nextY] &* wy) >> 8
                            let beyond = at &+ nextZ
                            let far = (values[beyond] &* (256 &- wy) &+ values[beyond &+ nextY] &* wy) >> 8
                            line[index] = (near &* (256 &- wz) &+ far &* wz) >> 8
                            at &+= 1
                            index &+= 1
                        }
                        let count = cells.count
                        index = 0
                        while index < count {
                            let (cell, weight) = (cells[index], weights[index])
                            let value = (line[cell] &* (256 &- weight) &+ line[cell &+ 1] &* weight) >> 8
                            row[index] = row[index] &+ (value &* amplitude) >> 15
                            index &+= 1
                        }
                    }
                }
            }
        }
    }
}
