import Codecs
import Elements
import Geometry
import JSONText
import Testing
import Volumes

@Suite struct ChunkTests {
    private func chunkError(_ array: ArrayMetadata, _ encoded: [UInt8]) -> VolumeError? {
        do {
            _ = try array.decodeChunk(encoded.span.bytes, key: "a/0/0/0")
            return nil
        } catch {
            return error
        }
    }

    @Test func turnsFortranOrderAndBytesRound() throws {
        let shape = [3, 4, 5]
        let array = try metadata([
            "shape": [3, 4, 5], "chunks": [3, 4, 5], "order": "F", "dtype": ">u2", "compressor": .some(nil),
        ])
        var stored: [UInt8] = []
        for x in 0..<shape[2] {
            for y in 0..<shape[1] {
                for z in 0..<shape[0] { stored += [UInt8(z), UInt8(y * 10 + x)] }
            }
        }
        let decoded = try array.decodeChunk(stored.span.bytes, key: "0/0/0")
        var expected: [UInt16] = []
        for z in 0..<shape[0] {
            for y in 0..<shape[1] {
                for x in 0..<shape[2] { expected.append(UInt16(z << 8 | (y * 10 + x))) }
            }
        }
        let values = decoded.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
        #expect(values == expected)
    }

    /// Larger than the tiles of the transposition, in every direction, with every width.
    @Test(arguments: ["|u1", "<u2", "<u4", "<u8"], [[70, 45], [33, 2, 65], [1, 40, 1, 3], [7]])
    func turnsFortranOrderOfAnyShape(type: String, shape: [Int]) throws {
        let extents = JSONValue.array(shape.map { .integer($0) })
        let array = try metadata([
            "shape": extents, "chunks": extents, "order": "F", "dtype": .string(type), "compressor": .some(nil),
        ])
        let width = array.elementType.byteCount
        let count = shape.reduce(1, *)
        func element(_ index: Int) -> [UInt8] {
            (0..<width).map { UInt8(truncatingIfNeeded: (index &* 31 &+ 7) >> ($0 * 3)) }
        }
        var stored: [UInt8] = []
        for position in 0..<count {
            // The index in C order of the element that is stored at this position in F order.
            var rest = position
            var index = [Int](repeating: 0, count: shape.count)
            for axis in shape.indices {
                index[axis] = rest % shape[axis]
                rest /= shape[axis]
            }
            stored += element(zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 })
        }
        let decoded = try array.decodeChunk(stored.span.bytes, key: "0").array
        #expect(decoded == (0..<count).flatMap(element))
    }

    @Test(arguments: [
        CodecSummary.none, CodecSummary(name: "gzip", level: 1), CodecSummary(name: "zlib", level: 1),
        CodecSummary(name: "zstd", level: 1),
        CodecSummary(
            name: "blosc", level: 5, blosc: CodecSummary.Blosc(compressor: "lz4", shuffle: 1, blockSize: 0)),
    ])
    func demandsExactlyTheBytesOfAChunk(summary: CodecSummary) throws {
        let array = try metadata([
            "shape": [10, 10, 10], "chunks": [4, 4, 4], "dtype": "<u2",
            "compressor": summary.name == "none" ? .some(nil) : ["id": .string(summary.name), "cname": "lz4"],
        ])
        let codec = try #require(summary.makeCodec(elementByteCount: 2))
        for count in [0, 2, 126, 130, 4096] {
            let encoded = try codec.encode([UInt8](repeating: 3, count: count).span.bytes).array
            let error = try #require(chunkError(array, encoded), "\(count) bytes")
            #expect(error.code == .corruptChunk)
            #expect(error.path == "a/0/0/0")
            #expect(error.description.contains("128"))
            if count < 128 { #expect(error.description.contains("\(count) bytes")) }
        }
        let encoded = try codec.encode([UInt8](repeating: 3, count: 128).span.bytes).array
        #expect(try array.decodeChunk(encoded.span.bytes, key: "k").array == [UInt8](repeating: 3, count: 128))
        for length in 0..<(encoded.count - 1) {
            #expect(chunkError(array, Array(encoded[..<length]))?.code == .corruptChunk, "\(length) bytes")
        }
    }

    /// 1 KiB that says it holds 32 MiB, for a chunk of 512 KiB.
    @Test func refusesABomb() throws {
        var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3]
        for block in 0..<256 {
            let header = (block == 255 ? 1 : 0) | UInt32(1 << 1) | (128 << 10) << 3
            frame += [UInt8(header & 0xFF), UInt8(header >> 8 & 0xFF), UInt8(header >> 16 & 0xFF), 0]
        }
        let error = try #require(chunkError(try metadata(), frame))
        #expect(error.code == .corruptChunk)
        #expect(error.cause?.code == .tooLarge)
        #expect(error.description.contains("524288"))
    }

    @Test func namesADamagedChunk() throws {
        let array = try metadata(["shape": [4, 4, 4], "chunks": [4, 4, 4], "compressor": ["id": "gzip"]])
        var encoded = try GzipCodec().encode([UInt8](repeating: 9, count: 128).span.bytes).array
        encoded[encoded.count - 6] ^= 1
        let error = try #require(chunkError(array, encoded))
        #expect(error.description.hasPrefix("a/0/0/0: gzip: "))
    }
}
