import Codecs
import Elements
import JSONText
import Volumes

/// Shards of Zarr v3 of arrays that are given: the first byte of an input says of which one, the second whether the checksum of the
/// index is made right. The shard is decoded as a whole and in parts, which must agree.
struct ShardHarness: Harness {
    let name = "shard"

    private struct Array3 {
        let chunkShape: [Int]
        let innerShape: [Int]
        var outer: [JSONValue] = []
        var inner: [JSONValue] = [["name": "bytes", "configuration": ["endian": "little"]]]
        var hasChecksum = true
        var isIndexAtStart = false
        var type = "uint8"

        var metadata: ArrayMetadata? {
            let index: [JSONValue] =
                [["name": "bytes", "configuration": ["endian": "little"]]] + (hasChecksum ? [["name": "crc32c"]] : [])
            let sharding: JSONValue = [
                "name": "sharding_indexed",
                "configuration": [
                    "chunk_shape": .array(innerShape.map { .integer($0) }), "codecs": .array(inner),
                    "index_codecs": .array(index), "index_location": isIndexAtStart ? "start" : "end",
                ],
            ]
            let json: JSONValue = [
                "zarr_format": 3, "node_type": "array", "shape": .array(chunkShape.map { .integer($0) }),
                "data_type": .string(type), "fill_value": 9,
                "chunk_grid": [
                    "name": "regular", "configuration": ["chunk_shape": .array(chunkShape.map { .integer($0) })],
                ],
                "chunk_key_encoding": ["name": "default"], "codecs": .array(outer + [sharding]),
            ]
            return try? ArrayMetadata(zarrV3: Array(json.canonicalText.utf8), path: "zarr.json")
        }
    }

    private static let bytes: JSONValue = ["name": "bytes", "configuration": ["endian": "little"]]
    private static let transpose: JSONValue = ["name": "transpose", "configuration": ["order": [1, 2, 0]]]
    private static let nested: JSONValue = [
        "name": "sharding_indexed",
        "configuration": [
            "chunk_shape": [1, 2], "codecs": [bytes], "index_codecs": [bytes], "index_location": "start",
        ],
    ]

    private let arrays: [ArrayMetadata] = [
        Array3(chunkShape: [4], innerShape: [2]),
        Array3(chunkShape: [4], innerShape: [2], hasChecksum: false),
        Array3(chunkShape: [4, 6], innerShape: [2, 3], isIndexAtStart: true),
        Array3(chunkShape: [4, 6], innerShape: [2, 3], hasChecksum: false, isIndexAtStart: true, type: "uint16"),
        Array3(
            chunkShape: [4, 4, 4], innerShape: [2, 2, 2],
            inner: [bytes, ["name": "gzip", "configuration": ["level": 5]]]
        ),
        Array3(
            chunkShape: [8, 8, 8], innerShape: [8, 4, 8],
            inner: [bytes, ["name": "zstd", "configuration": ["level": 3, "checksum": false]]], hasChecksum: false),
        Array3(
            chunkShape: [2, 4, 6], innerShape: [2, 3, 1], outer: [transpose], inner: [bytes, ["name": "crc32c"]],
            hasChecksum: false),
        Array3(chunkShape: [4, 4], innerShape: [2, 4], inner: [nested], hasChecksum: false),
        Array3(
            chunkShape: [16, 16], innerShape: [16, 8],
            inner: [
                bytes,
                [
                    "name": "blosc",
                    "configuration": [
                        "cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 1, "blocksize": 0,
                    ],
                ],
            ], hasChecksum: false),
        Array3(chunkShape: [64, 64], innerShape: [1, 1]),
    ].compactMap(\.metadata)

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 else { return }
        let array = arrays[Int(input[0]) % arrays.count]
        guard let grid = array.shardGrid else { fatalError("\(name): an array without shards") }
        var shard = Array(input[2...])
        if input[1] & 1 == 1 { setChecksum(of: &shard, grid) }
        let buffer = ByteBuffer(shard)
        let whole = try? buffer.withSpan { bytes throws(VolumeError) in try array.decodeChunk(bytes, key: "0") }
        let isSizeKnown = input[1] & 2 == 0
        guard shard.count >= grid.indexByteCount,
            let ranges = try? buffer.withSpan({ bytes throws(VolumeError) in
                let start = grid.isIndexAtStart ? 0 : bytes.byteCount - grid.indexByteCount
                return try grid.decodeIndex(
                    bytes.extracting(start..<(start + grid.indexByteCount)),
                    objectByteCount: isSizeKnown ? bytes.byteCount : nil, key: "0")
            })
        else {
            require(whole == nil, "a shard is decoded whose index is not")
            return
        }
        checkParts(array, grid, ranges, buffer, whole: whole?.array)
    }

    private func setChecksum(of shard: inout [UInt8], _ grid: ShardGrid) {
        guard shard.count >= grid.indexByteCount, grid.indexByteCount == 16 * grid.count + 4 else { return }
        let start = grid.isIndexAtStart ? 0 : shard.count - grid.indexByteCount
        let sum = ByteBuffer(shard[start..<(start + 16 * grid.count)]).withSpan { Checksum.crc32c($0) }
        for byte in 0..<4 {
            shard[start + 16 * grid.count + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * byte))
        }
    }

    private func checkParts(
        _ array: ArrayMetadata, _ grid: ShardGrid, _ ranges: ShardRanges, _ shard: ByteBuffer, whole: [UInt8]?
    ) {
        let positions = (0..<grid.count).map { Self.index($0, grid.gridShape) }
        var found = 0
        for run in ranges.runs(of: positions, maximumGap: 16, maximumByteCount: 256) {
            for member in run.members {
                require(
                    run.range.lowerBound <= member.range.lowerBound && member.range.upperBound <= run.range.upperBound,
                    "an inner chunk at \(member.range) of a run of \(run.range)")
                found += 1
            }
        }
        require(found == ranges.storedCount, "\(found) inner chunks in runs, \(ranges.storedCount) stored")
        for position in positions {
            var inner: [UInt8]?
            if let range = ranges.range(of: position) {
                guard range.upperBound <= shard.count else {
                    require(whole == nil, "a shard is decoded that ends before an inner chunk does")
                    continue
                }
                inner = shard.withSpan { bytes in
                    try? array.decodeInnerChunk(bytes.extracting(range), key: "0").array
                }
                guard inner != nil else {
                    require(whole == nil, "a shard is decoded, but not its inner chunk \(position)")
                    continue
                }
            }
            if let whole { check(inner, at: position, array, grid, whole: whole) }
        }
    }

    /// Compares an inner chunk (nil: the fill value) with its place in the shard, element by element.
    private func check(
        _ inner: [UInt8]?, at position: [Int], _ array: ArrayMetadata, _ grid: ShardGrid, whole: [UInt8]
    ) {
        let width = array.elementType.byteCount
        let shape = grid.innerChunkShape
        for number in 0..<shape.reduce(1, *) {
            let index = zip(Self.index(number, shape), zip(position, shape)).map { $0 + $1.0 * $1.1 }
            let offset = zip(index, array.chunkShape).reduce(0) { $0 * $1.1 + $1.0 }
            let expected = inner.map { $0[(number * width)..<((number + 1) * width)] } ?? array.fillValue[...]
            require(
                whole[(offset * width)..<((offset + 1) * width)].elementsEqual(expected),
                "the shard and its inner chunk \(position) differ at \(index)")
        }
    }

    private static func index(_ number: Int, _ shape: [Int]) -> [Int] {
        var rest = number
        var index = shape
        for axis in shape.indices.reversed() {
            index[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return index
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        arrays.enumerated().flatMap { number, array -> [[UInt8]] in
            guard let grid = array.shardGrid else { return [] }
            return [0, 1, 3].map { skipped in
                [UInt8(number), 1] + Self.shard(array, grid) { skipped > 0 && $0 % 4 == skipped }
            }
        }
    }

    /// A shard whose inner chunks hold zeros, but for those that are not stored.
    private static func shard(_ array: ArrayMetadata, _ grid: ShardGrid, isSkipped: (Int) -> Bool) -> [UInt8] {
        let plain = ByteBuffer(zeroed: grid.innerForm.byteCount)
        let encoder = array.innerCodecSummary?.makeCodec(elementByteCount: array.elementType.byteCount) ?? NoCodec()
        let chunk = (try? plain.withSpan { bytes throws(CodecError) in try encoder.encode(bytes) }.array) ?? []
        var content: [UInt8] = []
        var index: [UInt8] = []
        let start = grid.isIndexAtStart ? grid.indexByteCount : 0
        for number in 0..<grid.count {
            let skips = isSkipped(number)
            for value in skips ? [UInt64.max, .max] : [UInt64(start + content.count), UInt64(chunk.count)] {
                index += (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
            }
            if !skips { content += chunk }
        }
        index += [UInt8](repeating: 0, count: grid.indexByteCount - index.count)
        return grid.isIndexAtStart ? index + content : content + index
    }
}
