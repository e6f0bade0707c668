import Geometry
import HDF5
import Testing

@testable import CropFiles

@Suite struct ToolsGridAttributesTests {
    struct Dialect: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let attributes: [String: AttributeValue]
        let voxelSize: ZYX<Double>?
        let translation: ZYX<Double>?

        init(
            _ description: String, _ attributes: [String: AttributeValue], _ voxelSize: ZYX<Double>?,
            _ translation: ZYX<Double>?
        ) {
            testDescription = description
            self.attributes = attributes
            self.voxelSize = voxelSize
            self.translation = translation
        }
    }

    static let dialects = [
        Dialect("nothing", ["axes": .string("zyx")], nil, nil),
        Dialect(
            "torch_em", ["scale": .floats([4, 2, 2.5]), "translation": .floats([10, 20, 30])], ZYX(4, 2, 2.5),
            ZYX(10, 20, 30)),
        Dialect("torch_em, test crop", ["scale": .floats([4, 4, 4]), "crop_id": .integer(7)], ZYX(4, 4, 4), nil),
        Dialect(
            "ours", FileAttributes.grid(ToolsGridAttributesTests.grid).reduce(into: [:]) { $0[$1.0] = $1.1 },
            ZYX(5.24, 4, 4), ZYX(-3, 0, 7.5)),
        Dialect(
            "daisy: the offset is the first edge",
            ["voxel_size": .integers([8, 4, 4]), "offset": .integers([16, 0, 8])],
            ZYX(8, 4, 4), ZYX(20, 2, 10)),
        Dialect("one number", ["resolution": .unsigned(8)], ZYX(8, 8, 8), nil),
        Dialect("Fiji", ["element_size_um": .floats([0.004, 0.00336, 0.008])], ZYX(4, 3.36, 8), nil),
        Dialect(
            "Fiji's offset is not in nm",
            ["element_size_um": .floats([0.008, 0.008, 0.008]), "offset": .doubles([1, 1, 1])],
            ZYX(8, 8, 8), nil),
        Dialect(
            "micrometres", ["scale": .doubles([0.008, 0.004, 0.004]), "unit": .string("micrometer")], ZYX(8, 4, 4), nil),
        Dialect(
            "scale comes first", ["resolution": .doubles([1, 1, 1]), "scale": .doubles([2, 2, 2])], ZYX(2, 2, 2), nil),
        Dialect(
            "relative",
            [
                "scale": .doubles([2, 2, 2]), "translation": .doubles([1, 1, 1]),
                "translation_is_relative": .integer(1),
            ],
            ZYX(2, 2, 2), nil),
    ]
    static let grid = Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(5.24, 4, 4), translation: ZYX(-3, 0, 7.5))

    @Test(arguments: dialects)
    func aDialectIsUnderstood(_ dialect: Dialect) throws {
        let place = try GridAttributes(dialect.attributes, of: "/raw_crop")
        #expect(place.voxelSize == dialect.voxelSize)
        #expect(place.translation == dialect.translation)
    }

    @Test(arguments: [
        ("scale", AttributeValue.doubles([1, 2])), ("scale", .string("8 nm")), ("scale", .doubles([0, 1, 1])),
        ("scale", .doubles([8, .nan, 8])), ("resolution", .double(-4)), ("voxel_size", .doubles([1e300, 1, 1])),
        ("element_size_um", .floats([.infinity, 1, 1])), ("translation", .doubles([.nan, 0, 0])),
        ("translation", .doubles([0, 1e18, 0])), ("translation", .doubles([])),
    ])
    func whatIsNoPlaceIsRefused(_ name: String, _ value: AttributeValue) {
        #expect {
            try GridAttributes([name: value], of: "/label_crop/mito")
        } throws: { error in
            "\(error)".contains("/label_crop/mito") && "\(error)".contains(name)
        }
    }
}
