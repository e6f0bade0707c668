internal import Geometry

/// One row of voxels along x while it is being rendered.
///
/// Plain memory, because everything here happens once a voxel.
final class SampleRow {
    let width: Int
    /// Positions of the columns, in hundredths of a nm.
    let x: UnsafeMutablePointer<Int>
    /// As in ``SampleBlock/labels``.
    let labels: UnsafeMutablePointer<UInt16>
    let greys: UnsafeMutablePointer<UInt16>
    /// Grey values times 16, before the texture.
    let shades: UnsafeMutablePointer<Int32>
    let texture: UnsafeMutablePointer<Int32>
    /// Noise for the surface of mitochondria, the course of their cristae, and the folds of cisternae.
    let surface: UnsafeMutablePointer<Int32>
    let warp: UnsafeMutablePointer<Int32>
    let fold: UnsafeMutablePointer<Int32>
    /// By material.
    let gains: UnsafeMutablePointer<Int32>
    let shading: SampleShading

    /// Rows of plain cytosol and of zeros, to start from.
    private let plainLabels: UnsafeMutablePointer<UInt16>
    private let plainShades: UnsafeMutablePointer<Int32>
    private let zeros: UnsafeMutablePointer<Int32>

    init(x positions: [Int], shading: SampleShading) {
        func row<T>(_ value: T, _ count: Int) -> UnsafeMutablePointer<T> {
            let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(1, count))
            pointer.initialize(repeating: value, count: max(1, count))
            return pointer
        }
        self.shading = shading
        width = positions.count
        x = row(0, width)
        for (index, position) in positions.enumerated() { x[index] = position }
        labels = row(0, width)
        greys = row(0, width)
        shades = row(0, width)
        texture = row(0, width)
        surface = row(0, width)
        warp = row(0, width)
        fold = row(0, width)
        gains = row(0, SampleShading.textureGain.count)
        for (index, gain) in SampleShading.textureGain.enumerated() { gains[index] = gain }
        plainLabels = row(UInt16(SampleMaterial.cytosol.rawValue), width)
        plainShades = row(SampleShading.cytosol, width)
        zeros = row(0, width)
    }

    deinit {
        x.deallocate()
        labels.deallocate()
        greys.deallocate()
        for row in [shades, texture, surface, warp, fold, gains, plainShades, zeros] { row.deallocate() }
        plainLabels.deallocate()
    }

    /// Cytosol everywhere.
    func clear() {
        labels.update(from: plainLabels, count: width)
        shades.update(from: plainShades, count: width)
    }

    /// Makes a noise row zero.
    func clear(_ row: UnsafeMutablePointer<Int32>) { row.update(from: zeros, count: width) }
}
