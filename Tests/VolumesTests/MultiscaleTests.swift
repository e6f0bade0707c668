import Geometry
import JSONText
import Testing
import Volumes

/// Attributes with one multiscale of two levels, with some of its members replaced; nil removes a member.
private func zattrs(_ changes: KeyValuePairs<String, JSONValue?> = [:]) -> JSONValue {
    var multiscale: [String: JSONValue] = [
        "axes": axes("z", "y", "x"),
        "datasets": [
            dataset("s0", [["scale": [5.24, 4, 4], "type": "scale"]]),
            dataset(
                "s1",
                [
                    ["type": "scale", "scale": [10.48, 8, 8]],
                    ["translation": [2.62, 2, 2], "type": "translation"],
                ]),
        ],
        "version": "0.4",
    ]
    for (key, value) in changes { multiscale[key] = value }
    return ["multiscales": [.object(multiscale)]]
}

private func axes(_ names: String..., unit: JSONValue? = "nanometer") -> JSONValue {
    .array(
        names.map { name in
            var axis: [String: JSONValue] = ["name": .string(name), "type": "space"]
            axis["unit"] = unit
            return .object(axis)
        })
}

private func dataset(_ path: JSONValue, _ transforms: JSONValue) -> JSONValue {
    ["path": path, "coordinateTransformations": transforms]
}

private func read(_ zattrs: JSONValue) throws -> Multiscale { try Multiscale(zattrs: zattrs, path: "g/.zattrs") }

private func refusal(_ zattrs: JSONValue) -> VolumeError? {
    do {
        _ = try Multiscale(zattrs: zattrs, path: "g/.zattrs")
        return nil
    } catch {
        return error
    }
}

@Suite struct MultiscaleTests {
    @Test func readsTheLevels() throws {
        let multiscale = try read(zattrs())
        #expect(multiscale.levels.map(\.path) == ["s0", "s1"])
        #expect(multiscale.levels[0].scale == ZYX(5.24, 4, 4))
        #expect(multiscale.levels[0].translation == ZYX(0, 0, 0))
        #expect(multiscale.levels[1].translation == ZYX(2.62, 2, 2))
        #expect(multiscale.axes == ["z", "y", "x"])
        #expect(multiscale.unit == "nanometer")
        #expect(multiscale.warnings.isEmpty)
    }

    @Test func convertsUnits() throws {
        for (unit, factor) in [
            ("nm", 1), ("um", 1000), ("\u{B5}m", 1000), ("\u{3BC}m", 1000), ("micron", 1000), ("Micrometers", 1000),
            ("angstrom", 0.1), ("\u{212B}", 0.1), ("mm", 1e6), ("meter", 1e9),
        ] as [(String, Double)] {
            let multiscale = try read(zattrs(["axes": axes("z", "y", "x", unit: .string(unit))]))
            #expect(multiscale.levels[1].scale == ZYX(10.48 * factor, 8 * factor, 8 * factor), "\(unit)")
            #expect(multiscale.levels[1].translation == ZYX(2.62 * factor, 2 * factor, 2 * factor), "\(unit)")
        }
        #expect(refusal(zattrs(["axes": axes("z", "y", "x", unit: "pixel")]))?.code == .unsupported)
        #expect(refusal(zattrs(["axes": axes("z", "y", "x", unit: 4)]))?.key == "multiscales[0].axes[0].unit")
    }

    @Test(arguments: [JSONValue?.none, .some(nil), .some("")])
    func missingUnitsAreNanometers(unit: JSONValue?) throws {
        let multiscale = try read(zattrs(["axes": axes("z", "y", "x", unit: unit)]))
        #expect(multiscale.levels[0].scale == ZYX(5.24, 4, 4))
        #expect(multiscale.warnings.count == 3)
    }

    @Test func missingAxesAreAssumedWithAWarning() throws {
        for missing in [JSONValue?.none, .some(nil)] {
            let multiscale = try read(zattrs(["axes": missing]))
            #expect(multiscale.levels[0].scale == ZYX(5.24, 4, 4))
            #expect(multiscale.warnings == ["multiscales[0].axes is missing: taken as z, y, x in nanometer"])
        }
        let reversed = try read(zattrs(["axes": axes("x", "y", "z")]))
        #expect(reversed.levels[0].scale == ZYX(5.24, 4, 4))
        #expect(reversed.warnings.count == 1)
        #expect(try read(zattrs(["axes": ["z", "y", "x"]])).warnings.count == 3)
    }

    @Test(arguments: [
        axes("y", "z", "x"), axes("z", "y"), axes("c", "z", "y", "x"), axes("z", "y", "y"), [], [nil, nil, nil],
        [["name": "z", "type": "time"], ["name": "y"], ["name": "x"]],
    ])
    func refusesOtherAxes(axes: JSONValue) throws {
        let error = try #require(refusal(zattrs(["axes": axes])))
        #expect(error.code == .unsupported)
        #expect(error.key?.hasPrefix("multiscales[0].axes") == true)
    }

    @Test func toleratesNulls() throws {
        let attributes: JSONValue = [
            "multiscales": [
                nil,
                [
                    "axes": axes("z", "y", "x"), "metadata": nil, "name": nil, "type": nil, "version": nil,
                    "coordinateTransformations": nil,
                    "datasets": [
                        nil, ["path": "s0", "coordinateTransformations": [nil, ["scale": [1, 2, 3], "type": nil]]],
                    ],
                ],
            ]
        ]
        let multiscale = try read(attributes)
        #expect(multiscale.levels == [.init(path: "s0", scale: ZYX(1, 2, 3), translation: ZYX(0, 0, 0))])
        #expect(multiscale.warnings.isEmpty)
    }

    @Test func appliesTheGlobalTransformAfterTheLevels() throws {
        let transforms: JSONValue = [
            ["type": "scale", "scale": [2, 2, 0.5]], ["type": "translation", "translation": [1, 1, 1]],
        ]
        let multiscale = try read(zattrs(["coordinateTransformations": transforms]))
        #expect(multiscale.levels[1].scale == ZYX(20.96, 16, 4))
        #expect(multiscale.levels[1].translation == ZYX(6.24, 5, 2))
        #expect(multiscale.warnings.count == 1)
        let identity: JSONValue = [["type": "scale", "scale": [1.0, 1, 1]], ["type": "identity"]]
        #expect(try read(zattrs(["coordinateTransformations": identity])) == read(zattrs()))
    }

    @Test func takesTheFirstOfSeveral() throws {
        let one = try #require(zattrs()["multiscales"]?[0])
        let multiscale = try read(["multiscales": [one, "nonsense"]])
        #expect(multiscale.levels.count == 2)
        #expect(multiscale.warnings == ["multiscales has 2 entries, the first is taken"])
    }

    @Test(
        arguments: [
            .object([:]), ["multiscales": nil], ["multiscales": []], ["multiscales": [nil]], [], nil,
        ] as [JSONValue])
    func saysThatThereAreNone(attributes: JSONValue) throws {
        let error = try #require(refusal(attributes))
        #expect(error.code == .notAnArray)
        #expect(error.key == "multiscales")
    }

    @Test func namesOtherVersions() throws {
        #expect(try read(zattrs(["version": "0.3"])).warnings == ["multiscales[0].version is \"0.3\", read as 0.4"])
        for later in ["0.6", "0.6.dev3", "0.10", "1.0"] {
            let error = try #require(refusal(zattrs(["version": .string(later)])), "\(later)")
            #expect(error.code == .unsupported)
            #expect(error.key == "multiscales[0].version")
        }
    }

    @Test func readsTheAttributesOfVersion0Dot5() throws {
        let inside = zattrs(["version": .some(nil)])["multiscales"] ?? nil
        let multiscale = try read(["ome": ["version": "0.5", "multiscales": inside]])
        #expect(multiscale == (try read(zattrs())))
        let both = try read(["ome": ["version": "0.5", "multiscales": inside], "multiscales": "nonsense"])
        #expect(both == multiscale)
        let draft = try read(["ome": ["version": "0.5-dev-spatialdata", "multiscales": inside]])
        #expect(draft.warnings == ["ome.version is \"0.5-dev-spatialdata\", read as 0.5"])
        let later = try #require(refusal(["ome": ["version": "0.6", "multiscales": inside]]))
        #expect(later.code == .unsupported)
        #expect(later.key == "ome.version")
        let unnamed = zattrs(["axes": .some(nil)])["multiscales"] ?? nil
        #expect(refusal(["ome": ["version": "0.5", "multiscales": unnamed]])?.key == "ome.multiscales[0].axes")
        let none = try #require(refusal(["ome": ["version": "0.5"]]))
        #expect(none.code == .notAnArray)
    }

    @Test(
        arguments: [
            [["type": "scale", "scale": [0, 1, 1]]], [["type": "scale", "scale": [1, -1, 1]]],
            [["type": "scale", "scale": [1, 1]]], [["type": "scale", "scale": [1, 1, "1"]]],
            [["type": "scale", "scale": [1, 1, nil]]], [["type": "scale"]], [["type": 3, "scale": [1, 1, 1]]],
            [["type": "scale", "scale": [1e300, 1, 1]], ["type": "scale", "scale": [1e300, 1, 1]]],
            [["type": "scale", "scale": [1e-300, 1, 1]], ["type": "scale", "scale": [1e-300, 1, 1]]],
            [["type": "scale", "path": "x"]], [["type": "translation", "translation": [1, 1, 1]]], [], nil, "scale",
            [[:]],
        ] as [JSONValue])
    func refusesBadTransforms(transforms: JSONValue) throws {
        let error = try #require(refusal(zattrs(["datasets": [dataset("s0", transforms)]])))
        #expect(error.code == .badMetadata)
        #expect(error.key?.hasPrefix("multiscales[0].datasets[0].coordinateTransformations") == true)
        #expect(!error.description.contains("\n"))
    }

    @Test func refusesUnknownTransforms() throws {
        let error = try #require(refusal(zattrs(["datasets": [dataset("s0", [["type": "affine"]])]])))
        #expect(error.code == .unsupported)
    }

    @Test(
        arguments: [
            "", "/", "/s0", "../s0", "s0/..", "a/../b", "./s0", "s0/", "a//b", "s0\n", "s\u{0}0", "\u{1B}[2J", ".",
            "..",
            .string(String(repeating: "a", count: 1025)), nil, 3,
        ] as [JSONValue])
    func refusesPathsThatLeaveTheGroup(path: JSONValue) throws {
        let error = try #require(
            refusal(zattrs(["datasets": [dataset(path, [["type": "scale", "scale": [1, 1, 1]]])]])))
        #expect(error.code == .badMetadata)
        #expect(error.key == "multiscales[0].datasets[0].path")
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 32 })
    }

    @Test(arguments: ["s0", "scale0/image", "a..b", "..a", "\u{FC}ber"])
    func acceptsOtherPaths(path: String) throws {
        let level = dataset(.string(path), [["type": "scale", "scale": [1, 1, 1]]])
        #expect(try read(zattrs(["datasets": [level]])).levels.map(\.path) == [path])
    }

    @Test func refusesRepeatedAndTooManyLevels() throws {
        let level = dataset("s0", [["type": "scale", "scale": [1, 1, 1]]])
        #expect(refusal(zattrs(["datasets": [level, level]]))?.key == "multiscales[0].datasets[1].path")
        let many = JSONValue.array([JSONValue](repeating: level, count: Multiscale.maximumLevelCount + 1))
        #expect(refusal(zattrs(["datasets": many]))?.code == .tooLarge)
        for none in [JSONValue?.none, .some(nil), .some([]), .some([nil]), .some("s0")] {
            #expect(refusal(zattrs(["datasets": none]))?.key == "multiscales[0].datasets")
        }
    }
}
