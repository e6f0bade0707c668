import Arrays
import Codecs
import Elements
import Foundation
import Geometry
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import TestSupport
import Testing

@testable import Planning

/// Arrays that are stored as x, y, z: how they are recognised, and read.
@Suite struct AxisOrderTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let shape = ZYX(4, 5, 6)

    init() throws { job = SmallJob() }

    // MARK: The buckets

    private static func value(_ z: Int, _ y: Int, _ x: Int) -> UInt8 { UInt8(1 + z * 50 + y * 7 + x) }

    /// The values in the order z, y, x.
    private var values: [UInt8] {
        Box(shape: shape).indices.map { Self.value($0.z, $0.y, $0.x) }
    }

    private func image(
        _ path: String, _ shape: [Int], _ bytes: [UInt8], voxel: [Double] = [8, 8, 8]
    ) throws {
        try job.image(
            "\(recon)/\(path)",
            [SmallJob.Level(voxel: voxel, translation: voxel.map { $0 / 2 }, shape: shape, bytes: bytes)])
    }

    private func raw(voxel: [Double] = [8, 8, 8]) throws {
        try image("em/fibsem-uint8", shape.array, values.map { 255 - $0 }, voxel: voxel)
    }

    /// How an array is stored.
    enum Storage: String, CaseIterable, CustomStringConvertible {
        case zarrV2, fortran, flat, zarrV3, shards, n5

        var description: String { rawValue }
    }

    /// Writes the values as an array whose axes are z, y, x or the other way round, in several chunks.
    private func array(_ key: String, _ storage: Storage, isReversed: Bool = true) throws {
        let extents = isReversed ? Array(shape.array.reversed()) : shape.array
        let chunk = isReversed ? [3, 5, 2] : [2, 5, 3]
        let counts = zip(extents, chunk).map { ($0 + $1 - 1) / $1 }
        /// The bytes of a chunk, the last axis fastest or the first one.
        func bytes(of index: [Int], isFortran: Bool = false) -> [UInt8] {
            var bytes: [UInt8] = []
            let order = isFortran ? [2, 1, 0] : [0, 1, 2]
            for a in 0..<chunk[order[0]] {
                for b in 0..<chunk[order[1]] {
                    for c in 0..<chunk[order[2]] {
                        var position = [0, 0, 0]
                        for (axis, offset) in zip(order, [a, b, c]) {
                            position[axis] = index[axis] * chunk[axis] + offset
                        }
                        let place = isReversed ? Array(position.reversed()) : position
                        bytes.append(Self.value(place[0], place[1], place[2]))
                    }
                }
            }
            return bytes
        }
        let indices = (0..<counts.reduce(1, *)).map { number in
            [number / (counts[1] * counts[2]), number / counts[2] % counts[1], number % counts[2]]
        }
        func numbers(_ values: [Int]) -> JSONValue { .array(values.map { .integer($0) }) }
        switch storage {
        case .zarrV2, .fortran, .flat:
            var metadata: [String: JSONValue] = [
                "zarr_format": 2, "shape": numbers(extents), "chunks": numbers(chunk), "dtype": "|u1",
                "order": storage == .fortran ? "F" : "C", "compressor": nil, "filters": nil, "fill_value": 0,
                "dimension_separator": storage == .flat ? "." : "/",
            ]
            // Nested chunks of which nothing is said are found by where they lie.
            if storage == .zarrV2 { metadata["dimension_separator"] = nil }
            try job.write(.object(metadata), "\(key)/.zarray")
            for index in indices {
                let name = index.map(String.init).joined(separator: storage == .flat ? "." : "/")
                try job.write(bytes(of: index, isFortran: storage == .fortran), "\(key)/\(name)")
            }
        case .zarrV3, .shards:
            var codecs: JSONValue = [["name": "bytes"]]
            if storage == .shards {
                let index: JSONValue = [["name": "bytes", "configuration": ["endian": "little"]]]
                codecs = [
                    [
                        "name": "sharding_indexed",
                        "configuration": [
                            "chunk_shape": numbers(chunk), "codecs": codecs, "index_codecs": index,
                            "index_location": "end",
                        ],
                    ]
                ]
            }
            let grid = storage == .shards ? zip(counts, chunk).map(*) : chunk
            try job.write(
                [
                    "zarr_format": 3, "node_type": "array", "shape": numbers(extents), "data_type": "uint8",
                    "fill_value": 0, "codecs": codecs,
                    "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": numbers(grid)]],
                    "chunk_key_encoding": ["name": "default", "configuration": ["separator": "/"]],
                ], "\(key)/zarr.json")
            guard storage == .shards else {
                for index in indices {
                    try job.write(bytes(of: index), "\(key)/c/\(index.map(String.init).joined(separator: "/"))")
                }
                return
            }
            var shard: [UInt8] = []
            var index: [UInt8] = []
            for position in indices {
                let inner = bytes(of: position)
                for word in [UInt64(shard.count), UInt64(inner.count)] {
                    index += withUnsafeBytes(of: word.littleEndian, Array.init)
                }
                shard += inner
            }
            try job.write(shard + index, "\(key)/c/0/0/0")
        case .n5:
            // N5 counts x, y, z, and stores x fastest: the same bytes as z, y, x in C order.
            try job.write(
                [
                    "dimensions": numbers(extents.reversed()), "blockSize": numbers(chunk.reversed()),
                    "dataType": "uint8", "compression": ["type": "raw"],
                ], "\(key)/attributes.json")
            for index in indices {
                var block: [UInt8] = [0, 0, 0, 3]
                for extent in chunk.reversed() { block += withUnsafeBytes(of: UInt32(extent).bigEndian, Array.init) }
                let name = index.reversed().map(String.init).joined(separator: "/")
                try job.write(block + bytes(of: index), "\(key)/\(name)")
            }
        }
    }

    private func grid(_ path: String, _ name: String? = "mito", axes: String) -> JSONValue {
        var members: [String: JSONValue] = [
            "dataset": "ds", "path": .string(path), "axes": .string(axes), "voxel_size_nm": [8, 8, 8],
            "translation_nm": [4, 4, 4],
        ]
        if let name { members["class"] = .string(name) }
        return .object(members)
    }

    // MARK: Reading

    /// The label of a volume and of a region, raw data likewise, with and without shards: as if they had been stored as z, y, x.
    @Test(arguments: Storage.allCases)
    func arraysStoredTheOtherWayRoundAreTurned(storage: Storage) async throws {
        let root = storage == .n5 ? "ds/ds.n5" : "ds/ds.zarr"
        for name in ["raw", "mito"] { try array("\(root)/volumes/\(name)", storage) }
        let grids: JSONValue = [grid("volumes/raw", nil, axes: "xyz"), grid("volumes/mito", axes: "xyz")]
        let region: JSONValue = ["dataset": "ds", "offset_nm": [8, 16, 24], "shape_nm": [24, 16, 24]]
        for compression in ["gzip", "source"] {
            let convert: JSONValue = ["compression": .string(compression)]
            let members: [String: JSONValue] = ["grids": grids, "convert": convert]
            let outcome = try await job.run(members.merging(["mode": "volumes"]) { $1 })
            #expect(outcome.failures == [])
            for name in ["raw", "mito"] {
                let found = try await job.dataset("/volumes/\(name)", of: "hdf5/ds.h5")
                #expect(found.shape == shape.array)
                #expect(found.bytes == values, "\(name) \(compression)")
                #expect(found.attributes["voxel_size"] == .doubles([8, 8, 8]))
            }
            let cut = try await job.run(members.merging(["regions": [region]]) { $1 })
            #expect(cut.failures == [])
            for path in ["/raw_crop", "/label_crop/mito"] {
                let found = try await job.dataset(path, of: "hdf5/region_ds_1.h5")
                #expect(found.shape == [3, 2, 3])
                let box = Box(start: ZYX(1, 2, 3), stop: ZYX(4, 4, 6))
                #expect(found.bytes == box.indices.map { Self.value($0.z, $0.y, $0.x) })
            }
        }
    }

    @Test func axesAsTheyAreChangeNothing() async throws {
        for name in ["raw", "mito"] { try array("ds/ds.zarr/volumes/\(name)", .zarrV3, isReversed: false) }
        let grids: JSONValue = [grid("volumes/raw", nil, axes: "zyx"), grid("volumes/mito", axes: "zyx")]
        #expect(try await job.run(["mode": "volumes", "grids": grids]).failures == [])
        #expect(try await job.dataset("/volumes/mito", of: "hdf5/ds.h5").bytes == values)
    }

    /// A cube that is read the other way round is another cube, although nothing of it has to be fetched elsewhere.
    @Test func anotherOrderIsAnotherPlan() async throws {
        let ramp = (0..<64).map { UInt8($0) }
        try image("volumes/raw", [4, 4, 4], ramp)
        try image("volumes/mito", [4, 4, 4], ramp)
        func run(_ axes: String) async throws -> [UInt8] {
            let grids: JSONValue = [
                grid("recon-1/volumes/raw/s0", nil, axes: "zyx"), grid("recon-1/volumes/mito/s0", axes: axes),
            ]
            #expect(try await job.run(["mode": "volumes", "grids": grids]).failures == [])
            return try await job.dataset("/recon-1/volumes/mito/s0", of: "hdf5/ds.h5").bytes
        }
        #expect(try await run("zyx") == ramp)
        let turned = Box(shape: ZYX(4, 4, 4)).indices.map { UInt8($0.x * 16 + $0.y * 4 + $0.z) }
        #expect(try await run("xyz") == turned)
        #expect(try await run("zyx") == ramp)
    }

    // MARK: Refusal

    private let label = "labels/inference/segmentations/mito"
    private let volume: [String: JSONValue] = ["mode": "volumes", "select": "inference"]

    @Test(arguments: [[8, 8, 8], [16, 8, 4]])
    func aLabelThatFitsOnlyReversedIsRefused(voxel: [Double]) async throws {
        try raw(voxel: voxel)
        try image(label, shape.array.reversed(), values, voxel: voxel.reversed())
        let region: JSONValue = ["dataset": "ds", "offset_nm": [0, 0, 0], "shape_nm": [16, 16, 16]]
        for members in [volume, ["regions": [region]]] {
            let outcome = try await job.run(members)
            #expect(outcome.exitCode == 1)
            let reason = try #require(outcome.failures.first?.reason)
            for part in ["\(label)/s0", "only with the axes reversed", #""axes": "xyz""#, #""grids""#] {
                #expect(reason.contains(part), "\(reason)")
            }
            #expect(!reason.contains("\n"))
        }
        // So it is set right.
        let grid: JSONValue = [
            "dataset": "ds", "path": .string("recon-1/\(label)/s0"), "class": "mito", "axes": "xyz",
            "voxel_size_nm": .array(voxel.map { .number($0) }),
            "translation_nm": .array(voxel.map { .number($0 / 2) }),
        ]
        for members in [volume, ["regions": [region]]] {
            #expect(try await job.run(members.merging(["grids": [grid]]) { $1 }).failures == [])
        }
        let found = try await job.dataset("/recon-1/\(label)/s0", of: "hdf5/ds.h5")
        #expect(found.shape == shape.array)
    }

    /// The voxel size may be that of z, y and x although the voxels are stored the other way round.
    @Test func theVoxelSizeMayBeInOrder() async throws {
        try raw(voxel: [16, 8, 4])
        try image(label, shape.array.reversed(), values, voxel: [16, 8, 4])
        let outcome = try await job.run(volume)
        #expect(outcome.failures.first?.reason.contains("only with the axes reversed") == true)
    }

    /// The raw image may be the one that is stored the other way round.
    @Test func aRawImageIsSetRight() async throws {
        try image(label, shape.array, values)
        try array("\(recon)/em/fibsem-uint8/s0", .zarrV2)
        try image("em/other", shape.array.reversed(), values)
        #expect(try await job.run(volume).failures.first?.reason.contains("only with the axes reversed") == true)
        let grid = grid("recon-1/em/fibsem-uint8/s0", nil, axes: "xyz")
        #expect(try await job.run(volume.merging(["grids": [grid]]) { $1 }).failures == [])
        #expect(try await job.dataset("/recon-1/em/fibsem-uint8/s0", of: "hdf5/ds.h5").bytes == values)
    }

    @Test func oneLabelDoesNotCostTheOthersTheVolume() async throws {
        try raw()
        try image(label, shape.array.reversed(), values)
        try image("labels/inference/er", shape.array, values)
        let heard = Heard()
        #expect(try await job.run(volume.merging(["classes": ["*"]]) { $1 }, log: heard.add).failures == [])
        #expect(heard.all.count { $0.contains("labels left out") && $0.contains("axes reversed") } == 1)
        #expect(try await job.dataset("/recon-1/labels/inference/er/s0", of: "hdf5/ds.h5").bytes == values)
    }

    /// Raw voxels, label voxels, and whether only the reversed order fits.
    @Test(arguments: [
        ([8, 8, 8], [8, 8, 8], false),  // a cube
        ([9, 8, 8], [8, 8, 9], false),  // a voxel is no difference
        ([10, 8, 8], [8, 8, 10], true),
        ([10, 8, 8], [8, 8, 9], true),  // nor is it here
        ([10, 8, 8], [8, 8, 8], false),
        ([4, 5, 6], [4, 5, 3], false),  // shorter labels
        ([4, 5, 6], [6, 5, 4], true),
        ([4, 5, 6], [3, 5, 4], false),
        ([4, 5, 4], [4, 5, 4], false),
        ([0, 5, 6], [6, 5, 0], true),
    ])
    func extentsTell(raw: [Int], label: [Int], isOpposite: Bool) throws {
        func grid(_ shape: [Int]) throws -> Grid {
            Grid(
                shape: try #require(ZYX(shape)), voxelSize: ZYX(repeating: 8), translation: ZYX(repeating: 0))
        }
        #expect(AxisOrder(raw: try grid(raw), label: try grid(label)).isOpposite == isOpposite)
    }
}

extension Box {
    /// All voxels in scan order.
    fileprivate var indices: [ZYX<Int>] {
        var indices: [ZYX<Int>] = []
        forEachIndex { indices.append($0) }
        return indices
    }
}
