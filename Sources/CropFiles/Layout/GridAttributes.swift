internal import Geometry
internal import HDF5

/// Where voxels lie, from the attributes of a file or of a dataset. All dialects of the field are read: ours, which is torch_em's too
/// (`scale`, `translation`), daisy's (`voxel_size` or `resolution`, and `offset`, the first edge), and Fiji's (`element_size_um`).
struct GridAttributes: Sendable, Equatable {
    /// Marks a file whose translations count from its own first voxel, because its source had none.
    static let relativeMark = "translation_is_relative"

    /// nm; nil where nothing is said.
    var voxelSize: ZYX<Double>?
    /// Centre of voxel 0 in nm; nil where nothing is said.
    var translation: ZYX<Double>?

    private static let voxelSizes = 1e-3...1e9
    private static let furthest = 1e12

    /// - Throws: ``CropFileError`` where an attribute is there but does not hold what it should.
    init(_ attributes: [String: AttributeValue], of path: String) throws(CropFileError) {
        let unit = Self.unit(attributes)
        for (name, factor) in [
            ("scale", unit), ("voxel_size", unit), ("resolution", unit), ("element_size_um", 1000),
        ] {
            guard let value = attributes[name] else { continue }
            let size = try Self.triple(value, name, path).map { Self.rounded($0 * factor, isMicrometers: factor != 1) }
            guard size.allSatisfy({ Self.voxelSizes.contains($0) }) else {
                throw CropFileError("attribute \(name) of \(path) is \(size) nm, no voxel size")
            }
            voxelSize = size
            break
        }
        if attributes[Self.relativeMark] != nil { return }
        if let value = attributes["translation"] {
            translation = try Self.triple(value, "translation", path).map { $0 * unit }
        } else if attributes["voxel_size"] != nil || attributes["resolution"] != nil, let voxelSize,
            let value = attributes["offset"]
        {
            translation = try Self.triple(value, "offset", path).zip(voxelSize) { $0 * unit + $1 / 2 }
        }
        if let translation, !translation.allSatisfy({ abs($0) <= Self.furthest }) {
            throw CropFileError("the translation of \(path) is \(translation) nm")
        }
    }

    /// One number for all axes, or three.
    private static func triple(
        _ value: AttributeValue, _ name: String, _ path: String
    ) throws(CropFileError) -> ZYX<Double> {
        let numbers: [Double]? =
            switch value {
            case .integer(let number): [Double(number)]
            case .unsigned(let number): [Double(number)]
            // 5.24 as a float32 is 5.23999977: an error that adds up over a thousand voxels.
            case .floats(let numbers): numbers.map(\.shortestDecimal)
            default: value.doubles
            }
        guard let numbers else { throw CropFileError("attribute \(name) of \(path) is not numbers") }
        if numbers.count == 1 { return ZYX(repeating: numbers[0]) }
        guard let triple = ZYX(numbers) else {
            throw CropFileError("attribute \(name) of \(path): expected 3 numbers (z, y, x), found \(numbers.count)")
        }
        return triple
    }

    /// nm per unit of the numbers. Without a unit they are nm.
    private static func unit(_ attributes: [String: AttributeValue]) -> Double {
        let names =
            switch attributes["unit"] ?? attributes["units"] {
            case .string(let name): [name]
            case .strings(let names): names
            default: [String]()
            }
        let micrometers = ["um", "\u{B5}m", "\u{3BC}m", "micrometer", "micrometre", "micron", "microns", "micrometers"]
        return !names.isEmpty && names.allSatisfy { micrometers.contains($0.lowercased()) } ? 1000 : 1
    }

    /// 0.004 as a float32 is 0.00400000019 µm; it stands for 4 nm.
    private static func rounded(_ nanometers: Double, isMicrometers: Bool) -> Double {
        isMicrometers ? (nanometers * 1e4).rounded() / 1e4 : nanometers
    }
}

extension Float {
    /// The shortest decimal number with this value as its float32: the number as it was before it was narrowed.
    var shortestDecimal: Double { Double(description) ?? Double(self) }
}
