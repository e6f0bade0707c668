internal import Codecs
internal import Elements
internal import Geometry
internal import JSONText

/// What the voxels of a sample image say.
enum SampleContent: Sendable {
    /// Grey values of electron microscopy.
    case microscopy
    /// A label class, or all classes together.
    case label(SampleLabelling)
}

/// How the materials of the scene become the values of one label array.
struct SampleLabelling: Sendable {
    /// The value of each ``SampleMaterial``.
    var values: [UInt16]
    /// For classes with instances: the scene's numbers of the mitochondria in the order of their ids 1, 2, …
    var instances: [Int] = []
    /// Mitochondria that are labelled as a whole (class id 50) and not by their parts.
    var grouped: [Int] = []
    /// A corner of this many voxels of `s0`, at the array's end, is unknown (255).
    var unknownCorner = ZYX(repeating: 0)

    static let unknown: UInt16 = 255

    /// - Parameter voxel: a voxel of ``SampleBlock/labels``; 0 for one that cannot be.
    func value(of voxel: UInt16) -> UInt16 {
        let (number, material) = (Int(voxel >> 8), Int(voxel & 0xff))
        guard material < values.count else { return 0 }
        guard number > 0 else { return values[material] }
        if !instances.isEmpty { return UInt16((instances.firstIndex(of: number) ?? -1) + 1) }
        return grouped.contains(number) ? 50 : values[material]
    }
}

/// One array of a sample image.
struct SampleLevel: Sendable {
    let shape: ZYX<Int>
    /// nm per voxel and centre of the first voxel, in nm, as the metadata say, float noise included.
    let scale: ZYX<Double>
    let translation: ZYX<Double>
}

/// How the chunks of an image's arrays are stored.
struct SampleStorage: Sendable {
    let elementType: ElementType
    let chunk: ZYX<Int>
    let codec: any ChunkCodec
    /// The member `compressor` of `.zarray`.
    let compressor: JSONValue
    var separator = "/"
    /// Whether chunks of nothing but 0 are stored, as some writers do.
    var storesEmptyChunks = false

    /// The member `dtype` of `.zarray`.
    var typeName: String {
        switch elementType {
        case .int16: "<i2"
        case .uint16: "<u2"
        case .uint32: "<u4"
        case .uint64: "<u8"
        default: "|u1"
        }
    }
}

/// One multiscale group of the sample bucket: where it lies in its scene, its levels, and how they are stored.
struct SampleImage: Sendable {
    let path: String
    let scene: SampleScene
    /// Images with the same number show the same voxels of the same scene.
    let source: Int
    /// First edge in the scene and voxel size of `s0`, in hundredths of a nm.
    let edge: ZYX<Int>
    let voxel: ZYX<Int>
    let levels: [SampleLevel]
    let storage: SampleStorage
    let content: SampleContent

    /// The number of chunks of a level along each axis.
    func chunkCounts(_ level: Int) -> ZYX<Int> {
        levels[level].shape.zip(storage.chunk) { ($0 + $1 - 1) / $1 }
    }

    func arrayPath(_ level: Int) -> String { "\(path)/s\(level)" }

    func chunkKey(_ level: Int, _ chunk: ZYX<Int>) -> String {
        let index = chunk.array.map { String($0) }.joined(separator: storage.separator)
        return "\(arrayPath(level))/\(index)"
    }

    /// The levels of a pyramid of factor 2.
    ///
    /// - Parameters:
    ///   - translation: centre of the first voxel of `s0`, nm.
    ///   - roundsUp: whether odd shapes are halved upwards.
    ///   - isNoisy: whether the coarse scales carry the binary noise of real metadata (11.840000000000002).
    static func pyramid(
        shape: ZYX<Int>, scale: ZYX<Double>, translation: ZYX<Double>, count: Int, roundsUp: Bool,
        isNoisy: Bool = false
    ) -> [SampleLevel] {
        var shape = shape
        return (0..<count).map { level in
            let factor = Double(1 << level)
            var coarse = scale.map { $0 * factor }
            var centre = translation.zip(scale) { $0 + $1 * (factor - 1) / 2 }
            if isNoisy, level > 1 {
                coarse.z = coarse.z.nextUp
                centre.z = centre.z.nextDown
            }
            defer { shape = shape.map { roundsUp ? ($0 + 1) / 2 : $0 / 2 } }
            return SampleLevel(shape: shape, scale: coarse, translation: centre)
        }
    }
}
