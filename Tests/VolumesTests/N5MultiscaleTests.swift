import Geometry
import JSONText
import Testing
import Volumes

private typealias Arrays = [(path: String, attributes: JSONValue)]

private func read(_ group: JSONValue, _ arrays: Arrays = []) throws -> Multiscale {
    try Multiscale(n5Group: group, arrays: arrays, path: "g/attributes.json")
}

private func refusal(_ group: JSONValue, _ arrays: Arrays = []) -> VolumeError? {
    do {
        _ = try Multiscale(n5Group: group, arrays: arrays, path: "g/attributes.json")
        return nil
    } catch {
        return error
    }
}

/// A transform with some of its members replaced; nil removes a member.
private func transform(_ changes: KeyValuePairs<String, JSONValue?> = [:]) -> JSONValue {
    var members: [String: JSONValue] = [
        "axes": ["z", "y", "x"], "scale": [4.56, 4, 4], "translate": [0, 0, 0], "units": ["nm", "nm", "nm"],
    ]
    for (key, value) in changes { members[key] = value }
    return .object(members)
}

private func group(_ transforms: JSONValue...) -> JSONValue {
    let datasets = transforms.enumerated().map { level, transform in
        JSONValue.object(["path": .string("s\(level)"), "transform": transform])
    }
    return ["multiscales": [["datasets": .array(datasets), "name": "fibsem-uint16"]]]
}

/// The attributes of an array of `shape` voxels, x first.
private func array(_ shape: JSONValue = [16, 8, 4], _ more: [String: JSONValue] = [:]) -> JSONValue {
    .object(
        [
            "dimensions": shape, "blockSize": [4, 4, 4], "dataType": "uint16",
            "compression": ["type": "gzip", "level": -1],
        ].merging(more) { $1 })
}

@Suite struct N5MultiscaleTests {
    /// The attributes of jrc_sum159-1's `em/fibsem-uint16`.
    private let sum159: JSONValue = [
        "axes": ["x", "y", "z"], "units": ["nm", "nm", "nm"],
        "pixelResolution": ["dimensions": [4.0, 4.0, 4.56], "unit": "nm"],
        "scales": [[1, 1, 1], [2, 2, 2], [4, 4, 4]],
        "multiscales": [
            [
                "datasets": [
                    ["path": "s0", "transform": transform()],
                    ["path": "s1", "transform": transform(["scale": [9.12, 8, 8], "translate": [2.28, 2, 2]])],
                    ["path": "s2", "transform": transform(["scale": [18.24, 16, 16], "translate": [6.84, 6, 6]])],
                ], "name": "fibsem-uint16",
            ]
        ],
    ]

    @Test func readsTheLevelsOfAGroup() throws {
        let multiscale = try read(sum159)
        #expect(multiscale.levels.map(\.path) == ["s0", "s1", "s2"])
        #expect(multiscale.levels.map(\.scale) == [ZYX(4.56, 4, 4), ZYX(9.12, 8, 8), ZYX(18.24, 16, 16)])
        #expect(multiscale.levels.map(\.translation) == [ZYX(0, 0, 0), ZYX(2.28, 2, 2), ZYX(6.84, 6, 6)])
        #expect(multiscale.declaredUnits == ZYX(repeating: "nm"))
        #expect(multiscale.warnings.isEmpty)
    }

    /// What the group says without its `multiscales` must come to the same.
    @Test func derivesTheSameLevelsFromScales() throws {
        var members = try #require(sum159.object)
        members["multiscales"] = nil
        let derived = try read(.object(members))
        let stated = try read(sum159)
        #expect(derived.levels.map(\.path) == ["s0", "s1", "s2"])
        for (one, other) in zip(derived.levels, stated.levels) {
            #expect(one.scale == other.scale)
            #expect(one.translation.zip(other.translation) { abs($0 - $1) < 1e-12 }.allSatisfy { $0 })
        }
        #expect(derived.warnings.isEmpty)
    }

    @Test func keepsAnOriginThatIsNotZero() throws {
        let jurkat = transform(["scale": [3.44, 4, 4], "translate": [-5, -35, 0]])
        let level = try #require(try read(group(jurkat)).levels.first)
        #expect(level.scale == ZYX(3.44, 4, 4))
        #expect(level.translation == ZYX(-5, -35, 0))
        let listed = try read(.null, [("s0", array([16, 8, 4], ["transform": jurkat]))])
        #expect(listed.levels == [level])
    }

    @Test func followsTheNamesOfTheAxes() throws {
        let named = try read(
            group(
                transform([
                    "axes": ["x", "y", "z"], "scale": [7, 11, 13], "translate": [2, 3, 5],
                    "units": ["um", "nm", "nm"], "order": "F",
                ])))
        #expect(named.levels[0].scale == ZYX(13, 11, 7000))
        #expect(named.levels[0].translation == ZYX(5, 3, 2000))
        #expect(named.declaredUnits == ZYX("nm", "nm", "um"))
        #expect(named.warnings.isEmpty)

        let contradictory = try read(group(transform(["order": "F"])))
        #expect(contradictory.levels[0].scale == ZYX(4.56, 4, 4))
        #expect(contradictory.warnings.count == 1)

        let unnamed = try read(group(transform(["axes": nil, "order": "F", "scale": [4, 5, 6]])))
        #expect(unnamed.levels[0].scale == ZYX(6, 5, 4))
        #expect(try read(group(transform(["axes": nil]))).levels[0].scale == ZYX(4.56, 4, 4))
    }

    @Test func findsTheLevelsAmongTheArrays() throws {
        // Ten and more levels: by number, not by letter.
        let arrays = [0, 1, 10, 2, 9].map { level in
            (
                path: "s\(level)",
                attributes: array(
                    [4, 4, 4],
                    ["transform": transform(["scale": .array([JSONValue](repeating: .integer(level + 1), count: 3))])])
            )
        }
        for missing in [JSONValue.null, [:], ["n5": "2.0.0"]] {
            let multiscale = try read(missing, arrays)
            #expect(multiscale.levels.map(\.path) == ["s0", "s1", "s2", "s9", "s10"])
            #expect(multiscale.levels.map(\.scale.z) == [1, 2, 3, 10, 11])
        }
        let single = try read(.null, [("all", array([4, 4, 4], ["transform": transform()]))])
        #expect(single.levels.map(\.path) == ["all"])
    }

    @Test func readsTransformsOfArraysThatTheGroupOnlyNames() throws {
        let second: JSONValue = ["multiscales": [["name": "", "datasets": ["s0", "s1"]]]]
        let arrays: Arrays = [
            ("s0", array([4, 4, 4], ["transform": transform()])),
            ("s1", array([2, 2, 2], ["transform": transform(["scale": [9, 8, 8], "translate": [2, 2, 2]])])),
        ]
        #expect(try read(second, arrays).levels.map(\.scale) == [ZYX(4.56, 4, 4), ZYX(9, 8, 8)])
        #expect(refusal(second)?.code == .badMetadata)
    }

    @Test func saysWhereGroupAndArraysDiffer() throws {
        let both = group(transform(), transform(["scale": [9.12, 8, 8], "translate": [2.28, 2, 2]]))
        let agreeing = try read(
            both,
            [
                ("s0", array([4, 4, 4], ["transform": transform()])), ("s1", array()),
            ])
        #expect(agreeing.warnings.isEmpty)
        let differing = try read(both, [("s0", array([4, 4, 4], ["transform": transform(["translate": [9, 0, 0]])]))])
        #expect(differing.levels.map(\.path) == ["s0"])
        #expect(differing.levels[0].translation == ZYX(0, 0, 0))
        #expect(differing.warnings.count == 2)
        #expect(differing.warnings.contains { $0.contains("\"s1\" has no array") })
        #expect(differing.warnings.contains { $0.contains("s0/transform") })

        var members = try #require(sum159.object)
        members["pixelResolution"] = ["dimensions": [2, 2, 2], "unit": "nm"]
        #expect(try read(.object(members)).warnings.count == 1)
        #expect(refusal(both, [("s7", array())])?.code == .badMetadata)
    }

    // MARK: Voxel sizes without a transform

    @Test func multipliesThePixelResolutionByTheFactors() throws {
        let resolution: JSONValue = ["dimensions": [0.1, 0.2, 0.3], "unit": "um"]
        let arrays: Arrays = [
            ("s0", array([16, 8, 4], ["pixelResolution": resolution])),
            ("s1", array([8, 4, 4], ["pixelResolution": resolution, "downsamplingFactors": [2, 2, 1]])),
        ]
        let multiscale = try read(.null, arrays)
        #expect(multiscale.levels[0].scale == ZYX(300, 200, 100))
        #expect(multiscale.levels[1].scale == ZYX(300, 400, 200))
        #expect(multiscale.levels[1].translation == ZYX(0, 100, 50))
        #expect(multiscale.warnings.isEmpty)
    }

    @Test func readsTheGroupsOfNeuroglancer() throws {
        let arrays: Arrays = [
            ("s0", array([16, 8, 4])), ("s1", array([8, 4, 4], ["downsamplingFactors": [2, 2, 1]])),
            ("s2", array([4, 2, 2], ["downsamplingFactors": [4, 4, 2]])),
        ]
        let modern: JSONValue = ["axes": ["x", "y", "z"], "units": ["nm", "nm", "um"], "resolution": [4, 5, 0.03]]
        let deprecated: JSONValue = [
            "axes": ["x", "y", "z"], "units": ["nm", "nm", "um"], "resolution": [4, 5, 0.03],
            "scales": [[1, 1, 1], [2, 2, 1], [4, 4, 2]],
        ]
        for multiscale in [try read(modern, arrays), try read(deprecated)] {
            #expect(multiscale.levels.map(\.scale) == [ZYX(30, 5, 4), ZYX(30, 10, 8), ZYX(60, 20, 16)])
            #expect(multiscale.levels.map(\.translation) == [ZYX(0, 0, 0), ZYX(0, 2.5, 2), ZYX(15, 7.5, 6)])
        }
    }

    @Test func takesTheSizeThatEachArrayStates() throws {
        let sizes = [[4.0, 4, 4.56], [8, 8, 9.12]]
        let arrays = sizes.enumerated().map { level, size in
            (
                path: "s\(level)",
                attributes: array(
                    [4, 4, 4],
                    ["pixelResolution": ["dimensions": .array(size.map { .number($0) }), "unit": "nm"]])
            )
        }
        let alone = try read(.null, arrays)
        #expect(alone.levels.map(\.scale) == [ZYX(4.56, 4, 4), ZYX(9.12, 8, 8)])
        #expect(alone.levels[1].translation == ZYX(2.28, 2, 2))
        #expect(alone.warnings.count == 1)
        // With the factors as well, as COSEM's groups have them, the sizes are not multiplied twice.
        let both = try read(["scales": [[1, 1, 1], [2, 2, 2]]], arrays)
        #expect(both.levels.map(\.scale) == [ZYX(4.56, 4, 4), ZYX(9.12, 8, 8)])
        #expect(both.warnings.isEmpty)
    }

    @Test func takesLevelsBelowATransformFromItsOrigin() throws {
        let multiscale = try read(
            .null,
            [
                ("s0", array([4, 4, 4], ["transform": transform(["scale": [3, 4, 4], "translate": [-5, -35, 0]])])),
                ("s1", array([2, 2, 2], ["downsamplingFactors": [2, 2, 2]])),
            ])
        #expect(multiscale.levels[1].scale == ZYX(6, 8, 8))
        #expect(multiscale.levels[1].translation == ZYX(-3.5, -33, 2))
    }

    @Test func assumesNanometers() throws {
        let plain = try read(["pixelResolution": [1.5, 2, 3]], [("s0", array())])
        #expect(plain.levels[0].scale == ZYX(3, 2, 1.5))
        #expect(plain.warnings == ["pixelResolution.unit is missing: taken as nanometer"])
        let unitless = try read(group(transform(["units": nil, "translate": nil])))
        #expect(unitless.levels[0].scale == ZYX(4.56, 4, 4))
        #expect(unitless.warnings.count == 2)
    }

    // MARK: Refusals

    @Test func saysWhatIsMissing() throws {
        let bare = try #require(refusal(.null, [("s0", array()), ("s1", array())]))
        #expect(bare.code == .badMetadata)
        #expect(bare.key == "s0/transform")
        #expect(bare.description.contains("pixelResolution"))
        #expect(bare.description.contains("dataType"))

        let factors = try #require(refusal(["pixelResolution": [4, 4, 4]], [("s0", array()), ("s1", array())]))
        #expect(factors.key == "s1/downsamplingFactors")

        let resolution: JSONValue = ["dimensions": [4, 4, 4], "unit": "nm"]
        let repeated = try #require(
            refusal(
                .null,
                [
                    ("s0", array([8, 8, 8], ["pixelResolution": resolution])),
                    ("s1", array([4, 4, 4], ["pixelResolution": resolution])),
                ]))
        #expect(repeated.key == "s1/downsamplingFactors")

        #expect(refusal(.null)?.code == .notAnArray)
        #expect(refusal(["n5": "4.0.0"])?.code == .notAnArray)
        #expect(refusal(.null, [("a", array()), ("b", array())])?.code == .notAnArray)
        #expect(refusal(array([4, 4, 4], ["transform": transform()]))?.code == .notAnArray)
    }

    @Test func refusesTheLayoutOfThePublications() throws {
        let crop = array([1000, 1000, 200], ["resolution": [2, 2, 2], "offset": [25864, 900, 2400]])
        #expect(Multiscale.isPublicationsLayout(crop))
        #expect(!Multiscale.isPublicationsLayout(array()))
        #expect(!Multiscale.isPublicationsLayout(array([4, 4, 4], ["transform": transform()])))
        let error = try #require(refusal(.null, [("all", crop)]))
        #expect(error.code == .unsupported)
        #expect(error.key == "all/offset")
        #expect(error.description.contains("give its grid"))
        #expect(error == Multiscale.publicationsLayoutError(path: "g/attributes.json", array: "all"))
        // Beside a group that says where the array lies, its own attributes do not count.
        #expect(try read(group(transform()), [("s0", crop)]).levels.count == 1)
    }

    struct Refusal: CustomTestStringConvertible {
        let group: JSONValue
        let code: VolumeError.Code
        let key: String
        var testDescription: String { "\(key) in \(group.canonicalText)" }
    }

    @Test(arguments: [
        Refusal(group: "text", code: .notAnArray, key: ""),
        Refusal(group: ["multiscales": "s0"], code: .badMetadata, key: "multiscales"),
        Refusal(group: ["multiscales": ["s0"]], code: .badMetadata, key: "multiscales[0]"),
        Refusal(group: ["multiscales": [["datasets": nil]]], code: .badMetadata, key: "multiscales[0].datasets"),
        Refusal(group: ["multiscales": [["datasets": []]]], code: .badMetadata, key: "multiscales[0].datasets"),
        Refusal(
            group: ["multiscales": [["datasets": [["path": 1]]]]], code: .badMetadata,
            key: "multiscales[0].datasets[0].path"),
        Refusal(
            group: ["multiscales": [["datasets": [["path": "../s0", "transform": transform()]]]]],
            code: .badMetadata, key: "multiscales"),
        Refusal(
            group: [
                "multiscales": [
                    [
                        "datasets": [
                            ["path": "s0", "transform": transform()], ["path": "s0", "transform": transform()],
                        ]
                    ]
                ]
            ], code: .badMetadata, key: "multiscales"),
        Refusal(
            group: ["multiscales": [["datasets": .array([JSONValue](repeating: "s0", count: 65))]]],
            code: .tooLarge, key: "multiscales[0].datasets"),
        Refusal(group: group(3), code: .badMetadata, key: "multiscales[0].datasets[0].transform"),
        Refusal(
            group: group(transform(["scale": nil])), code: .badMetadata,
            key: "multiscales[0].datasets[0].transform.scale"),
        Refusal(
            group: group(transform(["scale": [1, 2]])), code: .badMetadata,
            key: "multiscales[0].datasets[0].transform.scale"),
        Refusal(
            group: group(transform(["scale": [1, 0, 1]])), code: .badMetadata,
            key: "multiscales[0].datasets[0].transform.scale"),
        Refusal(
            group: group(transform(["scale": [1, -4, 1]])), code: .unsupported,
            key: "multiscales[0].datasets[0].transform.scale"),
        Refusal(
            group: group(transform(["translate": "far"])), code: .badMetadata,
            key: "multiscales[0].datasets[0].transform.translate"),
        Refusal(
            group: group(transform(["units": ["nm", "nm"]])), code: .badMetadata,
            key: "multiscales[0].datasets[0].transform.units"),
        Refusal(
            group: group(transform(["units": ["nm", "nm", "s"]])), code: .unsupported,
            key: "multiscales[0].datasets[0].transform.units[2]"),
        Refusal(
            group: group(transform(["axes": ["c", "y", "x"]])), code: .unsupported,
            key: "multiscales[0].datasets[0].transform.axes"),
        Refusal(
            group: group(transform(["order": "K"])), code: .badMetadata,
            key: "multiscales[0].datasets[0].transform.order"),
        Refusal(group: ["scales": [[1, 1, 1]]], code: .badMetadata, key: "s0/transform"),
        Refusal(group: ["scales": [[1, 0, 1]], "pixelResolution": [1, 1, 1]], code: .badMetadata, key: "scales[0]"),
        Refusal(
            group: ["scales": .array([JSONValue](repeating: [1, 1, 1], count: 65))], code: .tooLarge, key: "scales"),
        Refusal(
            group: ["scales": [[1, 1]], "axes": ["x", "y"], "resolution": [1, 1]], code: .unsupported, key: "axes"),
        Refusal(
            group: ["scales": [[1, 1, 1]], "resolution": [1, 1, 1], "offset": [0, 0, 7]], code: .unsupported,
            key: "offset"),
    ])
    func refuses(_ refused: Refusal) throws {
        let error = try #require(refusal(refused.group))
        #expect(error.code == refused.code)
        #expect(error.key ?? "" == refused.key)
        #expect(error.path == "g/attributes.json")
        #expect(!error.description.contains("\n"))
    }

    @Test func refusesArraysOfOtherThanThreeAxes() throws {
        let error = try #require(refusal(group(transform()), [("s0", array([4, 4]))]))
        #expect(error.code == .unsupported)
        #expect(error.key == "s0/dimensions")
    }
}
