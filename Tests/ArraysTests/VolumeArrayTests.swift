import Geometry
import Stores
import Testing
import Volumes

@testable import Arrays
@testable import Manifest

/// How a volume is cut into units and blocks.
@Suite struct VolumeArrayTests {
    private func array(
        _ shape: ZYX<Int>, chunks: ZYX<Int>, type: String = "|u1", _ compression: Manifest.Convert.Compression = .gzip
    ) throws -> VolumeArray {
        let metadata = """
            {"zarr_format": 2, "shape": \(shape.array), "chunks": \(chunks.array), "dtype": "\(type)", "order": "C",
             "compressor": {"id": "zstd", "level": 3}, "fill_value": 0, "filters": null, "dimension_separator": "/"}
            """
        let box = Box(shape: shape)
        let plan = ArrayPlan(
            name: "raw", image: "d/d.zarr/recon-1/em/a", level: "s0",
            grid: Grid(shape: shape, voxelSize: ZYX(repeating: 8), translation: ZYX(repeating: 0)), box: box,
            written: box, metadata: metadata, annotation: nil)
        return try VolumeArray(
            plan, root: "d/d.zarr", store: try StoreURL("file:///nowhere"), compression: compression, memory: 1 << 30)
    }

    @Test(arguments: [
        (ZYX(64, 64, 64), ZYX(64, 64, 64)), (ZYX(64, 128, 128), ZYX(64, 64, 64)), (ZYX(96, 96, 96), ZYX(96, 96, 96)),
        (ZYX(8, 16, 32), ZYX(64, 64, 64)), (ZYX(100, 250, 131), ZYX(100, 125, 131)),
        (ZYX(1, 150, 150), ZYX(64, 75, 75)),
        (ZYX(1, 2048, 2048), ZYX(8, 64, 64)),
    ])
    func noChunkIsNeededForTwoUnits(stored: ZYX<Int>, expected: ZYX<Int>) throws {
        let array = try array(ZYX(300, 4000, 4100), chunks: stored)
        #expect(array.chunkShape == expected)
        for axis in 0..<3 {
            #expect(array.unitShape[axis] % stored[axis] == 0 && array.unitShape[axis] % expected[axis] == 0)
        }
    }

    @Test(arguments: [Manifest.Convert.Compression.gzip, .source])
    func unitsHoldEveryChunkOnce(compression: Manifest.Convert.Compression) throws {
        let array = try array(ZYX(70, 130, 200), chunks: ZYX(16, 48, 100), compression)
        let units = array.units(ofBlock: 0)
        #expect(array.blockCount == 1 && units.count == array.units.volume)
        let keys = array.storedChunks(units)
        #expect(keys.count == 5 * 3 * 2 && Set(keys).count == keys.count)
        #expect(array.objectCount(units) == keys.count)
        var numbers: Set<Int> = []
        for unit in units {
            for offset in 0..<array.chunksPerUnit {
                guard let chunk = array.chunk(offset, ofUnit: unit) else { continue }
                #expect(numbers.insert(array.number(of: chunk)).inserted)
            }
        }
        let count = ZYX(70, 130, 200).zip(array.chunkShape) { ($0 + $1 - 1) / $1 }.product
        #expect(numbers == Set(0..<count))
    }

    /// A shard is worked off in as few blocks as may be: its index is read once for each.
    @Test(arguments: [
        (128, 32, ZYX(128, 128, 128)), (1024, 64, ZYX(256, 1024, 1024)), (96, 32, ZYX(64, 64, 64)),
        (2048, 1024, ZYX(1024, 1024, 1024)),
    ])
    func unitsAreShardsOrPartsOfThem(shard: Int, inner: Int, unit: ZYX<Int>) throws {
        let metadata = """
            {"zarr_format": 3, "node_type": "array", "shape": [5000, 5000, 5000], "data_type": "uint8", "fill_value": 0,
             "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [\(shard), \(shard), \(shard)]}},
             "chunk_key_encoding": {"name": "default"},
             "codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": [\(inner), \(inner), \(inner)],
               "codecs": [{"name": "bytes"}], "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]
             }}]}
            """
        let shape = ZYX(repeating: 5000)
        let plan = ArrayPlan(
            name: "raw", image: "d/d.zarr/recon-1/em/a", level: "s0",
            grid: Grid(shape: shape, voxelSize: ZYX(repeating: 8), translation: ZYX(repeating: 0)),
            box: Box(shape: shape), written: Box(shape: shape), metadata: metadata, annotation: nil, format: .zarrV3)
        let array = try VolumeArray(
            plan, root: "d/d.zarr", store: try StoreURL("file:///nowhere"), compression: .gzip, memory: 1 << 33)
        #expect(array.unitShape == unit)
        #expect(array.planned.key(ZYX(0, 1, shard / inner)).hasSuffix("/s0/c/0/0/1#0/1/0"))
    }

    @Test func blocksAreBounded() throws {
        let array = try array(ZYX(20_000, 20_000, 20_000), chunks: ZYX(repeating: 64))
        let bytes = array.unitsPerBlock * array.unitShape.product
        #expect(bytes <= 256 << 20 && bytes > 64 << 20)
        #expect(array.blockCount * array.unitsPerBlock >= array.units.volume)
        #expect(array.units(ofBlock: array.blockCount - 1).upperBound == array.units.volume)
    }

    @Test func smallArrayHasSmallChunks() throws {
        let small = try array(ZYX(10, 70, 30), chunks: ZYX(128, 128, 128))
        #expect(small.chunkShape == ZYX(10, 64, 30))
        let passed = try array(ZYX(10, 70, 30), chunks: ZYX(128, 128, 128), .source)
        #expect(passed.chunkShape == ZYX(repeating: 128) && passed.passthrough != nil)
    }
}
