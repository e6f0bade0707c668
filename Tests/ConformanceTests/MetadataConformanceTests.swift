import Geometry
import JSONText
import TestSupport
import Testing
import Volumes

/// Metadata that other implementations wrote.
@Suite struct MetadataConformanceTests {
    private func read(_ zattrs: JSONValue) throws(VolumeError) -> Multiscale {
        try Multiscale(zattrs: zattrs, path: "g/.zattrs")
    }

    /// A group of N5 with one level.
    private func read(n5Transform transform: JSONValue) throws(VolumeError) -> Multiscale {
        try Multiscale(
            n5Group: ["multiscales": [["datasets": [["path": "s0", "transform": transform]]]]], arrays: [],
            path: "g/attributes.json")
    }

    /// What is consolidated is what the store holds beside it.
    @Test(arguments: [
        "generated/zarr-python-3.1.6/v3.zarr", "neuroglancer/zarr/ome_zarr/simple_0.5",
        "zarrita.js/v3/data.zarr/consolidated",
    ])
    func answersAsTheStoreWouldForZarrV3(group: String) throws {
        let path = "\(group)/zarr.json"
        let metadata = try #require(try ConsolidatedMetadata(zarrV3: Fixture.read(path), path: path))
        #expect(!metadata.keys.isEmpty)
        for key in metadata.keys {
            let text = try #require(metadata.text(of: key))
            guard let stored = try Fixture.readIfPresent("\(group)/\(key)") else { continue }
            let node = try ZarrV3Node(stored, path: key)
            #expect(try ZarrV3Node(Array(text.utf8), path: key).attributes == node.attributes)
            guard node.kind == .array else { continue }
            let array = try ArrayMetadata(zarrV3: Array(text.utf8), path: key)
            #expect(array == (try ArrayMetadata(zarrV3: stored, path: key)))
        }
    }

    @Test(arguments: [
        "generated/zarr-python-2.18/v2.zarr", "generated/zarr-python-3.1.6/v2.zarr",
        "neuroglancer/zarr/ome_zarr/simple_0.4",
    ])
    func answersAsTheStoreWouldForZarrV2(group: String) throws {
        let path = "\(group)/.zmetadata"
        let metadata = try ConsolidatedMetadata(zmetadata: Fixture.read(path), path: path)
        var compared = 0
        for key in metadata.keys {
            guard let stored = try Fixture.readIfPresent("\(group)/\(key)") else { continue }
            let text = try #require(metadata.text(of: key))
            let (json, storedJSON) = (try JSONValue(parsing: text.utf8), try JSONValue(parsing: stored))
            // zarr-python 3 writes an empty list of children into the groups of its consolidated metadata.
            #expect(json == storedJSON || key.hasSuffix(".zgroup") && json["zarr_format"] == storedJSON["zarr_format"])
            compared += 1
        }
        #expect(compared > 2)
    }

    @Test func readsRealAttributes() throws {
        let multiscale = try read(Fixture.json("openorganelle/jrc_mus-nacc-2/fibsem-int16/.zattrs"))
        #expect(multiscale.levels.map(\.path) == (0...8).map { "s\($0)" })
        #expect(multiscale.levels[0].scale == ZYX(2.96, 4, 4))
        #expect(multiscale.levels[2].scale == ZYX(11.840000000000002, 16, 16))
        #expect(multiscale.levels[2].translation == ZYX(4.4399999999999995, 6, 6))
        #expect(multiscale.warnings.isEmpty)
    }

    @Test func readsMicrometres() throws {
        let label = try read(Fixture.json("zarr-java/ome/v0.4/labels/nuclei/.zattrs"))
        #expect(label.levels[0].scale == ZYX(500, 500, 500))
        #expect(label.declaredUnits == ZYX(repeating: "micrometer"))
    }

    @Test(arguments: [
        "zarr-java/ome/v0.4", "neuroglancer/zarr/ome_zarr/simple_0.4", "n5-universe/metadata.zarr/cOrder",
        "n5-universe/metadata.zarr/coordTforms/ss",
    ])
    func refusesImagesThatAreNotThreeDimensional(group: String) throws {
        let zattrs = try Fixture.json("\(group)/.zattrs")
        let error = #expect(throws: VolumeError.self) { try read(zattrs) }
        #expect(error?.code == .unsupported)
        #expect(error?.key?.hasPrefix("multiscales[0].axes") == true)
    }

    @Test func refusesImagesWithoutScales() throws {
        let zattrs = try Fixture.json("ome-zarr-py/v2/.zattrs")
        let error = #expect(throws: VolumeError.self) { try read(zattrs) }
        #expect(error?.key == "multiscales[0].datasets[0].coordinateTransformations")
    }

    @Test func readsTheTransformsOfOpenOrganelle() throws {
        let list = try #require(Fixture.json("openorganelle/fibsem-metadata/n5-transforms.json").array)
        #expect(list.count == 30)
        for entry in list {
            let json = try #require(entry["transform"])
            let scale = try #require(ZYX(json["scale"]?.array?.compactMap(\.double) ?? []))
            guard scale.allSatisfy({ $0 > 0 }) else {
                let error = #expect(throws: VolumeError.self) { try read(n5Transform: json) }
                #expect(error?.code == .unsupported)
                #expect(error?.key == "multiscales[0].datasets[0].transform.scale")
                #expect(error?.description.contains("mirrored") == true)
                continue
            }
            let level = try #require(try read(n5Transform: json).levels.first)
            #expect(level.scale == scale)
            #expect(level.translation.array == json["translate"]?.array?.compactMap(\.double))
        }
    }
}
