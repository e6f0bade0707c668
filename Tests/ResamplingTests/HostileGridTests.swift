import Elements
import Geometry
import Resampling
import Testing

@Suite struct HostileGridTests {
    private static func grid(_ shape: Int = 4, _ voxel: Double = 8, _ translation: Double = 0) -> Grid {
        Grid(shape: ZYX(4, shape, 4), voxelSize: ZYX(8, voxel, 8), translation: ZYX(0, translation, 0))
    }

    static let hostile: [(Grid, ResamplingError.Code)] = [
        (grid(4, .nan), .invalidVoxelSize), (grid(4, 0), .invalidVoxelSize), (grid(4, -8), .invalidVoxelSize),
        (grid(4, .infinity), .invalidVoxelSize), (grid(4, 1e300), .unrepresentableGrid),
        (grid(4, .greatestFiniteMagnitude), .unrepresentableGrid), (grid(4, 1e-300), .unrepresentableGrid),
        (grid(4, .leastNonzeroMagnitude), .unrepresentableGrid), (grid(4, 8, .nan), .invalidTranslation),
        (grid(4, 8, -.infinity), .invalidTranslation), (grid(4, 8, 1e300), .unrepresentableGrid),
        (grid(0), .invalidShape), (grid(-1), .invalidShape), (grid(.max), .invalidShape),
        (grid(1 << 23), .invalidShape),
    ]

    @Test(arguments: 0..<hostile.count)
    func gridsThatAreNone(index: Int) {
        let (bad, code) = Self.hostile[index]
        let good = Self.grid()
        for (source, target) in [(bad, good), (good, bad)] {
            let mean = #expect(throws: ResamplingError.self) {
                _ = try MeanResampler(source: source, target: target, elementType: .uint8)
            }
            #expect(mean?.code == code)
            let majority = #expect(throws: ResamplingError.self) {
                _ = try MajorityResampler(source: source, target: target, elementType: .uint8)
            }
            #expect(majority?.code == code)
            #expect(mean?.description.contains("axis y") == true)
            #expect(mean?.description.contains("\n") == false)
        }
    }

    @Test(arguments: 0..<hostile.count)
    func outputGridsOfNonsenseDoNotTrap(index: Int) {
        let (bad, _) = Self.hostile[index]
        let good = Self.grid()
        for (labels, voxelSize) in [(bad, good.voxelSize), (good, bad.voxelSize)] {
            #expect(OutputGrid.exact(covering: [labels], targetVoxelSize: voxelSize).shape.y >= 1)
            for tolerance in [0.4, 5, -3, .nan] {
                let grid = OutputGrid.powerOfTwo(covering: [labels], targetVoxelSize: voxelSize, tolerance: tolerance)
                #expect(grid.shape.y >= 1)
            }
        }
    }

    @Test(arguments: [ElementType.float16, .float32, .float64])
    func majorityOfFloatsIsRefused(type: ElementType) {
        let error = #expect(throws: ResamplingError.self) {
            _ = try MajorityResampler(source: Self.grid(), target: Self.grid(), elementType: type)
        }
        #expect(error?.code == .unsupportedElementType)
        #expect(error?.description.contains(type.rawValue) == true)
    }

    @Test(arguments: [1e-5, 1e-3, 1e3, 1e6])
    func otherUnitsThanNanometresStillWork(factor: Double) throws {
        let source = Grid(shape: ZYX(4, 4, 4), voxelSize: ZYX(repeating: 4 * factor), edge: ZYX(repeating: 0))
        let target = Grid(shape: ZYX(2, 2, 2), voxelSize: ZYX(repeating: 8 * factor), edge: ZYX(repeating: 0))
        let volume = Volume(Box(shape: source.shape)) { UInt8($0.z * 16 + $0.x) }
        let output = Box(shape: target.shape)
        let mean = try MeanResampler(source: source, target: target, elementType: .uint8)
        #expect(mean.resize(volume, to: output, cut: [output]).voxels == [8, 10, 8, 10, 40, 42, 40, 42])
        let majority = try MajorityResampler(source: source, target: target, elementType: .uint8)
        #expect(majority.resize(volume, to: output, cut: [output]).voxels == [0, 2, 0, 2, 32, 34, 32, 34])
    }
}
