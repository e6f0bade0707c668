import Codecs
import Elements
import JSONText
import JobTestSupport

/// A sharded image of 8×8×8 bytes in a ``SmallJob``'s bucket: one shard, uncompressed inner chunks of 4×4×4, voxels of 8 nm.
struct SmallShards {
    let key: String
    var isIndexAtStart = false
    /// What each inner chunk is filled with, in C order; nil leaves it unstored.
    var values: [UInt8?] = [1, 2, 3, 4, 5, 6, 7, 8]
    /// Offset and length that the index says, instead of the true ones, by inner chunk.
    var lies: [Int: (UInt64, UInt64)] = [:]
    /// Bytes between inner chunks.
    var gap = 0

    var metadata: JSONValue {
        [
            "zarr_format": 3, "node_type": "array", "shape": [8, 8, 8], "data_type": "uint8", "fill_value": 9,
            "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": [8, 8, 8]]],
            "chunk_key_encoding": ["name": "default", "configuration": ["separator": "/"]],
            "codecs": [
                [
                    "name": "sharding_indexed",
                    "configuration": [
                        "chunk_shape": [4, 4, 4], "codecs": [["name": "bytes"]],
                        "index_codecs": [
                            ["name": "bytes", "configuration": ["endian": "little"]], ["name": "crc32c"],
                        ],
                        "index_location": isIndexAtStart ? "start" : "end",
                    ],
                ]
            ],
        ]
    }

    /// The bytes of the shard.
    var shard: [UInt8] {
        let indexByteCount = 16 * values.count + 4
        var body: [UInt8] = []
        var index: [UInt8] = []
        for (number, value) in values.enumerated() {
            var pair: (UInt64, UInt64) = (.max, .max)
            if let value {
                body += [UInt8](repeating: 0, count: gap)
                pair = (UInt64(body.count + (isIndexAtStart ? indexByteCount : 0)), 64)
                body += [UInt8](repeating: value, count: 64)
            }
            pair = lies[number] ?? pair
            for word in [pair.0, pair.1] { index += withUnsafeBytes(of: word.littleEndian, Array.init) }
        }
        let sum = Checksum.crc32c(index.span.bytes)
        index += withUnsafeBytes(of: sum.littleEndian, Array.init)
        return isIndexAtStart ? index + body : body + index
    }

    func write(_ job: SmallJob, isStored: Bool = true) throws {
        let axes = ["z", "y", "x"].map { name -> JSONValue in
            ["name": .string(name), "type": "space", "unit": "nanometer"]
        }
        let transforms: JSONValue = [
            ["type": "scale", "scale": [8, 8, 8]], ["type": "translation", "translation": [0, 0, 0]],
        ]
        let level: JSONValue = ["path": "s0", "coordinateTransformations": transforms]
        try job.write(
            [
                "zarr_format": 3, "node_type": "group",
                "attributes": [
                    "ome": ["version": "0.5", "multiscales": [["axes": .array(axes), "datasets": [level]]]]
                ],
            ], "\(key)/zarr.json")
        try job.write(metadata, "\(key)/s0/zarr.json")
        if isStored { try job.write(shard, "\(key)/s0/c/0/0/0") }
    }
}
