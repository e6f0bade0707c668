import Crypto
import Elements
import TestSupport
import Testing
import Volumes

@Suite struct FixtureListTests {
    /// How many entries of `expected.json` have a format and an expectation.
    @Test(arguments: [
        ("zarr_v2", "decode", 150), ("zarr_v2", "reject", 12), ("zarr_v2", "reject-ok", 1),
        ("zarr_v2", "metadata-only", 2), ("numcodecs-blob", "decode", 178), ("numcodecs-blob", "reject-ok", 2),
        ("n5", "decode", 59), ("n5", "metadata-only", 10), ("zarr_v3", "decode", 94), ("zarr_v3", "reject", 1),
        ("zarr_v3", "reject-ok", 5), ("zarr_v3", "metadata-only", 1),
    ])
    func namesTheFixturesThatAreHere(format: String, expect: String, count: Int) {
        #expect(Fixture.all(format: format, expect: expect).count == count)
    }

    @Test func namesTheGeneratedArraysThatAreHere() {
        #expect(N5ConformanceTests.generated.count == 17)
        #expect(ZarrV3ConformanceTests.codecArrays.count == 25)
    }
}

/// SHA-256 in hexadecimal.
func sha256(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// All positions of a box that starts at 0, the last axis fastest.
func positions(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { positions, extent in
        positions.flatMap { position in (0..<extent).map { position + [$0] } }
    }
}

extension ArrayMetadata {
    /// All elements in C order, from the chunks that are stored below a folder of the fixtures.
    func wholeArray(in folder: String) throws -> [UInt8] {
        var chunks: [[Int]: [UInt8]] = [:]
        for index in positions(chunkGridShape) {
            let key = chunkKey(index)
            guard let encoded = try Fixture.readIfPresent("\(folder)/\(key)") else { continue }
            #expect(encoded.count <= maximumEncodedByteCount)
            chunks[index] = try decodeChunk(encoded.span.bytes, key: key).array
        }
        return try wholeArray(of: chunks, chunkShape: chunkShape)
    }

    /// All elements in C order, for any number of axes. Missing chunks are filled.
    func wholeArray(of chunks: [[Int]: [UInt8]], chunkShape: [Int]) throws -> [UInt8] {
        let width = elementType.byteCount
        let filled = ByteBuffer(count: shape.reduce(width, *))
        filled.fill(with: fillValue)
        var result = filled.array
        for (index, chunk) in chunks {
            try #require(chunk.count == chunkShape.reduce(width, *))
            let extent = shape.indices.map { min(chunkShape[$0], shape[$0] - index[$0] * chunkShape[$0]) }
            // Inner chunks of a shard at the edge may lie outside.
            guard extent.allSatisfy({ $0 > 0 }) else { continue }
            let count = (extent.last ?? 1) * width
            for row in positions(extent.dropLast()) {
                var (from, to) = (0, 0)
                for axis in shape.indices {
                    let inside = axis < row.count ? row[axis] : 0
                    from = from * chunkShape[axis] + inside
                    to = to * shape[axis] + index[axis] * chunkShape[axis] + inside
                }
                result.replaceSubrange(
                    to * width..<to * width + count, with: chunk[from * width..<from * width + count])
            }
        }
        return result
    }
}
