import Codecs
import Elements
import JSONText
import Testing
import Volumes

private let little: JSONValue = ["name": "bytes", "configuration": ["endian": "little"]]

private func read(_ codecs: JSONValue, type: String = "uint16") throws(VolumeError) -> ArrayMetadata {
    try ArrayMetadata(
        zarrV3: zarrV3(["codecs": codecs, "data_type": .string(type), "fill_value": type == "bool" ? false : 0]),
        path: "a/zarr.json")
}

private func refusal(_ codecs: JSONValue, type: String = "uint16") -> VolumeError? {
    do {
        _ = try read(codecs, type: type)
        return nil
    } catch {
        return error
    }
}

private func blosc(_ configuration: JSONValue) -> JSONValue {
    [little, ["name": "blosc", "configuration": configuration]]
}

@Suite struct ZarrV3CodecTests {
    private static let zstd = CodecSummary(name: "zstd", level: -5, checksum: true)
    private static let bloscZstd = CodecSummary(
        name: "blosc", level: 4, blosc: CodecSummary.Blosc(compressor: "zstd", shuffle: 2, blockSize: 64))
    private static let bloscLZ4 = CodecSummary(
        name: "blosc", level: 5, blosc: CodecSummary.Blosc(compressor: "lz4", shuffle: 0, blockSize: 0))
    private static let bloscZlib = CodecSummary(
        name: "blosc", level: 3, blosc: CodecSummary.Blosc(compressor: "zlib", shuffle: 1, blockSize: 0))

    private static let summaries: [(JSONValue, CodecSummary?)] = [
        ([little], CodecSummary.none),
        ([little, "gzip"], CodecSummary(name: "gzip", level: 1)),
        ([little, ["name": "gzip", "configuration": ["level": 6]]], CodecSummary(name: "gzip", level: 6)),
        ([little, ["name": "zstd", "configuration": ["level": 3]]], CodecSummary(name: "zstd", level: 3)),
        ([little, ["name": "zstd", "configuration": ["level": -5, "checksum": true]]], zstd),
        (
            blosc(["cname": "zstd", "clevel": 4, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 64]),
            bloscZstd
        ),
        (blosc(["cname": "lz4", "clevel": 5, "shuffle": "noshuffle", "blocksize": 0]), bloscLZ4),
        (
            [little, ["name": "numcodecs.blosc", "configuration": ["cname": "zlib", "clevel": 3, "shuffle": 1]]],
            bloscZlib
        ),
        ([little, ["name": "numcodecs.zlib", "configuration": ["level": 2]]], CodecSummary(name: "zlib", level: 2)),
        ([["name": "endian", "configuration": ["endian": "little"]]], CodecSummary.none),
        ([little, ["name": "hint", "must_understand": false]], CodecSummary.none),
        ([little, "crc32c"], nil),
        ([["name": "bytes", "configuration": ["endian": "big"]]], nil),
    ]

    @Test(arguments: summaries)
    func readsCodecs(codecs: JSONValue, summary: CodecSummary?) throws {
        #expect(try read(codecs).codecSummary == summary)
    }

    @Test func bytesOfOneNeedNoOrder() throws {
        for codec in ["bytes", ["name": "bytes"], ["name": "bytes", "configuration": [:]]] as [JSONValue] {
            #expect(try read([codec], type: "uint8").codecSummary == CodecSummary.none)
            #expect(try read([codec], type: "bool").codecSummary == CodecSummary.none)
            #expect(refusal([codec])?.key == "codecs[0].configuration.endian")
        }
        #expect(refusal([["name": "bytes", "configuration": ["endian": "middle"]]])?.code == .badMetadata)
    }

    @Test(
        arguments: [
            ([2, 0, 1], [2, 0, 1]), ([0, 1, 2], [0, 1, 2]), ("C", [0, 1, 2]), ("F", [2, 1, 0]),
        ] as [(JSONValue, [Int])])
    func readsTranspositions(order: JSONValue, axes: [Int]) throws {
        let array = try read([["name": "transpose", "configuration": ["order": order]], little])
        #expect(array.codecs.arrayToArray == [.transpose(order: axes)])
    }

    @Test(
        arguments: [
            ([["name": "transpose", "configuration": ["order": [0, 1]]], little], "codecs[0].configuration.order"),
            (
                [["name": "transpose", "configuration": ["order": [0, 1, 1]]], little], "codecs[0].configuration.order"
            ),
            (
                [["name": "transpose", "configuration": ["order": [0, 1, 3]]], little], "codecs[0].configuration.order"
            ),
            (
                [["name": "transpose", "configuration": ["order": [0, 1, -1]]], little], "codecs[0].configuration.order"
            ),
            ([["name": "transpose", "configuration": ["order": "A"]], little], "codecs[0].configuration.order"),
            (["transpose", little], "codecs[0].configuration.order"),
            ([little, ["name": "transpose", "configuration": ["order": [0, 1, 2]]]], "codecs[1]"),
            ([little, little], "codecs[1]"), (["gzip", little], "codecs[0]"),
            (["numcodecs.packbits", little], "codecs[0]"), ([little, "numcodecs.delta"], "codecs[1]"),
            (
                [["name": "numcodecs.delta", "configuration": ["dtype": "<i4"]], little],
                "codecs[0].configuration.dtype"
            ),
            (
                [["name": "numcodecs.delta", "configuration": ["dtype": "U7"]], little], "codecs[0].configuration.dtype"
            ),
            ([["name": "numcodecs.pcodec"]], "codecs[0].name"), ([["name": "numcodecs.zfpy"]], "codecs[0].name"),
            ([["name": "vlen-utf8"]], "codecs[0].name"), ([little, "nonsense"], "codecs[1].name"),
            ([little, ["name": "nonsense", "must_understand": true]], "codecs[1].name"),
            (blosc(["cname": "lz5"]), "codecs[1].configuration.cname"),
            (blosc(["shuffle": "some"]), "codecs[1].configuration.shuffle"),
            (blosc(["blocksize": -1]), "codecs[1].configuration.blocksize"),
            ([little, ["name": "gzip", "configuration": ["level": "x"]]], "codecs[1].configuration.level"),
            ([little, ["name": "gzip", "configuration": 3]], "codecs[1].configuration"), ([little, nil], "codecs[1]"),
            ([["name": "hint", "must_understand": false]], "codecs"),
            (.array([JSONValue](repeating: little, count: 33)), "codecs"),
        ] as [(JSONValue, String)])
    func refuses(codecs: JSONValue, key: String) throws {
        let error = try #require(refusal(codecs))
        #expect(error.key == key)
        #expect(error.path == "a/zarr.json")
        #expect(!error.description.contains("\n"))
    }

    @Test func packedBooleansCanOnlyBeFollowedByBytes() throws {
        let array = try read(["numcodecs.packbits", "bytes"], type: "bool")
        #expect(array.codecs.arrayToBytes == .packBits)
        let transpose: JSONValue = ["name": "transpose", "configuration": ["order": [0, 1, 2]]]
        #expect(refusal(["numcodecs.packbits", transpose, "bytes"], type: "bool")?.key == "codecs[1]")
        #expect(refusal(["numcodecs.packbits"], type: "bool")?.key == "codecs")
    }

    @Test func checksAllChecksums() throws {
        let names = ["crc32c", "numcodecs.crc32c", "numcodecs.crc32", "numcodecs.adler32", "numcodecs.fletcher32"]
        let zeros = [UInt8](repeating: 0, count: 4 * 8 * 8 * 2 + 4)
        for name in names {
            let array = try read([little, .string(name)])
            var encoded = zeros
            // The right checksum of zeros is 0 for none of these but Fletcher's.
            if name.hasSuffix("fletcher32") { encoded[100] = 1 }
            #expect(throws: VolumeError.self, "\(name)") { try array.decodeChunk(encoded.span.bytes, key: "k") }
        }
    }
}
