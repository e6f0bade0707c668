import Codecs
import Elements
import JSONText
import TestSupport
import Testing
import Volumes

/// Arrays of Zarr v2 and blobs of numcodecs that other implementations wrote.
@Suite struct ZarrV2ConformanceTests {
    @Test(arguments: Fixture.all(format: "zarr_v2", expect: "decode"))
    func decodesTheArray(_ fixture: Fixture) throws {
        let key = "\(fixture.path)/.zarray"
        let metadata = try ArrayMetadata(zarrV2: Fixture.read(key), path: key)
        #expect(metadata.shape == fixture.shape)
        #expect(metadata.elementType.rawValue == fixture.entry["dtype"]?.string)
        #expect(try sha256(metadata.wholeArray(in: fixture.path)) == fixture.entry["sha256"]?.string)
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
        #expect(sha256(decoded) == fixture.entry["sha256_decoded_bytes"]?.string)
    }

    /// Blosc with snappy, which the library may have been built without.
    @Test(arguments: Fixture.all(format: "numcodecs-blob", expect: "reject-ok"))
    func decodesTheBlobOrSaysWhyNot(_ fixture: Fixture) throws {
        do {
            let decoded = try decodeBlob(fixture)
            #expect(sha256(decoded) == fixture.entry["sha256_decoded_bytes"]?.string)
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
        var random = SplitMix(seed: 11)
        func damaged(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            bytes[random.below(min(bytes.count, 1000))] = UInt8(random.below(256))
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
        let json: JSONValue = [
            "zarr_format": 2, "shape": [.integer(count)], "chunks": [.integer(count)], "dtype": "|u1",
            "compressor": codec, "fill_value": 0, "order": "C", "filters": nil,
        ]
        let metadata = try ArrayMetadata(zarrV2: Array(json.canonicalText.utf8), path: "a/.zarray")
        let encoded = try Fixture.read(fixture.path)
        return try metadata.decodeChunk(encoded.span.bytes, key: fixture.path).array
    }
}
