import Codecs
import Elements
import JSONText
import Testing
import Volumes

/// A `.zarray` of nacc-2's kind with some members replaced; nil removes a member.
func zarray(_ changes: KeyValuePairs<String, JSONValue?> = [:]) -> [UInt8] {
    var members: [String: JSONValue] = [
        "zarr_format": 2, "shape": [564, 2520, 2596], "chunks": [64, 64, 64], "dtype": "<i2", "order": "C",
        "fill_value": 0, "filters": nil, "compressor": ["id": "zstd", "level": 1], "dimension_separator": "/",
    ]
    for (key, value) in changes { members[key] = value }
    return Array(JSONValue.object(members).canonicalText.utf8)
}

func metadata(_ changes: KeyValuePairs<String, JSONValue?> = [:]) throws -> ArrayMetadata {
    try ArrayMetadata(zarrV2: zarray(changes), path: "a/.zarray")
}

/// What is thrown for a `.zarray`; nil where it is accepted.
func refusal(_ changes: KeyValuePairs<String, JSONValue?>) -> VolumeError? {
    refusal(zarray(changes))
}

func refusal(_ text: [UInt8]) -> VolumeError? {
    do {
        _ = try ArrayMetadata(zarrV2: text, path: "a/.zarray")
        return nil
    } catch {
        return error
    }
}

@Suite struct ArrayMetadataTests {
    @Test func readsAnOrdinaryArray() throws {
        let array = try metadata()
        #expect(array.format == .zarrV2)
        #expect(array.shape == [564, 2520, 2596])
        #expect(array.chunkShape == [64, 64, 64])
        #expect(array.chunkGridShape == [9, 40, 41])
        #expect(array.elementType == .int16)
        #expect(array.fillValue == [0, 0])
        #expect(!array.fillIsUndefined)
        #expect(array.chunkByteCount == 524_288)
        #expect(array.maximumEncodedByteCount > array.chunkByteCount)
        #expect(array.codecSummary == CodecSummary(name: "zstd", level: 1))
        #expect(array.chunkKey([8, 0, 40]) == "8/0/40")
    }

    @Test func aMissingSeparatorIsADot() throws {
        #expect(try metadata(["dimension_separator": .some(nil)]).chunkKey([1, 2, 3]) == "1.2.3")
        #expect(try metadata(["dimension_separator": "."]).chunkKey([1, 2, 3]) == "1.2.3")
        #expect(refusal(["dimension_separator": "-"])?.key == "dimension_separator")
    }

    @Test func acceptsOneAndManyAxesAndEmptyOnes() throws {
        #expect(try metadata(["shape": [5], "chunks": [100]]).chunkKey([0]) == "0")
        let many = JSONValue.array([JSONValue](repeating: 1, count: 32))
        #expect(try metadata(["shape": many, "chunks": many]).rank == 32)
        let empty = try metadata(["shape": [0, 5, 5], "chunks": [2, 2, 2]])
        #expect(empty.chunkGridShape == [0, 3, 3])
    }

    @Test func acceptsNoAxesAtAll() throws {
        let array = try metadata(["shape": [], "chunks": [], "compressor": .some(nil)])
        #expect(array.rank == 0)
        #expect(array.chunkGridShape == [])
        #expect(array.chunkByteCount == 2)
        #expect(array.chunkKey([]) == "0")
        let encoded: [UInt8] = [3, 4]
        #expect(try array.decodeChunk(encoded.span.bytes, key: "0").array == encoded)
        #expect(refusal(["shape": []])?.key == "chunks")
    }

    @Test func ignoresUnknownKeysOfCodecs() throws {
        let array = try metadata(["compressor": ["id": "zstd", "level": 6, "checksum": true, "extra": [1]]])
        #expect(array.codecSummary == CodecSummary(name: "zstd", level: 6, checksum: true))
    }

    @Test func keepsTheParametersOfBlosc() throws {
        let array = try metadata([
            "compressor": ["id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 2, "blocksize": 256]
        ])
        #expect(
            array.codecSummary
                == CodecSummary(
                    name: "blosc", level: 3,
                    blosc: CodecSummary.Blosc(compressor: "zstd", shuffle: 2, blockSize: 256)))
        let codec = try #require(array.codecSummary?.makeCodec(elementByteCount: 2))
        #expect(codec.name == "blosc")
        #expect(refusal(["compressor": ["id": "blosc", "cname": "brotli"]])?.key == "compressor.cname")
        #expect(refusal(["compressor": ["id": "blosc", "shuffle": 7]])?.key == "compressor.shuffle")
    }

    @Test(arguments: ["none", "gzip", "zlib", "zstd"])
    func everySummaryHasItsCodec(name: String) throws {
        #expect(CodecSummary(name: name, level: 3).makeCodec(elementByteCount: 4)?.name == name)
        #expect(CodecSummary(name: "\(name)x").makeCodec(elementByteCount: 4) == nil)
    }

    @Test(arguments: [JSONValue?.none, .some(nil), .some([])])
    func acceptsMissingFilters(filters: JSONValue?) throws {
        #expect(try metadata(["filters": filters]).rank == 3)
    }

    @Test(arguments: [
        ("|u1", ElementType.uint8), ("<u1", .uint8), ("|i1", .int8), ("<u2", .uint16), (">u2", .uint16),
        ("<i4", .int32), (">u8", .uint64), ("<i8", .int64), ("<f4", .float32), (">f8", .float64),
        ("|b1", .bool), ("<f2", .float16), (">f2", .float16),
    ])
    func readsDataTypes(name: String, type: ElementType) throws {
        #expect(try metadata(["dtype": .string(name)]).elementType == type)
    }

    @Test(arguments: [
        ("|u2", VolumeError.Code.badMetadata), ("u2", .unsupported), ("", .unsupported), ("<u3", .unsupported),
        ("|b2", .unsupported), ("<f3", .unsupported), ("|S7", .unsupported), ("<U4", .unsupported),
        ("|O", .unsupported), ("<c8", .unsupported), ("=u2", .badMetadata), ("<M8[ns]", .unsupported),
    ])
    func refusesOtherDataTypes(name: String, code: VolumeError.Code) throws {
        let error = try #require(refusal(["dtype": .string(name)]))
        #expect(error.code == code)
        #expect(error.key == "dtype")
    }

    @Test func refusesOtherCodecsAndFiltersInOneSentence() throws {
        let codec = try #require(refusal(["compressor": ["id": "zfpy", "mode": 4]]))
        #expect(
            codec.description
                == "a/.zarray: compressor.id: codec \"zfpy\" is not supported (supported: blosc, bz2, gzip, lz4, lzma, "
                + "zlib, zstd, astype, base64, bitround, delta, fixedscaleoffset, packbits, quantize, shuffle, adler32, "
                + "crc32, crc32c, fletcher32, jenkins_lookup3)")
        let filters: JSONValue = [["id": "delta", "dtype": "<i2"], ["id": "vlen-utf8"]]
        let filter = try #require(refusal(["filters": filters]))
        #expect(filter.code == .unsupported)
        #expect(filter.key == "filters[1].id")
    }

    /// netCDF writes an element size of 0 beside elements that it has shuffled; numcodecs writes it for "not shuffled".
    @Test func refusesToShuffleElementsOfUnknownSize() throws {
        let shuffle: JSONValue = [["id": "shuffle", "elementsize": 0]]
        let error = try #require(refusal(["dtype": "<i2", "filters": shuffle]))
        #expect(error.code == .unsupported)
        #expect(error.key == "filters[0].elementsize")
        #expect(try metadata(["dtype": "|u1", "filters": shuffle]).elementType == .uint8)
        let inWords: JSONValue = [["id": "shuffle", "elementsize": 2]]
        #expect(try metadata(["dtype": "<i2", "filters": inWords]).elementType == .int16)
    }

    private static let badMembers: [(String, JSONValue?, VolumeError.Code)] = [
        ("zarr_format", 3, .unsupported),
        ("zarr_format", .none, .badMetadata), ("zarr_format", "2", .unsupported),
        ("shape", .none, .badMetadata), ("shape", .some(nil), .badMetadata),
        ("shape", [1.5, 2, 3], .badMetadata), ("shape", [-1, 2, 3], .badMetadata),
        ("shape", ["1", 2, 3], .badMetadata),
        ("shape", [4_611_686_018_427_387_905, 2, 3], .tooLarge), ("shape", [18_446_744, 1e300, 3], .badMetadata),
        ("shape", [4_000_000_000, 4_000_000_000, 4_000_000_000], .tooLarge),
        ("shape", .array([JSONValue](repeating: 1, count: 33)), .unsupported),
        ("chunks", .none, .badMetadata), ("chunks", [0, 1, 1], .badMetadata), ("chunks", [1, 1], .badMetadata),
        ("chunks", [1, 1, 1, 1], .badMetadata), ("chunks", [-64, -64, 64], .badMetadata),
        ("chunks", [4096, 4096, 129], .tooLarge), ("chunks", [2_147_483_648, 2_147_483_648, 4], .tooLarge),
        ("chunks", [4_611_686_018_427_387_904, 1, 1], .tooLarge),
        ("order", .none, .badMetadata), ("order", "A", .badMetadata), ("dtype", .none, .badMetadata),
        ("dtype", [["a", "<u2"]], .unsupported), ("compressor", "zstd", .badMetadata),
        ("compressor", .object([:]), .badMetadata),
        ("compressor", ["id": "zstd", "level": "3"], .badMetadata), ("filters", "delta", .badMetadata),
    ]

    @Test(arguments: badMembers)
    func refusesBadMembers(key: String, value: JSONValue?, code: VolumeError.Code) throws {
        let error = try #require(refusal([key: value]))
        #expect(error.code == code)
        #expect(error.key?.hasPrefix(key) == true)
        #expect(!error.description.contains("\n"))
    }

    @Test func refusesBloscChunksThatBloscCannotHold() throws {
        #expect(try metadata(["chunks": [2048, 1024, 1024]]).chunkByteCount == 1 << 32)
        let error = try #require(refusal(["chunks": [1024, 1024, 1024], "compressor": ["id": "blosc"]]))
        #expect(error.code == .tooLarge)
    }

    @Test(arguments: ["", "null", "[]", "3", "{", "{}", "{\"zarr_format\":", "\u{0}"])
    func refusesOtherTexts(text: String) throws {
        let error = try #require(refusal(Array(text.utf8)))
        #expect(error.code == .notAnArray || error.code == .badMetadata)
        #expect(error.path == "a/.zarray")
        #expect(!error.description.contains("\n"))
    }

    @Test func survivesDeepNestingAndRandomBytes() throws {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 200_000)
        #expect(refusal(deep) != nil)
        let valid = zarray()
        var state: UInt64 = 7
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var text = valid
            text[Int(state >> 33) % text.count] = UInt8(truncatingIfNeeded: state >> 20)
            if let error = refusal(text) { #expect(!error.description.contains("\n")) }
        }
    }

    @Test func messagesHaveNoControlCharacters() throws {
        let error = try #require(refusal(["dtype": "\u{1B}[31m\nevil\r", "order": "C"]))
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 32 })
    }
}
