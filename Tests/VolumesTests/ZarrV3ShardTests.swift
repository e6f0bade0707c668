import Codecs
import Elements
import JSONText
import TestSupport
import Testing
import Volumes

/// Shards of uint16, 8 × 8 × 8 elements, made of 2 × 4 × 1 inner chunks of 4 × 2 × 8.
@Suite struct ZarrV3ShardTests {
    private static let gridShape = [2, 4, 1]
    private static let innerElements = 4 * 2 * 8

    private func metadata(
        location: String = "end", innerCodecs: JSONValue = [["name": "bytes", "configuration": ["endian": "little"]]],
        hasChecksum: Bool = true, before: [JSONValue] = [], behind: [JSONValue] = [],
        innerShape: JSONValue = [4, 2, 8]
    ) throws -> ArrayMetadata {
        let bytes: JSONValue = ["name": "bytes", "configuration": ["endian": "little"]]
        let shards: JSONValue = [
            "name": "sharding_indexed",
            "configuration": [
                "chunk_shape": innerShape, "codecs": innerCodecs,
                "index_codecs": hasChecksum ? [bytes, ["name": "crc32c"]] : [bytes],
                "index_location": .string(location),
            ],
        ]
        let text = zarrV3([
            "shape": [20, 20, 20],
            "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": [8, 8, 8]]], "fill_value": 7,
            "codecs": .array(before + [shards] + behind),
        ])
        return try ArrayMetadata(zarrV3: text, path: "a/zarr.json")
    }

    private func bytes<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    private func checksum(_ bytes: [UInt8]) -> [UInt8] {
        let value = Checksum.crc32c(bytes.span.bytes)
        return self.bytes([value])
    }

    private func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        try GzipCodec(level: 1).encode(bytes.span.bytes).array
    }

    /// The elements of the inner chunk of this number.
    private func inner(_ number: Int) -> [UInt8] {
        bytes((0..<Self.innerElements).map { UInt16(number * 1000 + $0) })
    }

    /// A shard with these offsets and lengths.
    private func shard(_ body: [UInt8], index: [UInt64], atStart: Bool = false, hasChecksum: Bool = true) -> [UInt8] {
        var encoded = bytes(index)
        if hasChecksum { encoded += checksum(encoded) }
        return atStart ? encoded + body : body + encoded
    }

    /// A shard with the inner chunks of these numbers, in this order, `gap` bytes apart.
    private func shard(
        _ numbers: [Int], gap: Int = 0, atStart: Bool = false, encode: ([UInt8]) throws -> [UInt8] = { $0 }
    ) throws -> [UInt8] {
        var index = [UInt64](repeating: .max, count: 16)
        var body: [UInt8] = []
        for number in numbers {
            let encoded = try encode(inner(number))
            index[2 * number] = UInt64(body.count + (atStart ? 16 * 8 + 4 : 0))
            index[2 * number + 1] = UInt64(encoded.count)
            body += encoded + [UInt8](repeating: 0xEE, count: gap)
        }
        return shard(body, index: index, atStart: atStart)
    }

    private func whole(_ stored: Set<Int>) -> [UInt8] {
        var values = [UInt16](repeating: 7, count: 8 * 8 * 8)
        for number in stored {
            let (z, y) = (number / 4, number % 4)
            for element in 0..<Self.innerElements {
                let place = (z * 4 + element / 16) * 64 + (y * 2 + element / 8 % 2) * 8 + element % 8
                values[place] = UInt16(number * 1000 + element)
            }
        }
        return bytes(values)
    }

    private func decoded(_ shard: [UInt8], _ array: ArrayMetadata) throws -> [UInt8] {
        try array.decodeChunk(shard.span.bytes, key: "k").array
    }

    private func decoded(_ bytes: [UInt8], _ reader: ShardReader, at position: [Int]) throws -> [UInt8] {
        try reader.decode(bytes.span.bytes, at: position).array
    }

    private func wholeError(_ array: ArrayMetadata, _ shard: [UInt8]) -> VolumeError? {
        do {
            _ = try array.decodeChunk(shard.span.bytes, key: "a/c/0/0/0")
            return nil
        } catch {
            return error
        }
    }

    private func partsError(_ array: ArrayMetadata, _ shard: [UInt8], saysSize: Bool = true) async throws
        -> VolumeError?
    {
        let object = CountedObject(shard, saysSize: saysSize)
        let reader = try #require(ShardReader(array, key: "a/c/0/0/0") { await object.fetch($0) })
        do {
            let index = try await reader.ranges()
            let ranges = try #require(index)
            for number in 0..<8 { _ = try await reader.innerChunk([number / 4, number % 4, 0], in: ranges) }
            return nil
        } catch let error as VolumeError {
            return error
        }
    }

    @Test(arguments: [[], [3], [5, 0, 2], [7, 6, 5, 4, 3, 2, 1, 0]], ["start", "end"])
    func decodesWholeShards(numbers: [Int], location: String) throws {
        let array = try metadata(location: location)
        let encoded = try shard(numbers, gap: 5, atStart: location == "start")
        #expect(try decoded(encoded, array) == whole(Set(numbers)))
        #expect(array.chunkShape == [8, 8, 8])
        #expect(array.innerChunkShape == [4, 2, 8])
    }

    /// A crop costs the index and its inner chunks.
    @Test(arguments: [("start", true), ("start", false), ("end", true)])
    func fetchesOnlyWhatIsNeeded(location: String, saysSize: Bool) async throws {
        let array = try metadata(
            location: location,
            innerCodecs: [
                ["name": "bytes", "configuration": ["endian": "little"]],
                ["name": "gzip", "configuration": ["level": 1]],
            ])
        let encoded = try shard([6, 1, 0, 3], gap: 3000, atStart: location == "start") {
            try gzip($0)
        }
        #expect(array.innerCodecSummary == CodecSummary(name: "gzip", level: 1))
        #expect(array.codecSummary == nil)
        let object = CountedObject(encoded, saysSize: saysSize)
        let reader = try #require(ShardReader(array, key: "a/c/0/0/0") { await object.fetch($0) })
        let index = try await reader.ranges()
        let ranges = try #require(index)
        var fetched = await object.fetchedByteCount
        #expect(fetched == 132)
        #expect(ranges.storedCount == 4)
        let unstored = try await reader.innerChunk([0, 2, 0], in: ranges)
        #expect(unstored == nil)
        var requests = await object.requests
        #expect(requests.count == 1)
        let chunk = try await reader.innerChunk([1, 2, 0], in: ranges)
        #expect(chunk?.array == inner(6))
        let length = try #require(ranges.range(of: [1, 2, 0])?.count)
        fetched = await object.fetchedByteCount
        requests = await object.requests
        #expect(fetched == 132 + length)
        #expect(requests.count == 2)
        #expect(length < encoded.count / 20)
    }

    @Test func fetchesNeighboursTogether() async throws {
        let array = try metadata()
        let object = CountedObject(try shard([6, 1, 0, 3], gap: 10))
        let reader = try #require(ShardReader(array, key: "k") { await object.fetch($0) })
        let index = try await reader.ranges()
        let ranges = try #require(index)
        let positions = [[0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 3, 0], [1, 2, 0]]
        let joined = ranges.runs(of: positions, maximumGap: 10, maximumByteCount: 1 << 20)
        #expect(joined.map(\.range) == [0..<542])
        #expect(joined[0].members.map(\.position) == [[1, 2, 0], [0, 1, 0], [0, 0, 0], [0, 3, 0]])
        let run = try await reader.bytes(joined[0].range).array
        for (member, number) in zip(joined[0].members, [6, 1, 0, 3]) {
            #expect(try decoded(Array(run[member.range]), reader, at: member.position) == inner(number))
        }
        #expect(ranges.runs(of: positions, maximumGap: 9, maximumByteCount: 1 << 20).count == 4)
        let limited = ranges.runs(of: positions, maximumGap: 10, maximumByteCount: 266)
        #expect(limited.map(\.range) == [0..<266, 276..<542])
    }

    @Test func missingShardsHaveNoIndex() async throws {
        let object = CountedObject(nil)
        let reader = try #require(ShardReader(try metadata(), key: "k") { await object.fetch($0) })
        let ranges = try await reader.ranges()
        #expect(ranges == nil)
        #expect(ShardReader(try ArrayMetadata(zarrV3: zarrV3(), path: "k"), key: "k") { _ in nil } == nil)
    }

    @Test func countsInnerChunksFromTheOriginOfTheArray() throws {
        let grid = try #require(try metadata().shardGrid)
        #expect(grid.gridShape == [2, 4, 1])
        #expect(grid.count == 8)
        #expect(grid.indexByteCount == 132)
        #expect(!grid.isIndexAtStart)
        let place = grid.place(ofInnerChunk: [3, 9, 2])
        #expect(place.shard == [1, 2, 2])
        #expect(place.position == [1, 1, 0])
    }

    @Test func transposesBeforeAndWithinShards() async throws {
        // Encoded axes are x, z, y: the shard is cut into 1 × 2 × 4 inner chunks, each of them stored as y, x, z.
        let array = try metadata(
            innerCodecs: [
                ["name": "transpose", "configuration": ["order": [2, 0, 1]]],
                ["name": "bytes", "configuration": ["endian": "little"]],
            ],
            before: [["name": "transpose", "configuration": ["order": [2, 0, 1]]]], innerShape: [8, 4, 2])
        #expect(array.innerChunkShape == [4, 2, 8])
        let encoded = try shard([6, 1]) { stored in
            var turned: [UInt8] = []
            for y in 0..<2 {
                for x in 0..<8 {
                    for z in 0..<4 {
                        let element = (z * 2 + y) * 8 + x
                        turned += stored[(2 * element)..<(2 * element + 2)]
                    }
                }
            }
            return turned
        }
        #expect(try decoded(encoded, array) == whole([6, 1]))
        let object = CountedObject(encoded)
        let reader = try #require(ShardReader(array, key: "k") { await object.fetch($0) })
        let index = try await reader.ranges()
        let ranges = try #require(index)
        let sixth = try await reader.innerChunk([1, 2, 0], in: ranges)
        #expect(sixth?.array == inner(6))
        let first = try await reader.innerChunk([0, 1, 0], in: ranges)
        #expect(first?.array == inner(1))
        #expect(ranges.storedCount == 2)
    }

    @Test func codecsBehindShardsKeepThemWhole() throws {
        let array = try metadata(behind: [["name": "gzip"]])
        #expect(array.shardGrid == nil)
        #expect(array.innerChunkShape == [8, 8, 8])
        let encoded = try gzip(shard([2]))
        #expect(try decoded(encoded, array) == whole([2]))
        #expect(try array.decodeInnerChunk(encoded.span.bytes, key: "k").array == whole([2]))
    }

    // MARK: Damage

    /// Offsets and lengths of the first two inner chunks of 128 bytes, in a shard whose body has 256 bytes (and index 132).
    @Test(
        arguments: [
            [.max - 1, 128, 0, 128], [0, .max, 0, 128], [.max, 128, 0, 128], [1 << 63, 128, 0, 128],
            [(1 << 63) - 1, 128, 0, 128], [.max - 100, 128, 0, 128], [0, 128, 127, 128], [0, 128, 0, 128],
            [50, 128, 0, 128], [129, 128, 0, 128], [200, 128, 0, 128], [256, 128, 0, 128], [388, 128, 0, 128],
            [300, 128, 0, 128], [0, 129, 129, 127], [0, 127, 128, 128], [128, 0, 0, 128], [1 << 40, 128, 0, 128],
            [128, 1 << 40, 0, 128],
        ] as [[UInt64]], ["start", "end"])
    func refusesImpossibleIndices(pairs: [UInt64], location: String) async throws {
        let atStart = location == "start"
        let moved = pairs.enumerated().map { number, value in
            atStart && number % 2 == 0 && value < 1 << 32 ? value + 132 : value
        }
        let index = moved + [UInt64](repeating: .max, count: 12)
        let encoded = shard([UInt8](repeating: 1, count: 256), index: index, atStart: atStart)
        let array = try metadata(location: location)
        let error = try #require(wholeError(array, encoded))
        #expect(error.code == .corruptChunk)
        #expect(["a/c/0/0/0#index", "a/c/0/0/0#0/0/0"].contains(error.path))
        #expect(!error.description.contains("\n"))
        let parts = try await partsError(array, encoded)
        #expect(parts?.code == .corruptChunk)
        let unsized = try await partsError(array, encoded, saysSize: false)
        #expect(unsized?.code == (atStart ? .corruptChunk : .unsupported))
    }

    @Test func refusesInnerChunksInTheIndex() throws {
        let index: [UInt64] = [0, 128] + [UInt64](repeating: .max, count: 14)
        let encoded = shard([UInt8](repeating: 1, count: 256), index: index, atStart: true)
        let error = try #require(wholeError(try metadata(location: "start"), encoded))
        #expect(error.code == .corruptChunk)
        #expect(error.description.contains("where the index lies, at 0 to 132"))
    }

    @Test(arguments: ["start", "end"])
    func refusesDamagedShards(location: String) async throws {
        let array = try metadata(location: location)
        let encoded = try shard([6, 1, 0], atStart: location == "start")
        for count in 0..<encoded.count {
            let cut = location == "start" ? Array(encoded.prefix(count)) : Array(encoded.suffix(count))
            #expect(wholeError(array, cut)?.code == .corruptChunk, "\(count) bytes")
            if count % 64 == 0 {
                let parts = try await partsError(array, cut)
                #expect(parts?.code == .corruptChunk, "\(count) bytes")
                let unsized = try await partsError(array, cut, saysSize: false)
                #expect(unsized?.code == (location == "start" ? .corruptChunk : .unsupported), "\(count) bytes")
            }
        }
        let indexStart = location == "start" ? 0 : encoded.count - 132
        for byte in stride(from: 0, to: 132, by: 7) {
            var damaged = encoded
            damaged[indexStart + byte] ^= 0x10
            let error = try #require(wholeError(array, damaged))
            #expect(error.code == .corruptChunk)
            #expect(error.cause?.code == .checksum)
        }
    }

    @Test func namesDamagedInnerChunks() throws {
        let array = try metadata(innerCodecs: [
            ["name": "bytes", "configuration": ["endian": "little"]], ["name": "crc32c"],
        ])
        var encoded = try shard([6, 1]) { $0 + checksum($0) }
        #expect(try decoded(encoded, array) == whole([6, 1]))
        encoded[3] ^= 1
        let error = try #require(wholeError(array, encoded))
        #expect(error.path == "a/c/0/0/0#1/2/0")
        #expect(error.cause?.code == .checksum)
    }

    // MARK: Metadata

    @Test func acceptsShardsThatAreReadInPartsOfAnySize() throws {
        let text = zarrV3([
            "shape": [16384, 16384, 16384],
            "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": [8192, 8192, 8192]]],
            "codecs": [
                [
                    "name": "sharding_indexed",
                    "configuration": [
                        "chunk_shape": [64, 64, 64],
                        "codecs": [["name": "bytes", "configuration": ["endian": "little"]], "gzip"],
                        "index_codecs": [["name": "bytes", "configuration": ["endian": "little"]], "crc32c"],
                    ],
                ]
            ],
        ])
        let array = try ArrayMetadata(zarrV3: text, path: "a/zarr.json")
        #expect(array.chunkByteCount == 1 << 40)
        #expect(array.maximumEncodedByteCount > 1 << 40)
        let grid = try #require(array.shardGrid)
        #expect(grid.count == 1 << 21)
        #expect(grid.maximumEncodedByteCount < 1 << 20)
        let error = try #require(wholeError(array, []))
        #expect(error.code == .tooLarge)
    }

    @Test(
        arguments: [
            ("chunk_shape", [3, 2, 8], .badMetadata), ("chunk_shape", [4, 2], .badMetadata),
            ("chunk_shape", [4, 2, 0], .badMetadata), ("chunk_shape", nil, .badMetadata),
            ("chunk_shape", [16, 8, 8], .badMetadata), ("codecs", [], .badMetadata), ("codecs", nil, .badMetadata),
            ("index_codecs", nil, .badMetadata), ("index_codecs", [], .badMetadata),
            ("index_codecs", ["bytes"], .badMetadata),
            (
                "index_codecs", [["name": "bytes", "configuration": ["endian": "little"]], ["name": "gzip"]],
                .unsupported
            ),
            ("index_location", "middle", .badMetadata), ("index_location", 3, .badMetadata),
        ] as [(String, JSONValue?, VolumeError.Code)])
    func refusesConfigurations(member: String, value: JSONValue?, code: VolumeError.Code) throws {
        let little: JSONValue = ["name": "bytes", "configuration": ["endian": "little"]]
        var configuration: [String: JSONValue] = [
            "chunk_shape": [4, 2, 8], "codecs": [little], "index_codecs": [little], "index_location": "end",
        ]
        configuration[member] = value
        let codec: JSONValue = ["name": "sharding_indexed", "configuration": .object(configuration)]
        let grid: JSONValue = ["name": "regular", "configuration": ["chunk_shape": [8, 8, 8]]]
        let text = zarrV3(["chunk_grid": grid, "codecs": [codec]])
        let error = #expect(throws: VolumeError.self) { try ArrayMetadata(zarrV3: text, path: "a/zarr.json") }
        #expect(error?.code == code)
        #expect(error?.key?.hasPrefix("codecs[0].configuration.\(member)") == true)
    }

    @Test func refusesTooManyInnerChunksAndTooDeepNesting() throws {
        let little: JSONValue = ["name": "bytes", "configuration": ["endian": "little"]]
        func shards(_ shape: JSONValue, _ inner: JSONValue) -> JSONValue {
            [
                "name": "sharding_indexed",
                "configuration": ["chunk_shape": shape, "codecs": [inner], "index_codecs": [little]],
            ]
        }
        let grid: JSONValue = ["name": "regular", "configuration": ["chunk_shape": [1024, 1024, 1024]]]
        let many = zarrV3(["chunk_grid": grid, "codecs": [shards([1, 1, 1], little)]])
        let error = #expect(throws: VolumeError.self) { try ArrayMetadata(zarrV3: many, path: "k") }
        #expect(error?.code == .tooLarge)
        let deep = (0..<9).reduce(little) { inner, _ in shards([1024, 1024, 1024], inner) }
        let second = #expect(throws: VolumeError.self) {
            try ArrayMetadata(zarrV3: zarrV3(["chunk_grid": grid, "codecs": [deep]]), path: "k")
        }
        #expect(second?.code == .unsupported)
    }
}
