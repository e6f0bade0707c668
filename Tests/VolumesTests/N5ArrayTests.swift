import Elements
import JSONText
import Testing
import Volumes

/// The attributes of an array of 3 × 2 × 1 voxels (z, y, x), with some members replaced; nil removes a member.
private func attributes(_ changes: KeyValuePairs<String, JSONValue?> = [:]) -> JSONValue {
    var members: [String: JSONValue] = [
        "dimensions": [1, 2, 3], "blockSize": [1, 2, 3], "dataType": "uint16", "compression": ["type": "raw"],
    ]
    for (key, value) in changes { members[key] = value }
    return .object(members)
}

private func read(_ attributes: JSONValue) throws(VolumeError) -> ArrayMetadata {
    try ArrayMetadata(n5: Array(attributes.canonicalText.utf8), path: "a/attributes.json")
}

private func refusal(_ attributes: JSONValue) -> VolumeError? {
    do {
        _ = try read(attributes)
        return nil
    } catch {
        return error
    }
}

private func decode(_ block: [UInt8], _ metadata: ArrayMetadata) throws(VolumeError) -> [UInt8] {
    try metadata.decodeChunk(block.span.bytes, key: "0/0/0").array
}

private func refusal(_ block: [UInt8], _ metadata: ArrayMetadata) -> VolumeError? {
    do {
        _ = try decode(block, metadata)
        return nil
    } catch {
        return error
    }
}

private func bytes(_ values: [UInt16]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

/// A header with extents x first.
private func header(mode: UInt8 = 0, rank: UInt8? = nil, _ extents: [UInt32], count: UInt32? = nil) -> [UInt8] {
    let words = extents + (count.map { [$0] } ?? [])
    return [0, mode, 0, rank ?? UInt8(extents.count)]
        + words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
}

private func bigEndian(_ values: [UInt16]) -> [UInt8] { values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } }

/// One block of the values 1 to 6 (the specification's example, and rust-n5's in LZ4 frames), as each compression has it.
struct SpecificationBlock: Sendable, CustomTestStringConvertible {
    let compression: JSONValue
    let payload: [UInt8]
    var testDescription: String { compression.canonicalText }

    var block: [UInt8] { header([1, 2, 3]) + payload }
    var metadata: ArrayMetadata { get throws { try read(attributes(["compression": compression])) } }

    static let all = [
        SpecificationBlock(compression: ["type": "raw"], payload: bigEndian([1, 2, 3, 4, 5, 6])),
        SpecificationBlock(
            compression: ["type": "bzip2", "blockSize": 9],
            payload: [
                0x42, 0x5A, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x02, 0x3E, 0x0D, 0xD2, 0x00, 0x00, 0x00,
                0x40, 0x00, 0x7F, 0x00, 0x20, 0x00, 0x31, 0x0C, 0x01, 0x0D, 0x31, 0xA8, 0x73, 0x94, 0x33, 0x7C, 0x5D,
                0xC9, 0x14, 0xE1, 0x42, 0x40, 0x08, 0xF8, 0x37, 0x48,
            ]),
        SpecificationBlock(
            compression: ["type": "gzip", "level": -1],
            payload: [
                0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x63, 0x60, 0x64, 0x60, 0x62, 0x60, 0x66,
                0x60, 0x61, 0x60, 0x65, 0x60, 0x03, 0x00, 0xAA, 0xEA, 0x6D, 0xBF, 0x0C, 0x00, 0x00, 0x00,
            ]),
        SpecificationBlock(
            compression: ["type": "xz", "preset": 6],
            payload: [
                0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0x00, 0x04, 0xE6, 0xD6, 0xB4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16,
                0x00, 0x00, 0x00, 0x74, 0x2F, 0xE5, 0xA3, 0x01, 0x00, 0x0B, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00,
                0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x0D, 0x03, 0x09, 0xCA, 0x34, 0xEC, 0x15, 0xA7, 0x00, 0x01, 0x24,
                0x0C, 0xA6, 0x18, 0xD8, 0xD8, 0x1F, 0xB6, 0xF3, 0x7D, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5A,
            ]),
        SpecificationBlock(
            compression: ["type": "lz4", "blockSize": 65536],
            payload: [
                0x04, 0x22, 0x4D, 0x18, 0x64, 0x40, 0xA7, 0x0C, 0x00, 0x00, 0x80, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03,
                0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x41, 0x37, 0x33, 0x08,
            ]),
        // A bare LZ4 block of literals, and the same behind numcodecs' size.
        SpecificationBlock(compression: ["type": "lz4"], payload: [0xC0] + bigEndian([1, 2, 3, 4, 5, 6])),
        SpecificationBlock(
            compression: ["type": "lz4", "acceleration": 1, "id": "lz4"],
            payload: [12, 0, 0, 0, 0xC0] + bigEndian([1, 2, 3, 4, 5, 6])),
    ]
}

@Suite struct N5ArrayTests {
    @Test(arguments: SpecificationBlock.all)
    func decodesTheBlockOfTheSpecification(_ example: SpecificationBlock) throws {
        let decoded = try decode(example.block, example.metadata)
        #expect(decoded == bytes([1, 2, 3, 4, 5, 6]))
        let type = try #require(example.compression["type"])
        guard ["raw", "bzip2", "gzip", "xz", "lz4"].contains(type) else { return }
        let first = try read(attributes(["compression": nil, "compressionType": type]))
        #expect(try decode(example.block, first) == bytes([1, 2, 3, 4, 5, 6]))
    }

    /// No cut and no changed byte may do more than throw, or give wrong voxels of the right number.
    @Test(arguments: SpecificationBlock.all)
    func survivesDamage(_ example: SpecificationBlock) throws {
        let metadata = try example.metadata
        for count in example.block.indices {
            let cut = Array(example.block.prefix(count))
            // Some streams end with bytes that a reader need not see.
            if let error = refusal(cut, metadata) {
                #expect(error.code == .corruptChunk)
                #expect(!error.description.contains("\n"))
            } else {
                #expect(try decode(cut, metadata) == bytes([1, 2, 3, 4, 5, 6]))
            }
        }
        for place in example.block.indices {
            for change in [1, 0x80, 0xFF] as [UInt8] {
                var block = example.block
                block[place] ^= change
                if refusal(block, metadata) == nil {
                    #expect(try decode(block, metadata).count == 12)
                }
            }
        }
    }

    /// A bare block whose first bytes are what numcodecs would put there: 6 literals, of which three are zero.
    @Test func tellsABareBlockFromASize() throws {
        let metadata = try read(
            attributes(["dimensions": [96], "blockSize": [96], "dataType": "uint8", "compression": ["type": "lz4"]]))
        let literals: [UInt8] = [0, 0, 0, 7, 8, 9]
        // Six literals, a match of 85 bytes (4 + 15 + 66) six bytes back, and five more literals.
        let block: [UInt8] = [0x6F] + literals + [6, 0, 66, 0x50, 1, 2, 3, 4, 5]
        let expected = (0..<91).map { literals[$0 % 6] } + [1, 2, 3, 4, 5]
        #expect(try decode(header([96]) + block, metadata) == expected)
        // With a token of 0x60 the size in front would be 96, the true one.
        let ambiguous: [UInt8] =
            [0x60] + literals + [6, 0] + [0x6F] + literals + [6, 0, 54, 0x70, 1, 2, 3, 4, 5, 6, 7]
        let decoded = try decode(header([96]) + ambiguous, metadata)
        #expect(decoded.count == 96)
        #expect(Array(decoded.prefix(16)) == literals + [0, 0, 0, 7] + literals)
    }

    @Test func reversesTheAxes() throws {
        let metadata = try read(attributes(["dimensions": [100, 40, 7], "blockSize": [64, 32, 4]]))
        #expect(metadata.format == .n5)
        #expect(metadata.shape == [7, 40, 100])
        #expect(metadata.chunkShape == [4, 32, 64])
        #expect(metadata.chunkGridShape == [2, 2, 2])
        #expect(metadata.chunkKey([1, 2, 3]) == "3/2/1")
        #expect(metadata.fillValue == [0, 0])
        #expect(!metadata.fillIsUndefined)
        #expect(try read(attributes(["n5": "4.0.0"])).shape == [3, 2, 1])
        #expect(try read(attributes(["dimensions": [0, 2, 3]])).chunkGridShape == [1, 1, 0])
    }

    /// What one writer cuts another pads; both lie at the start of the chunk.
    @Test func placesCutAndPaddedBlocks() throws {
        let metadata = try read(attributes(["dimensions": [5, 3], "blockSize": [3, 2]]))
        #expect(metadata.chunkShape == [2, 3])
        let cut = header([2, 1]) + bigEndian([1, 2])
        #expect(try decode(cut, metadata) == bytes([1, 2, 0, 0, 0, 0]))
        let narrow = header([2, 2]) + bigEndian([1, 2, 3, 4])
        #expect(try decode(narrow, metadata) == bytes([1, 2, 0, 3, 4, 0]))
        let low = header([3, 1]) + bigEndian([1, 2, 3])
        #expect(try decode(low, metadata) == bytes([1, 2, 3, 0, 0, 0]))
        let padded = header([3, 2]) + bigEndian([1, 2, 0, 0, 0, 0])
        #expect(try decode(padded, metadata) == bytes([1, 2, 0, 0, 0, 0]))
        let counted = header(mode: 1, [2, 1], count: 2) + bigEndian([1, 2])
        #expect(try decode(counted, metadata) == bytes([1, 2, 0, 0, 0, 0]))

        let cube = try read(attributes(["dimensions": [9, 9, 9], "blockSize": [2, 3, 2]]))
        let corner = header([1, 2, 2]) + bigEndian([1, 2, 3, 4])
        #expect(try decode(corner, cube) == bytes([1, 0, 2, 0, 0, 0, 3, 0, 4, 0, 0, 0]))
    }

    struct HostileBlock: CustomTestStringConvertible {
        let name: String
        let block: [UInt8]
        var code = VolumeError.Code.corruptChunk
        let numbers: [String]
        var testDescription: String { name }
    }

    @Test(arguments: [
        HostileBlock(name: "empty", block: [], numbers: ["4 bytes", "found 0"]),
        HostileBlock(name: "three bytes", block: [0, 0, 0], numbers: ["found 3"]),
        HostileBlock(name: "no extents", block: [0, 0, 0, 3], numbers: ["16 bytes", "found 4"]),
        HostileBlock(
            name: "no count", block: header(mode: 1, [1, 2, 3]), numbers: ["20 bytes", "found 16"]),
        HostileBlock(
            name: "objects", block: [0, 2, 0, 0, 0, 6], code: .unsupported, numbers: ["mode 2"]),
        HostileBlock(name: "mode", block: header(mode: 9, [1, 2, 3]), numbers: ["found 9"]),
        HostileBlock(name: "two axes", block: header([1, 2]), numbers: ["3 axes", "found 2"]),
        HostileBlock(name: "no axes", block: header([]), numbers: ["3 axes", "found 0"]),
        HostileBlock(name: "rank", block: header(rank: 200, [1, 2, 3]), numbers: ["3 axes", "found 200"]),
        HostileBlock(
            name: "zero", block: header([1, 0, 3]), numbers: ["[1, 2, 3]", "found [1, 0, 3]"]),
        HostileBlock(
            name: "larger", block: header([1, 2, 4]) + bigEndian([1, 2, 3, 4, 5, 6, 7, 8]),
            numbers: ["[1, 2, 3]", "found [1, 2, 4]"]),
        HostileBlock(
            name: "huge", block: header([.max, .max, .max]), numbers: ["found [4294967295, 4294967295, 4294967295]"]),
        HostileBlock(
            name: "count", block: header(mode: 1, [1, 2, 3], count: 7) + bigEndian([1, 2, 3, 4, 5, 6, 7]),
            numbers: ["expected 6", "found 7"]),
        HostileBlock(
            name: "huge count", block: header(mode: 1, [1, 2, 3], count: .max), numbers: ["found 4294967295"]),
        HostileBlock(name: "no payload", block: header([1, 2, 3]), numbers: ["expected 12", "decoded to 0"]),
        HostileBlock(
            name: "short payload", block: header([1, 2, 3]) + [0, 1], numbers: ["expected 12", "decoded to 2"]),
        HostileBlock(
            name: "long payload", block: header([1, 2, 3]) + bigEndian([1, 2, 3, 4, 5, 6, 7]),
            numbers: ["14 bytes", "12"]),
        HostileBlock(
            name: "full payload of a cut block", block: header([1, 2, 2]) + bigEndian([1, 2, 3, 4, 5, 6]),
            numbers: ["12 bytes", "8"]),
    ])
    func refuses(_ hostile: HostileBlock) throws {
        let error = try #require(refusal(hostile.block, try read(attributes())))
        #expect(error.code == hostile.code)
        #expect(error.path == "0/0/0")
        for number in hostile.numbers { #expect(error.description.contains(number), "\(error)") }
        #expect(!error.description.contains("\n"))
    }

    struct HostileAttributes: CustomTestStringConvertible {
        let attributes: JSONValue
        let code: VolumeError.Code
        let key: String?
        var testDescription: String { attributes.canonicalText }
    }

    @Test(arguments: [
        HostileAttributes(attributes: "text", code: .notAnArray, key: nil),
        HostileAttributes(attributes: ["n5": "2.0.0"], code: .notAnArray, key: "dimensions"),
        HostileAttributes(attributes: attributes(["dimensions": "big"]), code: .badMetadata, key: "dimensions"),
        HostileAttributes(attributes: attributes(["dimensions": []]), code: .unsupported, key: "dimensions"),
        HostileAttributes(
            attributes: attributes(["dimensions": [1, -2, 3]]), code: .badMetadata, key: "dimensions[1]"),
        HostileAttributes(
            attributes: attributes(["dimensions": .array([JSONValue](repeating: 1, count: 33))]), code: .unsupported,
            key: "dimensions"),
        HostileAttributes(
            attributes: attributes(["dimensions": [1_099_511_627_776, 1_099_511_627_776, 1]]), code: .tooLarge,
            key: "dimensions"),
        HostileAttributes(attributes: attributes(["blockSize": nil]), code: .badMetadata, key: "blockSize"),
        HostileAttributes(attributes: attributes(["blockSize": [1, 2]]), code: .badMetadata, key: "blockSize"),
        HostileAttributes(attributes: attributes(["blockSize": [1, 0, 3]]), code: .badMetadata, key: "blockSize[1]"),
        HostileAttributes(
            attributes: attributes(["blockSize": [65536, 65536, 2]]), code: .tooLarge, key: "blockSize"),
        HostileAttributes(
            attributes: attributes(["blockSize": [32768, 32768, 1], "compression": ["type": "blosc"]]),
            code: .tooLarge, key: "blockSize"),
        HostileAttributes(attributes: attributes(["dataType": nil]), code: .badMetadata, key: "dataType"),
        HostileAttributes(attributes: attributes(["dataType": "object"]), code: .unsupported, key: "dataType"),
        HostileAttributes(attributes: attributes(["dataType": "string"]), code: .unsupported, key: "dataType"),
        HostileAttributes(attributes: attributes(["dataType": "bool"]), code: .unsupported, key: "dataType"),
        HostileAttributes(attributes: attributes(["compression": nil]), code: .badMetadata, key: "compression"),
        HostileAttributes(attributes: attributes(["compression": "gzip"]), code: .badMetadata, key: "compression"),
        HostileAttributes(attributes: attributes(["compression": [:]]), code: .badMetadata, key: "compression.type"),
        HostileAttributes(
            attributes: attributes(["compression": ["type": "jpeg"]]), code: .unsupported, key: "compression.type"),
        HostileAttributes(
            attributes: attributes(["compression": nil, "compressionType": "jpeg"]), code: .unsupported,
            key: "compressionType"),
        HostileAttributes(
            attributes: attributes(["compression": nil, "compressionType": 1]), code: .badMetadata,
            key: "compressionType"),
        HostileAttributes(
            attributes: attributes(["compression": ["type": "gzip", "level": "high"]]), code: .badMetadata,
            key: "compression.level"),
        HostileAttributes(
            attributes: attributes(["compression": ["type": "gzip", "useZlib": 1]]), code: .badMetadata,
            key: "compression.useZlib"),
        HostileAttributes(
            attributes: attributes(["compression": ["type": "blosc", "cname": "lz5"]]), code: .badMetadata,
            key: "compression.cname"),
        HostileAttributes(
            attributes: attributes(["compression": ["type": "blosc", "shuffle": "mix"]]), code: .badMetadata,
            key: "compression.shuffle"),
    ])
    func refusesTheMetadata(_ hostile: HostileAttributes) throws {
        let error = try #require(refusal(hostile.attributes))
        #expect(error.code == hostile.code)
        #expect(error.key == hostile.key)
        #expect(error.path == "a/attributes.json")
        #expect(!error.description.contains("\n"))
    }

    @Test func readsBloscParameters() throws {
        func stages(_ shuffle: JSONValue?) throws -> ArrayToBytes {
            var compression: [String: JSONValue] = [
                "type": "blosc", "cname": "zstd", "clevel": 3, "blocksize": 0, "nthreads": 8,
            ]
            compression["shuffle"] = shuffle
            return try read(attributes(["compression": .object(compression)])).codecs.arrayToBytes
        }
        #expect(try stages("bitshuffle") == stages(2))
        #expect(try stages("noshuffle") == stages(0))
        #expect(try stages("shuffle") == stages(1))
        #expect(try stages(nil) == stages(1))
        #expect(try stages(0) != stages(1))
    }
}
