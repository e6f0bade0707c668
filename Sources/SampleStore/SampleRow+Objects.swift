internal import Geometry

/// How the objects of a scene get into a row.
extension SampleRow {
    /// - Parameters:
    ///   - number: of the mitochondrion in its scene, from 1.
    ///   - place: of the row, in nm.
    func paint(_ object: SampleMitochondrion, number: Int, at place: (z: Double, y: Double), columns: Range<Int>) {
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
        let gap = UInt16(SampleMaterial.gap.rawValue)
        let membrane = owner | UInt16(SampleMaterial.mitochondrialMembrane.rawValue)
        let matrix = owner | UInt16(SampleMaterial.mitochondrialMatrix.rawValue)
        let (centre, farthestSquare) = (object.centre.x, farthest * farthest)
        let (depths, distances) = (shading.mitochondrion, shading.crista)
        var index = columns.lowerBound - 1
        while index + 1 < columns.upperBound {
            index += 1
            let dx = Double(x[index]) / 100 - centre
            let t = start.along + dx * along.x
            let u = start.side + dx * side.x - bend * t * t + sag
            let v = start.across + dx * across.x
            let beyond = t.magnitude - halfLength
            let square = u * u + v * v + (beyond > 0 ? beyond * beyond : 0)
            guard square < farthestSquare else { continue }
            let rough = Double(surface[index]) / 32768 * SampleMitochondrion.roughness
            let depth = radius + rough - square.squareRoot()
            guard depth > -SampleMitochondrion.gap else { continue }
            // Where two capsules come close, the first one keeps its voxels.
            guard labels[index] & 0xff <= gap else { continue }
            let grey = depths[SampleShading.entry(depth)]
            if grey < shades[index] { shades[index] = grey }
            guard depth > 0 else {
                labels[index] = gap
                continue
            }
            guard depth > SampleMitochondrion.envelope - 4 else {
                labels[index] = membrane
                continue
            }
            let crista = crista(of: object, t, u, v, Double(warp[index]) / 32768)
            let weight = distances[SampleShading.entry(crista)]
            shades[index] = grey + (SampleShading.membrane + 160 - grey) * weight / 256
            let isMembrane =
                depth <= SampleMitochondrion.envelope || crista < SampleMitochondrion.cristaHalfThickness
            labels[index] = isMembrane ? membrane : matrix
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

    func paint(_ object: SampleCisterna, at place: (z: Double, y: Double), columns: Range<Int>) {
        let (centre, normal) = (object.centre, object.normal)
        let (dz, dy) = (place.z - centre.z, place.y - centre.y)
        let cytosol = UInt16(SampleMaterial.cytosol.rawValue)
        let membrane = UInt16(SampleMaterial.reticulumMembrane.rawValue)
        let lumen = UInt16(SampleMaterial.reticulumLumen.rawValue)
        let farthest = SampleCisterna.warp + SampleCisterna.halfThickness + 12
        let (depths, radius) = (shading.cisterna, object.radius)
        var index = columns.lowerBound - 1
        while index + 1 < columns.upperBound {
            index += 1
            guard labels[index] == cytosol else { continue }
            let dx = Double(x[index]) / 100 - centre.x
            let level = dz * normal.z + dy * normal.y + dx * normal.x
            guard level.magnitude < farthest else { continue }
            let noise = Double(fold[index]) / 32768
            let height = level + noise * SampleCisterna.warp
            let square = dz * dz + dy * dy + dx * dx - level * level
            let outside = (square > 0 ? square.squareRoot() : 0) - radius * (1 + noise * 0.3)
            let distance = outside > 0 ? (height * height + outside * outside).squareRoot() : height.magnitude
            let depth = SampleCisterna.halfThickness - distance
            guard depth > -12 else { continue }
            shades[index] = depths[SampleShading.entry(depth)]
            guard depth > 0 else { continue }
            labels[index] = depth < SampleCisterna.membrane ? membrane : lumen
        }
    }

    func paint(_ object: SampleVesicle, at place: (z: Double, y: Double), columns: Range<Int>) {
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
