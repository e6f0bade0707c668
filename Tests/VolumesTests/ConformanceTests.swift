import Codecs
import Crypto
import Elements
import Foundation
import JSONText
import Testing
import Volumes

/// Arrays and codec blobs that other implementations wrote.
@Suite struct ConformanceTests {
    @Test(arguments: Fixture.all(format: "zarr_v2", expect: "decode"))
    func decodesTheArray(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let metadata = try ArrayMetadata(zarrV2: Fixture.read(key), path: key)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.elementType.rawValue == fixture.entry["dtype"]?.string)
        let array = try wholeArray(metadata, folder: fixture.path)
        #expect(hex(SHA256.hash(data: array)) == fixture.entry["sha256"]?.string)
    }

    @Test(arguments: Fixture.all(format: "zarr_v2", expect: "reject"))
    func refusesWhatIsNoNumberArray(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let text = try Fixture.read(key)
        do {
            _ = try ArrayMetadata(zarrV2: text, path: key)
            Issue.record("\(key) was accepted")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.path == key)
            #expect(["dtype", "compressor.id", "filters"].contains(error.key))
        }
    }

    @Test(arguments: Fixture.all(format: "numcodecs-blob", expect: "decode"))
    func decodesTheBlob(_ fixture: Fixture) throws {
        let count = try #require(fixture.entry["decoded_nbytes"]?.integer)
        let codec: any ChunkCodec
        switch fixture.entry["codec"]?["id"]?.string {
        case "zstd": codec = ZstdCodec()
        case "gzip": codec = GzipCodec()
        case "zlib": codec = ZlibCodec()
        default: codec = BloscCodec(typeSize: 1)
        }
        let encoded = try Fixture.read(fixture.path)
        let output = ByteBuffer(zeroed: count)
        let written = try output.withMutableSpan { span throws(CodecError) in
            try codec.decode(encoded.span.bytes, into: &span)
        }
        #expect(written == count)
        #expect(hex(SHA256.hash(data: output.array)) == fixture.entry["sha256_decoded_bytes"]?.string)
    }

    private func hex(_ digest: SHA256.Digest) -> String {
        digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// All elements in C order, with unstored chunks filled, for any number of axes.
    private func wholeArray(_ metadata: ArrayMetadata, folder: String) throws -> [UInt8] {
        let width = metadata.elementType.byteCount
        let count = metadata.shape.reduce(1, *)
        var result = [UInt8](repeating: 0, count: count * width)
        for index in positions(metadata.chunkGridShape) {
            let key = metadata.chunkKey(index)
            let chunk: [UInt8]
            if let encoded = try Fixture.readIfPresent("\(folder)/\(key)") {
                chunk = try metadata.decodeChunk(encoded.span.bytes, key: key).array
            } else {
                let filled = ByteBuffer(count: metadata.chunkByteCount)
                filled.fill(with: metadata.fillValue)
                chunk = filled.array
            }
            try #require(chunk.count == metadata.chunkByteCount)
            var extent = metadata.chunkShape
            for axis in extent.indices {
                extent[axis] = min(extent[axis], metadata.shape[axis] - index[axis] * metadata.chunkShape[axis])
            }
            for inside in positions(extent) {
                var from = 0
                var to = 0
                for axis in inside.indices {
                    from = from * metadata.chunkShape[axis] + inside[axis]
                    to = to * metadata.shape[axis] + index[axis] * metadata.chunkShape[axis] + inside[axis]
                }
                for byte in 0..<width { result[to * width + byte] = chunk[from * width + byte] }
            }
        }
        return result
    }

    /// All positions of a box that starts at 0, the last axis fastest.
    private func positions(_ shape: [Int]) -> [[Int]] {
        shape.reduce([[]]) { positions, extent in
            positions.flatMap { position in (0..<extent).map { position + [$0] } }
        }
    }
}
