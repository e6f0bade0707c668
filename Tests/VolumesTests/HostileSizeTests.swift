import Codecs
import Elements
import JSONText
import Testing
import Volumes

/// Sizes that nobody has: metadata and chunks that claim them are refused before anything is allocated for them.
@Suite struct HostileSizeTests {
    private static let mebi = JSONValue.integer(1 << 20)

    /// What the same array is refused with in a format; nil where it is read.
    private static func refusal(_ format: VolumeFormat, shape: JSONValue, chunk: JSONValue) -> VolumeError? {
        let json: JSONValue
        switch format {
        case .zarrV2:
            json = [
                "zarr_format": 2, "shape": shape, "chunks": chunk, "dtype": "|u1", "order": "C", "fill_value": 0,
                "filters": nil, "compressor": nil,
            ]
        case .zarrV3:
            json = [
                "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "uint8", "fill_value": 0,
                "chunk_grid": ["name": "regular", "configuration": ["chunk_shape": chunk]],
                "chunk_key_encoding": ["name": "default"], "codecs": [["name": "bytes"]],
            ]
        case .n5:
            json = [
                "dimensions": shape, "blockSize": chunk, "dataType": "uint8", "compression": ["type": "raw"],
            ]
        }
        do throws(VolumeError) {
            let (text, path) = (Array(json.canonicalText.utf8), format.arrayMetadataName)
            switch format {
            case .zarrV2: _ = try ArrayMetadata(zarrV2: text, path: path)
            case .zarrV3: _ = try ArrayMetadata(zarrV3: text, path: path)
            case .n5: _ = try ArrayMetadata(n5: text, path: path)
            }
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [VolumeFormat.zarrV2, .zarrV3, .n5])
    func metadataOfChunksOfTwoToTheSixtiethBytes(format: VolumeFormat) throws {
        let cube: JSONValue = [Self.mebi, Self.mebi, Self.mebi]
        #expect(Self.refusal(format, shape: [64, 64, 64], chunk: [64, 64, 64]) == nil)
        let error = try #require(Self.refusal(format, shape: cube, chunk: cube))
        #expect(error.code == .tooLarge)
        #expect(error.description.contains("1048576"))
    }

    @Test(
        arguments: [VolumeFormat.zarrV2, .zarrV3, .n5],
        [
            [4_294_967_296, 4_294_967_296, 1], [4_294_967_296, 4_294_967_296, 4_294_967_296],
            [4_611_686_018_427_387_904, 4, 4], [9_223_372_036_854_775_807, 9_223_372_036_854_775_807, 2],
        ] as [JSONValue])
    func productsThatOverflow(format: VolumeFormat, extents: JSONValue) throws {
        #expect(try #require(Self.refusal(format, shape: extents, chunk: [64, 64, 64])).code == .tooLarge)
        #expect(try #require(Self.refusal(format, shape: [64, 64, 64], chunk: extents)).code == .tooLarge)
    }

    // MARK: Chunks

    private func array(_ changes: [String: JSONValue]) throws -> ArrayMetadata {
        let json: [String: JSONValue] = [
            "zarr_format": 2, "shape": [64, 64, 64], "chunks": [64, 64, 64], "dtype": "|u1", "order": "C",
            "fill_value": 0, "filters": nil, "compressor": nil,
        ]
        let text = JSONValue.object(json.merging(changes) { $1 }).canonicalText
        return try ArrayMetadata(zarrV2: Array(text.utf8), path: ".zarray")
    }

    private func refusal(_ array: ArrayMetadata, _ chunk: [UInt8]) throws -> VolumeError {
        try #require(throws: VolumeError.self) { _ = try array.decodeChunk(chunk.span.bytes, key: "0/0/0") }
    }

    /// Content sizes in the headers of zstd and lz4, 2^60 both.
    @Test func chunksThatClaimTwoToTheSixtiethBytes() throws {
        let size: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0x10]
        let zstd = [0x28, 0xB5, 0x2F, 0xFD, 0xE0] + size + [1, 0, 0]
        let error = try refusal(try array(["compressor": ["id": "zstd"]]), zstd)
        #expect(error.code == .corruptChunk)
        #expect(error.cause?.code == .tooLarge)
        #expect(error.cause?.found == 1 << 60)
        #expect(error.cause?.expected == 64 * 64 * 64)
        // numcodecs' lz4 and blosc have 32 bits for it.
        for (id, header): (String, [UInt8]) in [
            ("lz4", [0xFF, 0xFF, 0xFF, 0xFF]),
            ("blosc", [2, 1, 0x20, 1, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 1, 0, 32, 0, 0, 0]),
        ] {
            let chunk = header + [UInt8](repeating: 0, count: 16)
            let error = try refusal(try array(["compressor": ["id": .string(id)]]), chunk)
            #expect(error.cause?.code == .tooLarge)
            #expect(error.cause?.expected == 64 * 64 * 64)
        }
    }

    /// A header of N5 has 32 bits for each extent: (2^20)³ elements, counted and not.
    @Test func blocksThatClaimTwoToTheSixtiethBytes() throws {
        let attributes = """
            {"dimensions": [64, 64, 64], "blockSize": [64, 64, 64], "dataType": "uint8", "compression": {"type": "gzip"}}
            """
        let array = try ArrayMetadata(n5: Array(attributes.utf8), path: "attributes.json")
        let extents = [[UInt8]](repeating: [0, 0x10, 0, 0], count: 3).flatMap { $0 }
        let payload = try GzipCodec().encode([UInt8](repeating: 0, count: 64).span.bytes).array
        for header in [[0, 0, 0, 3] + extents, [0, 1, 0, 3] + extents + [0, 0, 0, 0]] {
            let error = try refusal(array, header + payload)
            #expect(error.code == .corruptChunk)
            #expect(error.description.contains("1048576"))
        }
    }

    /// 1.1 KiB that hold 10 GiB, under three layers of gzip: each layer is bounded by what the chunk can need.
    @Test func layersThatHoldTenGigabytes() throws {
        let codec = GzipCodec(level: 9)
        let member = try codec.encode([UInt8](repeating: 0, count: 1 << 20).span.bytes).array
        let members = [[UInt8]](repeating: member, count: 10 << 10).flatMap { $0 }
        let middle = try codec.encode(members.span.bytes).array
        let bomb = try GzipCodec(level: 12).encode(middle.span.bytes).array
        #expect(bomb.count < 1200)
        let array = try array(["filters": [["id": "gzip"], ["id": "gzip"]], "compressor": ["id": "gzip"]])
        let error = try refusal(array, bomb)
        #expect(error.cause?.code == .tooLarge)
        #expect((error.cause?.expected ?? .max) < 1 << 20)
        // The same as a single layer, where only the chunk bounds it.
        let single = try refusal(try self.array(["compressor": ["id": "gzip"]]), members)
        #expect(single.cause?.code == .tooLarge)
        #expect(single.cause?.expected == 64 * 64 * 64)
    }
}
