/// Grey values of the scene at one voxel size, times 16: cytosol light, membranes dark, as FIB-SEM volumes show cells.
///
/// The profiles across membranes are averaged over the width of a voxel, so that thin membranes fade at coarse voxels
/// instead of breaking up. The tables are plain memory, because they are read for every voxel.
final class SampleShading {
    static let cytosol: Int32 = 172 * 16
    static let matrix: Int32 = 128 * 16
    static let membrane: Int32 = 66 * 16
    static let ribosome: Int32 = 96 * 16
    static let reticulumLumen: Int32 = 188 * 16

    /// Entries per nm of a profile.
    private static let resolution = 4.0
    /// The first entry of a profile stands for this depth, in nm.
    private static let start = -24.0
    private static let entries = 320

    /// By depth below the outer membrane of a mitochondrion.
    let mitochondrion: UnsafePointer<Int32>
    /// By depth below the surface of a cisterna.
    let cisterna: UnsafePointer<Int32>
    /// By depth below the surface of a vesicle, 0 = cytosol, 256 = membrane, 512 = lumen.
    let vesicle: UnsafePointer<Int32>
    /// By the distance from the middle of a crista (entry 0 at `start`), weight 0…256.
    let crista: UnsafePointer<Int32>

    /// - Parameter voxel: mean size of a voxel, in hundredths of a nm.
    init(voxel: Int) {
        // Half of the averaging window in entries; the microscope blurs by 3 nm by itself.
        let half = (voxel * 4 / 100 + 12) / 2
        func profile(_ value: (Double) -> Int32) -> UnsafePointer<Int32> {
            let table = UnsafeMutablePointer<Int32>.allocate(capacity: Self.entries)
            // A running sum over the window; sharp[i] belongs to entry i - half.
            let sharp = (0..<Self.entries + 2 * half).map { value(Double($0 - half) / Self.resolution + Self.start) }
            var sum = sharp[0..<2 * half].reduce(0, +)
            for entry in 0..<Self.entries {
                sum += sharp[entry + 2 * half]
                table[entry] = sum / Int32(2 * half + 1)
                sum -= sharp[entry]
            }
            return UnsafePointer(table)
        }
        let between = (Self.membrane * 2 + Self.matrix) / 3
        mitochondrion = profile { depth in
            if depth < 0 { return Self.cytosol }
            if depth < 7 { return Self.membrane }
            if depth < 13 { return between + 400 }
            return depth < SampleMitochondrion.envelope ? Self.membrane : Self.matrix
        }
        cisterna = profile { depth in
            if depth < 0 { return Self.cytosol }
            return depth < SampleCisterna.membrane ? Self.membrane + 200 : Self.reticulumLumen
        }
        vesicle = profile { depth in
            if depth < 0 { return 0 }
            return depth < SampleVesicle.membrane ? 256 : 512
        }
        crista = profile { distance in distance.magnitude < SampleMitochondrion.cristaHalfThickness - 1.5 ? 256 : 0 }
    }

    deinit {
        mitochondrion.deallocate()
        cisterna.deallocate()
        vesicle.deallocate()
        crista.deallocate()
    }

    /// The entry of a profile for a depth in nm.
    static func entry(_ depth: Double) -> Int {
        let entry = (depth + 24) * 4
        return entry < 0 ? 0 : entry >= 319 ? 319 : Int(entry)
    }

    /// How much of the texture shows in each material, of 256.
    static let textureGain: [Int32] = SampleMaterial.allCases.map { material in
        switch material {
        case .cytosol, .gap: 256
        case .mitochondrialMatrix: 150
        case .mitochondrialMembrane, .reticulumMembrane, .vesicleMembrane: 110
        case .mitochondrialRibosome: 120
        case .reticulumLumen, .vesicleLumen: 110
        }
    }
}
