internal import Geometry

/// A rendered block of voxels in scan order.
struct SampleBlock {
    /// ``SampleMaterial`` of each voxel, plus 256 times the number (from 1) of the mitochondrion it belongs to.
    var labels: [UInt16] = []
    /// Grey values 0…4095; empty where only labels were asked for. 0 is kept for what was not imaged.
    var greys: [UInt16] = []
}

/// Renders blocks of a scene, row by row: the same place always gets the same content, whatever block it is part of.
///
/// Shapes use Doubles with `+ - * /` and square roots only, texture uses integers: the result does not depend on the
/// machine.
struct SampleRenderer {
    private struct Texture {
        let noise: SampleNoiseBlock
        let amplitude: Int32
    }

    private let seed: UInt32
    private let ribosomes: UInt32
    private let imagedWidth: Double
    private let positions: SamplePositions
    private let shading: SampleShading
    private let wantsGreys: Bool
    private let surface: SampleNoiseBlock
    private let warp: SampleNoiseBlock
    private let fold: SampleNoiseBlock
    private let textures: [Texture]
    private let mitochondria: [(number: Int, object: SampleMitochondrion)]
    private let cisternae: [SampleCisterna]
    private let vesicles: [SampleVesicle]

    /// - Parameter voxel: voxel size in hundredths of a nm.
    init(scene: SampleScene, positions: SamplePositions, voxel: ZYX<Int>, wantsGreys: Bool) {
        seed = scene.seed
        ribosomes = scene.ribosomes
        imagedWidth = scene.imagedWidth
        self.positions = positions
        self.wantsGreys = wantsGreys
        shading = SampleShading(voxel: (voxel.z + voxel.y + voxel.x) / 3)
        surface = SampleNoiseBlock(seed: scene.seed &+ 1, spacing: 13000, at: positions)
        warp = SampleNoiseBlock(seed: scene.seed &+ 2, spacing: 11000, at: positions)
        fold = SampleNoiseBlock(seed: scene.seed &+ 3, spacing: 24000, at: positions)
        let octaves: [(spacing: Int, amplitude: Int32)] = [
            (1100, 26), (2300, 26), (5200, 16), (14000, 10), (41000, 8),
        ]
        textures =
            wantsGreys
            ? octaves.enumerated().map { index, octave in
                Texture(
                    noise: SampleNoiseBlock(
                        seed: scene.seed &+ 10 &+ UInt32(index), spacing: octave.spacing, at: positions),
                    amplitude: octave.amplitude * 16)
            } : []
        // Only what may reach into the block.
        mitochondria = scene.mitochondria.enumerated().filter { positions.touch($0.element.centre, $0.element.reach) }
            .map { (number: $0.offset + 1, object: $0.element) }
        cisternae = scene.cisternae.filter { positions.touch($0.centre, ZYX(repeating: $0.reach)) }
        vesicles = scene.vesicles.filter { positions.touch($0.centre, ZYX(repeating: $0.reach)) }
    }

    func render() -> SampleBlock {
        let width = positions.x.count
        let count = positions.z.count * positions.y.count * width
        var block = SampleBlock(
            labels: [UInt16](repeating: 0, count: count), greys: [UInt16](repeating: 0, count: wantsGreys ? count : 0))
        var offset = 0
        let row = SampleRow(x: positions.x, shading: shading)
        for z in positions.z.indices {
            for y in positions.y.indices {
                paint(row, z, y)
                block.labels.withUnsafeMutableBufferPointer { labels in
                    labels.baseAddress?.advanced(by: offset).update(from: row.labels, count: width)
                }
                if wantsGreys {
                    finishGreys(row, z, y)
                    block.greys.withUnsafeMutableBufferPointer { greys in
                        greys.baseAddress?.advanced(by: offset).update(from: row.greys, count: width)
                    }
                }
                offset += width
            }
        }
        return block
    }

    /// All objects that the row (`z`, `y`) of the block touches.
    private func paint(_ row: SampleRow, _ z: Int, _ y: Int) {
        row.clear()
        let place = (z: Double(positions.z[z]) / 100, y: Double(positions.y[y]) / 100)
        var hasNoise = false
        var hasMitochondrion = false
        func prepareNoise() {
            if hasNoise { return }
            hasNoise = true
            for noise in [row.surface, row.warp, row.fold] { row.clear(noise) }
            surface.addRow(z, y, amplitude: 32767, to: row.surface)
            warp.addRow(z, y, amplitude: 32767, to: row.warp)
            fold.addRow(z, y, amplitude: 32767, to: row.fold)
        }
        for (number, object) in mitochondria {
            let (centre, reach) = (object.centre, object.reach)
            guard (place.z - centre.z).magnitude < reach.z, (place.y - centre.y).magnitude < reach.y else { continue }
            let range = columns(from: centre.x - reach.x, to: centre.x + reach.x)
            guard !range.isEmpty else { continue }
            prepareNoise()
            hasMitochondrion = true
            row.paint(object, number: number, at: place, columns: range)
        }
        for object in cisternae {
            let reach = object.reach
            guard (place.z - object.centre.z).magnitude < reach, (place.y - object.centre.y).magnitude < reach
            else { continue }
            let range = columns(from: object.centre.x - reach, to: object.centre.x + reach)
            guard !range.isEmpty else { continue }
            prepareNoise()
            row.paint(object, at: place, columns: range)
        }
        for object in vesicles {
            let reach = object.reach
            guard (place.z - object.centre.z).magnitude < reach, (place.y - object.centre.y).magnitude < reach
            else { continue }
            let range = columns(from: object.centre.x - reach, to: object.centre.x + reach)
            row.paint(object, at: place, columns: range)
        }
        // For labels, only the ribosomes inside of mitochondria matter.
        if wantsGreys || hasMitochondrion { paintRibosomes(row, z, y) }
    }

    /// Dark dots of some 25 nm in the cytosol and, fewer and smaller, in the matrix of mitochondria.
    ///
    /// A dot never leaves its lattice cell, so that a row need not look at other cells; several lattices hide the cells.
    private func paintRibosomes(_ row: SampleRow, _ zIndex: Int, _ yIndex: Int) {
        guard let first = positions.x.first, let last = positions.x.last else { return }
        let cell = 6000
        for lattice in 0..<4 {
            let shift = lattice * 1570
            let (z, y) = (positions.z[zIndex] + shift, positions.y[yIndex] + shift)
            for column in (first + shift) / cell...(last + shift) / cell {
                let hash = SampleHash.bits(seed &+ 77 &+ UInt32(lattice), z / cell, y / cell, column)
                guard hash & 0xff < ribosomes else { continue }
                let radius = 900 + Int(hash >> 8 & 0x1ff)
                func centre(_ shift: UInt32) -> Int { 1450 + Int(hash >> shift & 0x1f) * 100 }
                let dz = z % cell - centre(17)
                let dy = y % cell - centre(22)
                let rest = radius * radius - dz * dz - dy * dy
                guard rest > 0 else { continue }
                let x = column * cell - shift + centre(27)
                let range = columns(from: Double(x - radius) / 100, to: Double(x + radius) / 100)
                for index in range {
                    let dx = row.x[index] - x
                    let inside = rest - dx * dx
                    guard inside > 0 else { continue }
                    row.paintRibosome(index, depth: Int32(inside * 256 / (radius * radius)), hash: hash)
                }
            }
        }
    }

    /// Texture and shot noise on top of the grey values that the objects left in the row.
    private func finishGreys(_ row: SampleRow, _ z: Int, _ y: Int) {
        row.clear(row.texture)
        for texture in textures { texture.noise.addRow(z, y, amplitude: texture.amplitude, to: row.texture) }
        let imaged = Int(min(imagedWidth * 100, 1e15))
        let (seed, depth, height) = (seed &+ 99, positions.z[z], positions.y[y])
        let (width, labels, shades, gains) = (row.width, row.labels, row.shades, row.gains)
        var index = 0
        while index < width {
            let x = row.x[index]
            let hash = SampleHash.bits(seed, depth, height, x)
            // The sum of two equally distributed bytes: a triangle, of a standard deviation of 104.
            let shot = Int32(hash & 0xff) + Int32(hash >> 8 & 0xff) - 255
            let material = Int(labels[index] & 0xff)
            var grey = shades[index] + (row.texture[index] * gains[material]) >> 8 + shot * 3 / 4
            grey = grey < 16 ? 16 : grey > 4095 ? 4095 : grey
            row.greys[index] = x < imaged ? UInt16(grey) : 0
            index += 1
        }
    }

    /// The columns of the block whose centres lie in a range of x, in nm.
    private func columns(from low: Double, to high: Double) -> Range<Int> {
        guard let first = positions.x.first, positions.x.count > 1 else { return positions.x.indices }
        let step = positions.x[1] - first
        func index(_ place: Double) -> Int {
            let steps = (place * 100 - Double(first)) / Double(step)
            return min(max(0, Int(steps.rounded(.up))), positions.x.count)
        }
        let start = index(low)
        return start..<max(start, index(high))
    }
}
