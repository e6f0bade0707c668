internal import Geometry

/// What a voxel of a scene is made of. Numbers index the tables of ``SampleShading`` and ``SampleClass``.
enum SampleMaterial: UInt8, CaseIterable {
    case cytosol
    /// Cytosol next to a mitochondrion, kept free of other organelles.
    case gap
    case mitochondrialMembrane, mitochondrialMatrix, mitochondrialRibosome
    case reticulumMembrane, reticulumLumen
    case vesicleMembrane, vesicleLumen

    var isMitochondrial: Bool {
        self == .mitochondrialMembrane || self == .mitochondrialMatrix || self == .mitochondrialRibosome
    }
}

/// A mitochondrion: a capsule bent along a parabola, with a double membrane and lamellar cristae.
///
/// Thicknesses are those of textbooks, all in nm: two membranes of 7 around a gap of 6, cristae of about 18, 50 to 75
/// apart.
struct SampleMitochondrion: Sendable {
    /// Depth of the inner membrane's inner side: what lies deeper is matrix or crista.
    static let envelope = 20.0
    /// Half the thickness of a crista.
    static let cristaHalfThickness = 9.0
    /// Cytosol kept free around a mitochondrion.
    static let gap = 14.0
    /// How far the surface noise moves the outer membrane, at most.
    static let roughness = 14.0

    let centre: ZYX<Double>
    /// Unit vectors: along the capsule, the side it bends to, and across both.
    let along: ZYX<Double>
    let side: ZYX<Double>
    let across: ZYX<Double>
    let radius: Double
    /// Half the length of the straight part, without the round ends.
    let halfLength: Double
    /// How far the ends are bent to the side.
    let bend: Double
    let cristaSpacing: Double
    /// 0: cristae stand across the long axis; 1: they run along it.
    let cristaSlant: Double
    let seed: UInt32

    /// - Parameters:
    ///   - centre: of the mass, nm from the scene's first edge.
    ///   - direction: of the long axis, any length.
    ///   - length: from end to end, nm.
    ///   - thickness: nm.
    init(
        centre: ZYX<Double>, direction: ZYX<Double>, length: Double, thickness: Double, bend: Double,
        cristaSpacing: Double = 68, cristaSlant: Double = 0.15, seed: UInt32
    ) {
        self.centre = centre
        self.bend = bend
        self.cristaSpacing = cristaSpacing
        self.cristaSlant = cristaSlant
        self.seed = seed
        radius = thickness / 2
        halfLength = max(0, length / 2 - thickness / 2)
        along = direction.normalised
        let pole = along.z * along.z < 0.5 ? ZYX(1.0, 0, 0) : ZYX(0.0, 1, 0)
        side = along.cross(pole).normalised
        across = along.cross(side)
    }

    /// Half the size of a box around the centre that holds the mitochondrion and its gap.
    var reach: ZYX<Double> {
        let margin = radius + Self.roughness + Self.gap
        return ZYX(
            abs(along.z) * halfLength + abs(side.z) * abs(bend) + margin,
            abs(along.y) * halfLength + abs(side.y) * abs(bend) + margin,
            abs(along.x) * halfLength + abs(side.x) * abs(bend) + margin)
    }
}

/// A cisterna of the endoplasmic reticulum: a thin bent disc, membranes around a lumen.
struct SampleCisterna: Sendable {
    static let halfThickness = 19.0
    static let membrane = 8.0
    /// How far the warp noise moves the sheet out of its plane, at most.
    static let warp = 60.0

    let centre: ZYX<Double>
    let normal: ZYX<Double>
    let radius: Double

    init(centre: ZYX<Double>, normal: ZYX<Double>, radius: Double) {
        self.centre = centre
        self.normal = normal.normalised
        self.radius = radius
    }

    /// From the centre to the farthest place that can be part of it: the rim moves outwards by up to 0.3 radii.
    var reach: Double { radius * 1.3 + Self.warp + Self.halfThickness + 12 }
}

/// A round vesicle or endosome.
struct SampleVesicle: Sendable {
    static let membrane = 8.0

    let centre: ZYX<Double>
    let radius: Double
    /// Grey value of the content, 0…255.
    let grey: Int32

    /// From the centre to the outer end of the membrane's blur.
    var reach: Double { radius + 8 }
}

/// A piece of cell, in nm from its first edge: what the raw data and the labels of one dataset are both made from.
struct SampleScene: Sendable {
    let seed: UInt32
    let mitochondria: [SampleMitochondrion]
    let cisternae: [SampleCisterna]
    let vesicles: [SampleVesicle]
    /// Where the imaged part ends along x, in nm; beyond it the raw data are 0, as at the border of an aligned volume.
    var imagedWidth = Double.infinity
    /// How many of the 256 places for a ribosome are taken.
    var ribosomes: UInt32 = 120
}

extension ZYX<Double> {
    func dot(_ other: Self) -> Double { z * other.z + y * other.y + x * other.x }

    func cross(_ other: Self) -> Self {
        ZYX(y * other.x - x * other.y, x * other.z - z * other.x, z * other.y - y * other.z)
    }

    /// The vector of length 1; only `sqrt` and `/`, which IEEE 754 rounds the same way everywhere.
    var normalised: Self {
        let length = dot(self).squareRoot()
        return length > 0 ? map { $0 / length } : self
    }
}
