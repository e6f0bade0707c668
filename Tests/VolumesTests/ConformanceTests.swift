import Codecs
import Crypto
import Elements
import Foundation
import JSONText
import Testing
import Volumes

/// Arrays of Zarr v2 and blobs of numcodecs that other implementations wrote.
@Suite struct ConformanceTests {
    @Test(arguments: Fixture.all(format: "zarr_v2", expect: "decode"))
    func decodesTheArray(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let metadata = try ArrayMetadata(zarrV2: Fixture.read(key), path: key)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.elementType.rawValue == fixture.entry["dtype"]?.string)
        let array = try wholeArray(metadata) { key in
            try Fixture.readIfPresent("\(fixture.path)/\(key)")
        }
        #expect(hex(SHA256.hash(data: array)) == fixture.entry["sha256"]?.string)
    }

    @Test(
        arguments: Fixture.all(format: "zarr_v2", expect: "reject")
            + Fixture.all(format: "zarr_v2", expect: "reject-ok"))
    func refusesWhatIsNoNumberArray(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let text = try Fixture.read(key)
        do {
            _ = try ArrayMetadata(zarrV2: text, path: key)
            Issue.record("\(key) was accepted")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.path == key)
            #expect(["dtype", "compressor.id"].contains(error.key))
            #expect(!error.description.contains("\n"))
        }
    }

    /// Far too large to be read as a whole, but their metadata are sound.
    @Test(arguments: Fixture.all(format: "zarr_v2", expect: "metadata-only"))
    func readsTheMetadata(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let metadata = try ArrayMetadata(zarrV2: Fixture.read(key), path: key)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.chunkShape == fixture.entry["chunks"]?.array?.compactMap(\.integer))
    }

    @Test(arguments: Fixture.all(format: "numcodecs-blob", expect: "decode"))
    func decodesTheBlob(_ fixture: Fixture) throws {
        let decoded = try decodeBlob(fixture)
        #expect(hex(SHA256.hash(data: decoded)) == fixture.entry["sha256_decoded_bytes"]?.string)
    }

    /// Blosc with snappy, which the library may have been built without.
    @Test(arguments: Fixture.all(format: "numcodecs-blob", expect: "reject-ok"))
    func decodesTheBlobOrSaysWhyNot(_ fixture: Fixture) throws {
        do {
            let decoded = try decodeBlob(fixture)
            #expect(hex(SHA256.hash(data: decoded)) == fixture.entry["sha256_decoded_bytes"]?.string)
        } catch let error as VolumeError {
            #expect(error.cause?.codec == "blosc")
            #expect(!error.description.contains("\n"))
        }
    }

    /// Metadata and chunks with one byte changed: whatever comes out, nothing traps, and errors have one line.
    @Test(arguments: Fixture.all(format: "zarr_v2", expect: "decode"))
    func survivesDamage(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let text = try Fixture.read(key)
        let intact = try ArrayMetadata(zarrV2: text, path: key)
        let first = [Int](repeating: 0, count: intact.rank)
        let chunk = try Fixture.readIfPresent("\(fixture.path)/\(intact.chunkKey(first))") ?? [1, 2, 3, 4]
        var state: UInt64 = 11
        func damaged(_ bytes: [UInt8]) -> [UInt8] {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var bytes = bytes
            bytes[Int(state >> 33) % min(bytes.count, 1000)] = UInt8(truncatingIfNeeded: state >> 20)
            return bytes
        }
        for _ in 0..<20 {
            for (text, chunk) in [(damaged(text), damaged(chunk)), (text, damaged(chunk))] {
                guard let error = damageError(text, chunk, key: key) else { continue }
                #expect(!error.description.contains("\n"))
            }
        }
    }

    /// Nil where metadata and chunk were read, with exactly the bytes of a chunk.
    private func damageError(_ text: [UInt8], _ chunk: [UInt8], key: String) -> VolumeError? {
        do {
            let metadata = try ArrayMetadata(zarrV2: text, path: key)
            guard metadata.chunkByteCount < 1 << 20 else { return nil }
            let decoded = try metadata.decodeChunk(chunk.span.bytes, key: "0")
            #expect(decoded.count == metadata.chunkByteCount)
            return nil
        } catch {
            return error
        }
    }

    /// The blob as the only chunk of an array of bytes: compressors and filters alike take bytes for what they need.
    private func decodeBlob(_ fixture: Fixture) throws -> [UInt8] {
        let count = try #require(fixture.entry["decoded_nbytes"]?.integer)
        let codec = try #require(fixture.entry["codec"])
        let metadata = try metadata([
            "shape": [.integer(count)], "chunks": [.integer(count)], "dtype": "|u1", "compressor": codec,
        ])
        let encoded = try Fixture.read(fixture.path)
        return try metadata.decodeChunk(encoded.span.bytes, key: fixture.path).array
    }

    func hex(_ digest: SHA256.Digest) -> String {
        digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// All elements in C order, with unstored chunks filled, for any number of axes.
    func wholeArray(_ metadata: ArrayMetadata, chunk read: (String) throws -> [UInt8]?) throws -> [UInt8] {
        let width = metadata.elementType.byteCount
        let count = metadata.shape.reduce(1, *)
        var result = [UInt8](repeating: 0, count: count * width)
        for index in positions(metadata.chunkGridShape) {
            let key = metadata.chunkKey(index)
            let chunk: [UInt8]
            if let encoded = try read(key) {
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
