import Elements
import JSONText
import TestSupport
import Testing
import Volumes

/// Zarr v3 arrays that other implementations wrote.
@Suite struct ZarrV3ConformanceTests {
    /// Arrays of zarr-python 3.1.6 with numcodecs' codecs, big-endian index, codecs behind shards, and unusual fill values.
    /// `expected.json` beside them holds what zarr-python reads; all values follow from the arguments of numpy's `arange`.
    private static let codecsFolder = "generated/zarr-python-3.1.6/codecs.zarr"

    static let codecArrays = Fixture.list("\(codecsFolder)/expected.json", below: "\(codecsFolder)/")

    @Test(arguments: Fixture.all(format: "zarr_v3", expect: "decode") + codecArrays)
    func decodesTheArray(_ fixture: Fixture) throws {
        let metadata = try read(fixture)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.elementType.rawValue == fixture.entry["dtype"]?.string)
        #expect(try sha256(metadata.wholeArray(in: fixture.path)) == fixture.entry["sha256"]?.string)
    }

    /// The same arrays where they are sharded, one inner chunk after the other.
    @Test(
        arguments: (Fixture.all(format: "zarr_v3", expect: "decode")
            + Fixture.all(format: "zarr_v3", expect: "reject-ok")
            + codecArrays).filter(isSharded))
    func readsShardsInParts(_ fixture: Fixture) async throws {
        let metadata = try read(fixture)
        let grid = try #require(metadata.shardGrid)
        var chunks: [[Int]: [UInt8]] = [:]
        for shard in positions(metadata.chunkGridShape) {
            let key = metadata.chunkKey(shard)
            let object = try CountedObject(Fixture.readIfPresent("\(fixture.path)/\(key)"))
            let reader = try #require(ShardReader(metadata, key: key) { await object.fetch($0) })
            guard let ranges = try await reader.ranges() else { continue }
            for position in positions(grid.gridShape) {
                let index = zip(zip(shard, grid.gridShape).map(*), position).map(+)
                chunks[index] = try await reader.innerChunk(position, in: ranges)?.array
            }
        }
        let array = try metadata.wholeArray(of: chunks, chunkShape: metadata.innerChunkShape)
        #expect(sha256(array) == fixture.entry["sha256"]?.string)
    }

    @Test func findsTheShardsOfTheFixtures() {
        #expect(Fixture.all(format: "zarr_v3", expect: "decode").filter(Self.isSharded).count == 19)
        #expect(Fixture.all(format: "zarr_v3", expect: "reject-ok").filter(Self.isSharded).count == 1)
    }

    private static func isSharded(_ fixture: Fixture) -> Bool {
        let codecs = (try? Fixture.json("\(fixture.path)/zarr.json"))?["codecs"]?.array
        return codecs?.last?["name"] == "sharding_indexed"
    }

    @Test(
        arguments: Fixture.all(format: "zarr_v3", expect: "reject")
            + Fixture.all(format: "zarr_v3", expect: "reject-ok"))
    func decodesOrRefusesWithOneLine(_ fixture: Fixture) throws {
        do {
            let metadata = try read(fixture)
            #expect(fixture.entry["expect"] == "reject-ok")
            #expect(try sha256(metadata.wholeArray(in: fixture.path)) == fixture.entry["sha256"]?.string)
        } catch let error as VolumeError {
            #expect(error.code == .unsupported)
            #expect(error.path == "\(fixture.path)/zarr.json")
            #expect(error.key == "data_type" || error.key == "codecs[0].name")
            #expect(!error.description.contains("\n"))
        }
    }

    @Test(arguments: Fixture.all(format: "zarr_v3", expect: "metadata-only"))
    func readsTheMetadata(_ fixture: Fixture) throws {
        let metadata = try read(fixture)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.chunkShape == fixture.entry["chunks"]?.array?.compactMap(\.integer))
        #expect(metadata.elementType.rawValue == fixture.entry["stored_dtype"]?.string)
    }

    /// Images of OME-NGFF 0.5 and 0.6 that are not of three axes in space are refused for just that.
    @Test(arguments: [
        ("zarr-java/ome/v0.5", "ome.multiscales[0].axes"),
        ("viv/ome-zarr/blobs_image_v05.ome.zarr", "ome.multiscales[0].axes"),
        ("neuroglancer/zarr/ome_zarr/simple_0.5", "ome.multiscales[0].axes"),
        ("zarr-java/ome/v0.6_scene/example1_instrument_registration.zarr/sampleA_instrument2", "ome.version"),
    ])
    func refusesOtherImages(group: String, key: String) throws {
        let path = "\(group)/zarr.json"
        let node = try ZarrV3Node(Fixture.read(path), path: path)
        #expect(node.kind == .group)
        let error = #expect(throws: VolumeError.self) { try Multiscale(attributes: node.attributes, path: path) }
        #expect(error?.code == .unsupported)
        #expect(error?.key?.hasPrefix(key) == true)
    }

    private func read(_ fixture: Fixture) throws -> ArrayMetadata {
        let key = "\(fixture.path)/zarr.json"
        return try ArrayMetadata(zarrV3: Fixture.read(key), path: key)
    }
}
