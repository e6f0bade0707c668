internal import Geometry

/// One row of voxels along x while it is being rendered.
final class SampleRow {
    let width: Int
    let labels: UnsafeMutablePointer<UInt16>
    let greys: UnsafeMutablePointer<UInt16>
    let shades: UnsafeMutablePointer<Int32>
    let texture: UnsafeMutablePointer<Int32>
    let surface: UnsafeMutablePointer<Int32>
    let warp: UnsafeMutablePointer<Int32>
    let fold: UnsafeMutablePointer<Int32>
    let gains = SampleShading.textureGain

    init(width: Int) {
        self.width = width
        labels = .allocate(capacity: width)
        greys = .allocate(capacity: width)
        shades = .allocate(capacity: width)
        texture = .allocate(capacity: width)
        surface = .allocate(capacity: width)
        warp = .allocate(capacity: width)
        fold = .allocate(capacity: width)
        greys.initialize(repeating: 0, count: width)
        clear()
    }

    deinit {
        labels.deallocate()
        greys.deallocate()
        shades.deallocate()
        texture.deallocate()
        surface.deallocate()
        warp.deallocate()
        fold.deallocate()
    }

    /// Cytosol everywhere.
    func clear() {
        labels.initialize(repeating: UInt16(SampleMaterial.cytosol.rawValue), count: width)
        shades.initialize(repeating: SampleShading.cytosol, count: width)
        texture.initialize(repeating: 0, count: width)
        surface.initialize(repeating: 0, count: width)
        warp.initialize(repeating: 0, count: width)
        fold.initialize(repeating: 0, count: width)
    }

    /// - Parameter x: the columns' positions in hundredths of a nm.
    func paint(
        _ object: SampleMitochondrion, number: Int, at place: (z: Double, y: Double), columns: Range<Int>, x: [Int],
        _ shading: SampleShading
    ) {
        let (along, side, across) = (object.along, object.side, object.across)
        let (dz, dy) = (place.z - object.centre.z, place.y - object.centre.y)
        let start = (
            along: dz * along.z + dy * along.y, side: dz * side.z + dy * side.y,
            across: dz * across.z + dy * across.y
        )
        let (radius, halfLength) = (object.radius, object.halfLength)
        let farthest = radius + SampleMitochondrion.roughness + SampleMitochondrion.gap
        let bend = object.bend / ((halfLength + radius) * (halfLength + radius))
        // Keeps the middle of the bent capsule at its centre.
        let sag = object.bend / 3
        let owner = UInt16(number) << 8
        for index in columns {
            let dx = Double(x[index]) / 100 - object.centre.x
            let t = start.along + dx * along.x
            let u = start.side + dx * side.x - bend * t * t + sag
            let v = start.across + dx * across.x
            let beyond = t.magnitude - halfLength
            let square = u * u + v * v + (beyond > 0 ? beyond * beyond : 0)
            guard square < farthest * farthest else { continue }
            let rough = Double(surface[index]) / 32768 * SampleMitochondrion.roughness
            let depth = radius + rough - square.squareRoot()
            guard depth > -SampleMitochondrion.gap else { continue }
            // Where two capsules come close, the first one keeps its voxels.
            guard labels[index] & 0xff <= UInt16(SampleMaterial.gap.rawValue) else { continue }
            let grey = shading.mitochondrion[SampleShading.entry(depth)]
            shades[index] = min(shades[index], grey)
            guard depth > 0 else {
                labels[index] = UInt16(SampleMaterial.gap.rawValue)
                continue
            }
            guard depth > SampleMitochondrion.envelope - 4 else {
                labels[index] = owner | UInt16(SampleMaterial.mitochondrialMembrane.rawValue)
                continue
            }
            let crista = crista(of: object, t, u, v, Double(warp[index]) / 32768)
            let weight = shading.crista[SampleShading.entry(crista)]
            shades[index] = grey + (SampleShading.membrane + 160 - grey) * weight / 256
            let isMembrane =
                depth <= SampleMitochondrion.envelope || crista < SampleMitochondrion.cristaHalfThickness
            let material: SampleMaterial = isMembrane ? .mitochondrialMembrane : .mitochondrialMatrix
            labels[index] = owner | UInt16(material.rawValue)
        }
    }

    /// The sides that cristae grow from.
    private static let directions: [(Double, Double)] = [
        (1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7),
    ]

    /// The distance in nm to the middle of the nearest crista's sheet; large where that sheet does not reach.
    private func crista(of object: SampleMitochondrion, _ t: Double, _ u: Double, _ v: Double, _ warp: Double) -> Double
    {
        let slant = object.cristaSlant
        let phase = t * (1 - slant) + (u + v * 0.5) * slant + warp * 22
        let position = phase / object.cristaSpacing
        // Rounded down; the capsule's middle is far above -1000 cristae.
        let number = Int(position + 1000) - 1000
        let hash = SampleHash.bits(object.seed, number, 0, 0)
        // A few places are empty, the others are shifted a little, which keeps the stack from looking ruled.
        guard hash & 0xf != 0 else { return 1000 }
        let middle = 0.38 + Double(hash >> 4 & 0xff) / 1024
        let distance = ((position - Double(number) - middle) * object.cristaSpacing).magnitude
        // Each sheet grows from one side and leaves a part of the opposite side free.
        let direction = Self.directions[Int(hash >> 12 & 7)]
        let reach = (u * direction.0 + v * direction.1) / object.radius
        let limit = -1.0 + Double(hash >> 16 & 0xff) / 256 * 0.9
        // A round rim.
        let missing = (limit - reach) * object.radius
        return missing > 0 ? (distance * distance + missing * missing).squareRoot() : distance
    }

    func paint(
        _ object: SampleCisterna, at place: (z: Double, y: Double), columns: Range<Int>, x: [Int],
        _ shading: SampleShading
    ) {
        let (centre, normal) = (object.centre, object.normal)
        let (dz, dy) = (place.z - centre.z, place.y - centre.y)
        for index in columns where labels[index] == UInt16(SampleMaterial.cytosol.rawValue) {
            let dx = Double(x[index]) / 100 - centre.x
            let level = dz * normal.z + dy * normal.y + dx * normal.x
            let noise = Double(fold[index]) / 32768
            let height = level + noise * SampleCisterna.warp
            let square = dz * dz + dy * dy + dx * dx - level * level
            let outside = (square > 0 ? square.squareRoot() : 0) - object.radius * (1 + noise * 0.3)
            let distance = outside > 0 ? (height * height + outside * outside).squareRoot() : height.magnitude
            let depth = SampleCisterna.halfThickness - distance
            guard depth > -12 else { continue }
            shades[index] = shading.cisterna[SampleShading.entry(depth)]
            guard depth > 0 else { continue }
            let material: SampleMaterial =
                depth < SampleCisterna.membrane ? .reticulumMembrane : .reticulumLumen
            labels[index] = UInt16(material.rawValue)
        }
    }

    func paint(
        _ object: SampleVesicle, at place: (z: Double, y: Double), columns: Range<Int>, x: [Int],
        _ shading: SampleShading
    ) {
        let (dz, dy) = (place.z - object.centre.z, place.y - object.centre.y)
        for index in columns where labels[index] == UInt16(SampleMaterial.cytosol.rawValue) {
            let dx = Double(x[index]) / 100 - object.centre.x
            let depth = object.radius - (dz * dz + dy * dy + dx * dx).squareRoot()
            guard depth > -8 else { continue }
            let mixture = shading.vesicle[SampleShading.entry(depth)]
            let (from, to, share) =
                mixture < 256
                ? (shades[index], SampleShading.membrane, mixture)
                : (SampleShading.membrane, object.grey * 16, mixture - 256)
            shades[index] = from + (to - from) * share / 256
            guard depth > 0 else { continue }
            let material: SampleMaterial = depth < SampleVesicle.membrane ? .vesicleMembrane : .vesicleLumen
            labels[index] = UInt16(material.rawValue)
        }
    }

    /// - Parameter depth: 0…256, from the rim of the dot to its middle.
    func paintRibosome(_ index: Int, depth: Int32, hash: UInt32) {
        switch labels[index] & 0xff {
        case UInt16(SampleMaterial.cytosol.rawValue), UInt16(SampleMaterial.gap.rawValue):
            let share = min(256, depth * 2)
            let dark = min(shades[index], SampleShading.ribosome)
            shades[index] += (dark - shades[index]) * share * 3 / 1024
        case UInt16(SampleMaterial.mitochondrialMatrix.rawValue) where hash >> 4 & 7 == 0 && depth > 100:
            shades[index] = min(shades[index], SampleShading.ribosome)
            labels[index] = labels[index] & 0xff00 | UInt16(SampleMaterial.mitochondrialRibosome.rawValue)
        default: break
        }
    }
}
