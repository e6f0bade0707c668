import Codecs
import Elements
import JSONText
import Testing
import Volumes

@Suite struct CodecChainTests {
    private func array(
        _ type: String, count: Int, filters: JSONValue? = .some(nil), compressor: JSONValue? = .some(nil)
    ) throws -> ArrayMetadata {
        try metadata([
            "dtype": .string(type), "shape": [.integer(count)], "chunks": [.integer(count)], "filters": filters,
            "compressor": compressor,
        ])
    }

    private func decode<Value: BitwiseCopyable>(
        _ array: ArrayMetadata, _ encoded: [UInt8], as type: Value.Type
    ) throws -> [Value] {
        let chunk = try array.decodeChunk(encoded.span.bytes, key: "0")
        return chunk.withUnsafeBytes { Array($0.bindMemory(to: Value.self)) }
    }

    private func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

    // MARK: Filters. The results are those of numcodecs 0.15 with numpy 2.

    @Test func deltaSumsInTheTypeThatNumpyTakes() throws {
        func delta(_ type: String, _ stored: String) -> JSONValue {
            [["id": "delta", "dtype": .string(type), "astype": .string(stored)]]
        }
        let plain = try array("<i2", count: 4, filters: [["id": "delta", "dtype": "<i2"]])
        #expect(try decode(plain, bytes([100, 2, -5, 30_000] as [Int16]), as: Int16.self) == [100, 102, 97, 30_097])
        let narrow = try array("<i2", count: 3, filters: delta("<i2", "|i1"))
        #expect(try decode(narrow, bytes([100, 100, -1] as [Int8]), as: Int16.self) == [100, 200, 199])
        let wrapped = try array("|u1", count: 2, filters: delta("|u1", "<i2"))
        #expect(try decode(wrapped, bytes([300, 300] as [Int16]), as: UInt8.self) == [44, 88])
        let whole = try array("<i4", count: 4, filters: delta("<i4", "<f4"))
        #expect(try decode(whole, bytes([100.7, -2.5, 1.7, 3.9] as [Float]), as: Int32.self) == [100, 98, 99, 103])
        let half = try array("<f2", count: 4, filters: delta("<f2", "<f4"))
        #expect(try decode(half, bytes([2048, 1, 1, 1] as [Float]), as: Float16.self) == [2048, 2048, 2050, 2052])
        let either = try array("|b1", count: 3, filters: delta("|b1", "|b1"))
        #expect(try decode(either, [0, 1, 0], as: UInt8.self) == [0, 1, 1])
        let swapped = try array(">i4", count: 3, filters: delta(">i4", ">i4"))
        #expect(try decode(swapped, [0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1], as: Int32.self) == [256, 257, 258])
    }

    /// Longer than the blocks that the kernel works in.
    @Test func deltaGoesOnAcrossBlocks() throws {
        let count = 5000
        let array = try array("<u4", count: count, filters: [["id": "delta", "dtype": "<u4", "astype": "|u1"]])
        let decoded = try decode(array, [UInt8](repeating: 3, count: count), as: UInt32.self)
        #expect(decoded == (1...count).map { UInt32(3 * $0) })
    }

    @Test func fixedScaleOffsetDividesAndAdds() throws {
        func filters(_ type: String, _ stored: String) -> JSONValue {
            [
                [
                    "id": "fixedscaleoffset", "offset": 1000, "scale": 10, "dtype": .string(type),
                    "astype": .string(stored),
                ]
            ]
        }
        let double = try array("<f8", count: 3, filters: filters("<f8", "|u1"))
        #expect(try decode(double, [0, 3, 255], as: Double.self) == [1000, 1000.3, 1025.5])
        let single = try array("<f4", count: 2, filters: filters("<f4", "<f4"))
        #expect(try decode(single, bytes([1, 7] as [Float]), as: Float.self) == [0.1 + 1000, 0.7 + 1000])
        let integer = try array("<i2", count: 2, filters: filters("<i2", "<i4"))
        #expect(try decode(integer, bytes([19, -20_009] as [Int32]), as: Int16.self) == [1001, -1000])
    }

    @Test func astypeConvertsAsC() throws {
        func array(_ type: String, _ stored: String, _ count: Int) throws -> ArrayMetadata {
            let filter: JSONValue = [
                "id": "astype", "encode_dtype": .string(stored), "decode_dtype": .string(type),
            ]
            return try self.array(type, count: count, filters: [filter])
        }
        let floats = bytes([-5, 300, 1e10, -1e10, 3e9, 1e19, .nan, .infinity] as [Float])
        #expect(try decode(array("|u1", "<f4", 8), floats, as: UInt8.self) == [251, 44, 0, 0, 0, 0, 0, 0])
        #expect(
            try decode(array("<u4", "<f4", 8), floats, as: UInt32.self)
                == [4_294_967_291, 300, 0, 2_147_483_648, 3_000_000_000, 0, 2_147_483_648, 0])
        #expect(
            try decode(array("<i8", "<f4", 8), floats, as: Int64.self)
                == [-5, 300, 10_000_000_000, -10_000_000_000, 3_000_000_000, .min, .min, .min])
        let large = bytes([UInt64.max, 1 << 63 + 1025] as [UInt64])
        #expect(try decode(array("<f8", "<u8", 2), large, as: Double.self) == [0x1p64, 0x1p63 + 2048])
        #expect(try decode(array("|i1", "<u8", 2), large, as: Int8.self) == [-1, 1])
        #expect(
            try decode(array("<f2", "<i4", 2), bytes([70_000, 2049] as [Int32]), as: Float16.self) == [.infinity, 2048])
    }

    @Test func filtersThatCannotBeUndoneChangeNothing() throws {
        let values = bytes([1.5, -2.25] as [Float])
        for filter: JSONValue in [["id": "bitround", "keepbits": 3], ["id": "quantize", "digits": 1, "dtype": "<f4"]] {
            #expect(try decode(array("<f4", count: 2, filters: [filter]), values, as: Float.self) == [1.5, -2.25])
        }
        let widened: JSONValue = ["id": "quantize", "digits": 1, "dtype": "<f8", "astype": "<f4"]
        #expect(try decode(array("<f8", count: 2, filters: [widened]), values, as: Double.self) == [1.5, -2.25])
    }

    // MARK: Chains

    @Test func undoesManyStages() throws {
        let array = try array(
            "<i2", count: 1000,
            filters: [["id": "delta", "dtype": "<i2"], ["id": "shuffle", "elementsize": 2], ["id": "crc32"]],
            compressor: ["id": "zstd"])
        // The differences are all 7: one plane of sevens, one of zeros.
        let planes = [UInt8](repeating: 7, count: 1000) + [UInt8](repeating: 0, count: 1000)
        let sum = Checksum.crc32(planes.span.bytes)
        let plain = withUnsafeBytes(of: sum.littleEndian) { Array($0) } + planes
        let encoded = try ZstdCodec().encode(plain.span.bytes).array
        #expect(try decode(array, encoded, as: Int16.self) == (1...1000).map { Int16(7 * $0) })
        #expect(array.codecSummary == nil)
        for count in [0, 3, 4, 2003, 2005, 1 << 20] {
            let wrong = [UInt8](plain.prefix(count)) + [UInt8](repeating: 0, count: max(0, count - plain.count))
            let other = try ZstdCodec().encode(wrong.span.bytes).array
            #expect(throws: VolumeError.self, "\(count) bytes") { try decode(array, other, as: Int16.self) }
        }
    }

    @Test func boundsWhatStagesMayHold() throws {
        let array = try array(
            "|u1", count: 1000, filters: [["id": "zlib"], ["id": "crc32"]], compressor: ["id": "zstd"])
        #expect(array.maximumEncodedByteCount < 1 << 18)
        // A compressed stage in the middle that claims 64 MiB is stopped by its bound, not by the chunk's end.
        let bomb = try ZstdCodec().encode([UInt8](repeating: 0, count: 64 << 20).span.bytes).array
        let error = try #require(throws: VolumeError.self) { try decode(array, bomb, as: UInt8.self) }
        #expect(error.cause?.code == .tooLarge)
        #expect((error.cause?.expected ?? .max) < 1 << 18)
    }

    @Test func refusesChainsThatGrowWithoutEnd() throws {
        let widening: JSONValue = ["id": "astype", "encode_dtype": "<f8", "decode_dtype": "|u1"]
        let growing = JSONValue.array([JSONValue](repeating: widening, count: 31))
        #expect(refusal(["dtype": "|u1", "filters": growing])?.code == .tooLarge)
        let many = JSONValue.array([JSONValue](repeating: ["id": "crc32"], count: 32))
        #expect(refusal(["filters": many])?.key == "filters")
    }

    @Test func packsBitsOfBooleans() throws {
        let array = try array("|b1", count: 12, filters: [["id": "packbits"]])
        #expect(try decode(array, [4, 0xA5, 0xF0], as: UInt8.self) == [1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1])
        let chain = CodecChain(arrayToBytes: .packBits)
        let form = ChunkForm(shape: [3, 4], elementType: .bool, fillValue: [0])
        let encoded: [UInt8] = [4, 0xA5, 0xF0]
        #expect(
            try chain.decode(encoded.span.bytes, form: form, key: "c/0/0").array == [
                1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1,
            ])
    }

    @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], [1, 2, 4, 8])
    func transposesInAnyOrder(order: [Int], width: Int) throws {
        let shape = [3, 4, 5]
        let types: [Int: ElementType] = [1: .uint8, 2: .uint16, 4: .uint32, 8: .uint64]
        let type = try #require(types[width])
        func element(_ value: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: value + $0) } }
        var stored: [UInt8] = []
        for first in 0..<shape[order[0]] {
            for second in 0..<shape[order[1]] {
                for third in 0..<shape[order[2]] {
                    var index = [0, 0, 0]
                    index[order[0]] = first
                    index[order[1]] = second
                    index[order[2]] = third
                    stored += element((index[0] * 4 + index[1]) * 5 + index[2])
                }
            }
        }
        let chain = CodecChain(arrayToArray: [.transpose(order: order)])
        let form = ChunkForm(shape: shape, elementType: type, fillValue: element(0))
        #expect(try chain.decode(stored.span.bytes, form: form, key: "c").array == (0..<60).flatMap(element))
    }

    // MARK: What a writer can use

    @Test func summarizesOnlyWhatAWriterCanRepeat() throws {
        #expect(try array("<u2", count: 2).codecSummary == CodecSummary.none)
        #expect(try array("<u2", count: 2, compressor: ["id": "gzip", "level": -1]).codecSummary?.level == -1)
        #expect(try array(">u2", count: 2, compressor: ["id": "gzip"]).codecSummary == nil)
        #expect(try array("|u1", count: 2, compressor: ["id": "zlib"]).codecSummary?.name == "zlib")
        #expect(try array("<u2", count: 2, compressor: ["id": "bz2"]).codecSummary == nil)
        #expect(try array("<u2", count: 2, filters: [["id": "crc32"]], compressor: ["id": "zlib"]).codecSummary == nil)
        #expect(try metadata(["order": "F"]).codecSummary == nil)
    }

    private static let keys: [(ChunkKeyEncoding, [Int], String)] = [
        (ChunkKeyEncoding(separator: "."), [1, 2, 3], "1.2.3"), (ChunkKeyEncoding(separator: "/"), [], "0"),
        (ChunkKeyEncoding(prefix: "c", separator: "/"), [1, 2], "c/1/2"),
        (ChunkKeyEncoding(prefix: "c", separator: "."), [1, 2], "c.1.2"),
        (ChunkKeyEncoding(prefix: "c", separator: "/"), [], "c"),
        (ChunkKeyEncoding(separator: "/", isReversed: true), [1, 2, 3], "3/2/1"),
    ]

    @Test(arguments: keys)
    func namesChunks(encoding: ChunkKeyEncoding, index: [Int], key: String) {
        #expect(encoding.key(index) == key)
    }

    // MARK: Parameters

    private static let refused: [(JSONValue, String)] = [
        (["id": "delta"], "compressor.dtype"), (["id": "delta", "dtype": "|O"], "compressor.dtype"),
        (["id": "delta", "dtype": "<i2", "astype": "<c8"], "compressor.astype"),
        (["id": "fixedscaleoffset", "scale": 1, "dtype": "<f4"], "compressor.offset"),
        (["id": "quantize", "digits": 1, "dtype": "<i4"], "compressor.dtype"),
        (["id": "astype", "encode_dtype": "<i4"], "compressor.decode_dtype"),
        (["id": "crc32", "location": "middle"], "compressor.location"),
        (["id": "jenkins_lookup3", "prefix": "AAAA"], "compressor.prefix"),
        (["id": "lzma", "format": 4], "compressor.format"), (["id": "lzma", "format": 3], "compressor.filters"),
        (["id": "lzma", "format": 3, "filters": [["id": 99]]], "compressor.filters[0].id"),
        (["id": "lzma", "format": 3, "filters": [["id": 3, "dist": 300]]], "compressor.filters[0].dist"),
        (["id": "lzma", "format": 3, "filters": [["id": 33, "preset": 77]]], "compressor.filters[0].preset"),
        (["id": "vlen-utf8"], "compressor.id"), (["id": "json2"], "compressor.id"), (["id": "pickle"], "compressor.id"),
        (["id": "categorize"], "compressor.id"), (["id": "zfpy"], "compressor.id"), (["id": "pcodec"], "compressor.id"),
        (["id": 7], "compressor.id"), ("zlib", "compressor"), ([], "compressor"),
    ]

    @Test(arguments: refused)
    func refusesWhatItCannotDecode(configuration: JSONValue, key: String) throws {
        let error = try #require(refusal(["compressor": configuration]))
        #expect(error.key == key)
        #expect(!error.description.contains("\n"))
        let filter = try #require(refusal(["filters": [configuration]]))
        #expect(filter.key == key.replacing("compressor", with: "filters[0]"))
    }
}
