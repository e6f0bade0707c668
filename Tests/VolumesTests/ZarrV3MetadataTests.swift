import Elements
import JSONText
import Testing
import Volumes

/// A `zarr.json` of a 3-d array of uint16, with some of its members replaced; nil removes a member.
func zarrV3(_ changes: KeyValuePairs<String, JSONValue?> = [:]) -> [UInt8] {
    var members: [String: JSONValue] = [
        "zarr_format": 3, "node_type": "array", "shape": [10, 20, 30], "data_type": "uint16",
        "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": [4, 8, 8]]],
        "chunk_key_encoding": ["name": "default", "configuration": ["separator": "/"]],
        "fill_value": 0, "codecs": [["name": "bytes", "configuration": ["endian": "little"]]],
    ]
    for (key, value) in changes { members[key] = value }
    return Array(JSONValue.object(members).canonicalText.utf8)
}

private func readArray(_ changes: KeyValuePairs<String, JSONValue?> = [:]) throws(VolumeError) -> ArrayMetadata {
    try ArrayMetadata(zarrV3: zarrV3(changes), path: "a/zarr.json")
}

private func arrayRefusal(_ changes: KeyValuePairs<String, JSONValue?>) -> VolumeError? {
    do {
        _ = try readArray(changes)
        return nil
    } catch {
        return error
    }
}

@Suite struct ZarrV3MetadataTests {
    @Test func readsAnArray() throws {
        let array = try readArray()
        #expect(array.format == .zarrV3)
        #expect(array.shape == [10, 20, 30])
        #expect(array.chunkShape == [4, 8, 8])
        #expect(array.innerChunkShape == [4, 8, 8])
        #expect(array.elementType == .uint16)
        #expect(array.fillValue == [0, 0])
        #expect(!array.fillIsUndefined)
        #expect(array.codecSummary == CodecSummary.none)
        #expect(array.chunkKey([1, 2, 3]) == "c/1/2/3")
    }

    @Test(arguments: [
        ("default", "/", "c/1/2/3"), ("default", ".", "c.1.2.3"), ("v2", "/", "1/2/3"), ("v2", ".", "1.2.3"),
        ("default", nil, "c/1/2/3"), ("v2", nil, "1.2.3"),
    ])
    func namesChunks(encoding: String, separator: String?, key: String) throws {
        var value: [String: JSONValue] = ["name": .string(encoding)]
        if let separator { value["configuration"] = ["separator": .string(separator)] }
        #expect(try readArray(["chunk_key_encoding": .object(value)]).chunkKey([1, 2, 3]) == key)
        if separator == nil {
            #expect(try readArray(["chunk_key_encoding": .string(encoding)]).chunkKey([1, 2, 3]) == key)
        }
        let scalar = try readArray([
            "chunk_key_encoding": .object(value), "shape": [],
            "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": []]],
        ])
        #expect(scalar.chunkKey([]) == (encoding == "v2" ? "0" : "c"))
        #expect(scalar.chunkGridShape == [])
        #expect(scalar.chunkByteCount == 2)
    }

    @Test(
        arguments: [
            ("bool", true, [1]), ("bool", false, [0]), ("uint8", 255, [255]), ("int8", -1, [255]),
            ("uint16", 258, [2, 1]), ("int64", 9_007_199_254_740_993, [1, 0, 0, 0, 0, 0, 32, 0]),
            ("uint64", .unsigned(.max), [255, 255, 255, 255, 255, 255, 255, 255]),
            ("float16", "NaN", [0, 0x7E]), ("float16", 1, [0, 0x3C]), ("float16", "0x7e01", [1, 0x7E]),
            ("float32", "NaN", [0, 0, 0xC0, 0x7F]), ("float32", "Infinity", [0, 0, 0x80, 0x7F]),
            ("float32", "-Infinity", [0, 0, 0x80, 0xFF]), ("float32", "0x7fc00001", [1, 0, 0xC0, 0x7F]),
            ("float64", 0.5, [0, 0, 0, 0, 0, 0, 0xE0, 0x3F]),
            ("float64", "0x3fe0000000000000", [0, 0, 0, 0, 0, 0, 0xE0, 0x3F]),
        ] as [(String, JSONValue, [UInt8])])
    func readsFillValues(type: String, value: JSONValue, bytes: [UInt8]) throws {
        let array = try readArray(["data_type": .string(type), "fill_value": value])
        #expect(array.fillValue == bytes)
        #expect(array.elementType.rawValue == type)
    }

    @Test(
        arguments: [
            ("uint8", 256), ("uint8", -1), ("uint8", 1.5), ("uint64", -1), ("int16", "0x0001"), ("bool", "x"),
            ("float32", "0x7fc0"), ("float32", "0x+fc00001"), ("float32", "0xnonsense"), ("float32", "x"),
            ("float32", [1, 2]), ("float64", nil), ("uint16", "NaN"),
        ] as [(String, JSONValue)])
    func refusesFillValuesOfOtherTypes(type: String, value: JSONValue) throws {
        let error = try #require(arrayRefusal(["data_type": .string(type), "fill_value": value]))
        #expect(error.code == .badMetadata)
        #expect(error.key == "fill_value")
    }

    @Test(
        arguments: [
            ("zarr_format", 2, .unsupported),
            ("zarr_format", "https://purl.org/zarr/spec/protocol/core/3.0", .unsupported),
            ("zarr_format", nil, .badMetadata), ("node_type", nil, .badMetadata),
            ("node_type", "table", .badMetadata), ("shape", nil, .badMetadata),
            ("shape", [10, 20, -1], .badMetadata), ("shape", [10, 20, 1.5], .badMetadata), ("shape", 3, .badMetadata),
            ("shape", .array([JSONValue](repeating: 1, count: 33)), .unsupported),
            ("shape", [4_611_686_018_427_387_904, 4, 4], .tooLarge), ("data_type", nil, .badMetadata),
            ("data_type", "complex64", .unsupported), ("data_type", "string", .unsupported),
            ("data_type", "r16", .unsupported), ("data_type", ["name": "numpy.datetime64"], .unsupported),
            ("data_type", "bfloat16", .unsupported), ("data_type", 3, .badMetadata), ("chunk_grid", nil, .badMetadata),
            ("chunk_grid", ["name": "rectangular", "configuration": ["chunk_shape": [4, 8, 8]]], .unsupported),
            ("chunk_grid", ["name": "regular"], .badMetadata), ("chunk_grid", "regular", .badMetadata),
            ("chunk_grid", ["name": "regular", "configuration": ["chunk_shape": [4, 8]]], .badMetadata),
            ("chunk_grid", ["name": "regular", "configuration": ["chunk_shape": [4, 0, 8]]], .badMetadata),
            (
                "chunk_grid", ["name": "regular", "configuration": ["chunk_shape": [65536, 65536, 8]]], .tooLarge
            ),
            ("chunk_key_encoding", nil, .badMetadata), ("chunk_key_encoding", ["name": "hex"], .unsupported),
            ("chunk_key_encoding", ["name": "default", "configuration": ["separator": "-"]], .badMetadata),
            ("chunk_key_encoding", ["name": "default", "configuration": "/"], .badMetadata),
            ("codecs", nil, .badMetadata), ("codecs", [], .badMetadata), ("codecs", "bytes", .badMetadata),
            ("codecs", ["bytes"], .badMetadata), ("codecs", [3], .badMetadata), ("codecs", [["name": 3]], .badMetadata),
            ("codecs", [["name": "gzip"]], .badMetadata), ("storage_transformers", [["name": "x"]], .unsupported),
            ("storage_transformers", "x", .badMetadata), ("attributes", 3, .badMetadata),
            ("dimension_names", ["z", "y"], .badMetadata), ("dimension_names", ["z", "y", 3], .badMetadata),
            ("new_member", 3, .unsupported), ("new_member", ["must_understand": true], .unsupported),
            ("new_member", ["name": "x"], .unsupported),
        ] as [(String, JSONValue?, VolumeError.Code)])
    func refuses(member: String, value: JSONValue?, code: VolumeError.Code) throws {
        let error = try #require(arrayRefusal([member: value]))
        #expect(error.code == code)
        #expect(error.key?.hasPrefix(member) == true)
        #expect(error.description.hasPrefix("a/zarr.json: \(member)"))
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 32 })
    }

    @Test func refusesGroupsAndOtherRanks() throws {
        let text = Array(#"{"zarr_format":3,"node_type":"group"}"#.utf8)
        let error = #expect(throws: VolumeError.self) { try ArrayMetadata(zarrV3: text, path: "a/zarr.json") }
        #expect(error?.code == .notAnArray)
        #expect(error?.key == "node_type")
        let flat = try #require(arrayRefusal(["shape": [10, 20]]))
        #expect(flat.code == .badMetadata)
        #expect(flat.key == "chunk_grid.configuration.chunk_shape")
    }

    /// zarr-python has written chunk lengths of 0 for axes of length 0.
    @Test func readsEmptyChunksOfEmptyAxes() throws {
        let grid: JSONValue = ["name": "regular", "configuration": ["chunk_shape": [4, 0, 8]]]
        let array = try readArray(["shape": [10, 0, 30], "chunk_grid": grid])
        #expect(array.chunkShape == [4, 1, 8])
        #expect(array.chunkGridShape == [3, 0, 4])
    }

    @Test(
        arguments: [
            ("storage_transformers", []), ("storage_transformers", nil), ("attributes", [:]), ("attributes", nil),
            ("dimension_names", nil), ("dimension_names", ["z", nil, "x"]), ("consolidated_metadata", nil),
            ("new_member", ["must_understand": false, "name": "x"]), ("zarr_format", 3.0),
            ("data_type", ["name": "uint16"]), ("data_type", ["name": "uint16", "configuration": [:]]),
        ] as [(String, JSONValue)])
    func accepts(member: String, value: JSONValue) throws {
        #expect(try readArray([member: value]) == readArray())
    }

    @Test(arguments: [[0, 20, 30], [0, 0, 0], [10, 20, 0]])
    func readsEmptyArrays(shape: [Int]) throws {
        let array = try readArray(["shape": .array(shape.map { .integer($0) })])
        #expect(array.shape == shape)
        #expect(array.chunkGridShape.contains(0))
    }

    @Test(arguments: ["", "[]", "null", "{", "{\"zarr_format\": 3}", "3", "\u{0}"])
    func refusesOtherTexts(text: String) {
        #expect(throws: VolumeError.self) { try ArrayMetadata(zarrV3: Array(text.utf8), path: "a/zarr.json") }
        #expect(throws: VolumeError.self) { try ZarrV3Node(Array(text.utf8), path: "a/zarr.json") }
    }

    @Test func readsNodes() throws {
        let group = try ZarrV3Node(
            Array(#"{"zarr_format":3,"node_type":"group","attributes":{"a":1},"consolidated_metadata":null}"#.utf8),
            path: "zarr.json")
        #expect(group.kind == .group)
        #expect(group.attributes == ["a": 1])
        let array = try ZarrV3Node(zarrV3(), path: "a/zarr.json")
        #expect(array.kind == .array)
        #expect(array.attributes == [:])
    }

    /// What zarrita wrote at the top of its stores in 2020.
    @Test func refusesTheFirstDraft() {
        let text = #"""
            {"extensions": [], "metadata_encoding": "https://purl.org/zarr/spec/protocol/core/3.0",
            "metadata_key_suffix": ".json", "zarr_format": "https://purl.org/zarr/spec/protocol/core/3.0"}
            """#
        let error = #expect(throws: VolumeError.self) { try ZarrV3Node(Array(text.utf8), path: "zarr.json") }
        #expect(error?.code == .unsupported)
        #expect(error?.key == "zarr_format")
    }
}
