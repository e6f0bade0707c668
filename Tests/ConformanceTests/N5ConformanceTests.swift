import Elements
import Geometry
import JSONText
import TestSupport
import Testing
import Volumes

/// N5 arrays that other implementations wrote.
@Suite struct N5ConformanceTests {
    /// Small arrays of 1 to 5 axes; `Fixtures/SOURCES.md` says how they were made.
    static let generated = Fixture.list("n5-generated.json")

    @Test(arguments: Fixture.all(format: "n5", expect: "decode") + generated)
    func decodesTheArray(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/attributes.json"
        let metadata = try ArrayMetadata(n5: Fixture.read(key), path: key)
        #expect(metadata.format == .n5)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.elementType.rawValue == fixture.entry["dtype"]?.string)
        #expect(try sha256(metadata.wholeArray(in: fixture.path)) == fixture.entry["sha256"]?.string)
    }

    @Test(arguments: Fixture.all(format: "n5", expect: "metadata-only"))
    func readsTheMetadata(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/attributes.json"
        let metadata = try ArrayMetadata(n5: Fixture.read(key), path: key)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.chunkShape == fixture.entry["chunks"]?.array?.compactMap(\.integer))
        #expect(metadata.elementType.rawValue == fixture.entry["stored_dtype"]?.string)
    }

    @Test func readsThePyramidOfCOSEM() throws {
        let folder = "n5-universe/root_dataset.n5"
        let levels = try ["s2", "s0", "s1"].map {
            (path: $0, attributes: try Fixture.json("\(folder)/\($0)/attributes.json"))
        }
        let multiscale = try Multiscale(
            n5Group: Fixture.json("\(folder)/attributes.json"), arrays: levels, path: folder)
        #expect(multiscale.levels.map(\.path) == ["s0", "s1", "s2"])
        #expect(multiscale.levels.map(\.scale.z) == [32, 64, 128])
        #expect(multiscale.levels.map(\.translation.x) == [21, 28, 35])
    }

    @Test func readsThePyramidOfN5Viewer() throws {
        let levels = try ["s0", "s1"].map {
            (path: $0, attributes: try Fixture.json("n5-universe/test.n5/c0/\($0)/attributes.json"))
        }
        let named = try Multiscale(n5Group: .null, arrays: levels, path: "c0")
        #expect(named.levels[0].scale.array == [13e6, 11e6, 7e6])
        #expect(named.levels[1].translation.array == [7.5e6, 4.5e6, 3e6])
        // The same arrays without their transforms.
        let plain = levels.map { level in
            var members = level.attributes.object ?? [:]
            members["transform"] = nil
            return (path: level.path, attributes: JSONValue.object(members))
        }
        let derived = try Multiscale(n5Group: .null, arrays: plain, path: "c0")
        #expect(derived.levels.map(\.scale.array) == [[1.5e6, 1.5e6, 1.5e6], [3e6, 3e6, 3e6]])
        #expect(derived.levels[1].translation.array == [0.75e6, 0.75e6, 0.75e6])
    }

    @Test(arguments: [
        "n5-universe/canonical.n5/affine", "n5-universe/test.n5/n5v_ds", "n5-universe/test.n5/others/res",
        "neuroglancer/n5/n5_viewer_multiscale_modern/s0",
    ])
    func saysThatNoVoxelSizeIsKnown(_ folder: String) throws {
        let attributes = try Fixture.json("\(folder)/attributes.json")
        do {
            _ = try Multiscale(n5Group: .null, arrays: [("s0", attributes)], path: folder)
            Issue.record("\(folder) has a voxel size")
        } catch {
            #expect([.badMetadata, .unsupported].contains(error.code))
            #expect(error.key?.hasPrefix("s0/") == true)
        }
    }
}
