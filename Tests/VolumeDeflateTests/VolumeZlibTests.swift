import Codecs
import Elements
import TestSupport
import Testing
import VolumeDeflate

/// A chunk of 24 × 32 × 40 voxels.
private struct Chunk: Sendable, CustomTestStringConvertible {
    static let shape = [24, 32, 40]
    static let voxels = shape.reduce(1, *)

    let testDescription: String
    let elementByteCount: Int
    let bytes: [UInt8]

    func codec(level: Int) -> VolumeZlibCodec {
        VolumeZlibCodec(
            elementByteCount: elementByteCount, rowVoxels: Self.shape[2], planeVoxels: Self.shape[1] * Self.shape[2],
            level: level)
    }

    init(_ name: String, _ elementByteCount: Int, _ value: (_ z: Int, _ y: Int, _ x: Int) -> UInt64) {
        testDescription = "\(name), \(elementByteCount) bytes a voxel"
        self.elementByteCount = elementByteCount
        var bytes: [UInt8] = []
        for z in 0..<Self.shape[0] {
            for y in 0..<Self.shape[1] {
                for x in 0..<Self.shape[2] {
                    withUnsafeBytes(of: value(z, y, x).littleEndian) { bytes += $0.prefix(elementByteCount) }
                }
            }
        }
        self.bytes = bytes
    }

    static func ball(_ z: Int, _ y: Int, _ x: Int) -> UInt64 {
        let distance = (z - 12) * (z - 12) + (y - 15) * (y - 15) + (x - 20) * (x - 20)
        return distance < 110 ? 0x0102_0304_0506_0708 : distance < 180 ? 7 : 0
    }

    static let all: [Chunk] = [1, 2, 4, 8].flatMap { width in
        let noise = noisyBytes(voxels * width, seed: 3)
        return [
            Chunk("one value", width) { _, _, _ in 0x1111_1111_1111_1111 },
            Chunk("labels", width, ball),
            Chunk("noise", width) { z, y, x in UInt64(noise[(z * shape[1] + y) * shape[2] + x] % 61) },
            Chunk("nothing to compress", width) { z, y, x in
                var random = SplitMix(seed: UInt64((z * shape[1] + y) * shape[2] + x))
                return random.next()
            },
            Chunk("masked noise", width) { z, y, x in
                ball(z, y, x) == 0 ? 0 : UInt64(noise[(z * shape[1] + y) * shape[2] + x])
            },
            Chunk("every row alike", width) { _, _, x in UInt64(x * x % 251) },
            Chunk("every plane alike", width) { _, y, x in UInt64(noise[y * shape[2] + x]) },
            Chunk("a slope", width) { z, y, x in UInt64(z + y + x) },
        ]
    }
}

@Suite struct VolumeZlibTests {
    @Test(arguments: Chunk.all, [1, 4])
    fileprivate func givesTheSameVoxelsBack(_ chunk: Chunk, _ level: Int) throws {
        let codec = chunk.codec(level: level)
        let encoded = try codec.encodedBytes(chunk.bytes)
        #expect(try codec.decodedBytes(encoded, capacity: chunk.bytes.count) == chunk.bytes)
        #expect(try codec.encodedBytes(chunk.bytes) == encoded)
        // A header as zlib's, check bits included.
        #expect(encoded[0] == 0x78 && (Int(encoded[0]) << 8 + Int(encoded[1])) % 31 == 0)
    }

    /// No worse than a tenth beyond the general search, and never larger than the voxels by more than what says so.
    @Test(arguments: Chunk.all, [1, 4])
    fileprivate func isNearlyAsSmall(_ chunk: Chunk, _ level: Int) throws {
        let ours = try chunk.codec(level: level).encodedBytes(chunk.bytes).count
        let general = try ZlibCodec(level: level).encodedBytes(chunk.bytes).count
        #expect(ours <= general + general / 10 + 100)
        #expect(ours <= chunk.bytes.count + 64)
    }

    /// Repetitions of every length that is written in another way: below the least, one piece, and pieces that must not be too short.
    @Test(arguments: [
        0, 1, 2, 3, 7, 8, 9, 10, 11, 18, 19, 34, 130, 255, 256, 257, 258, 259, 260, 261, 516, 517, 518, 519, 40_000,
    ])
    func writesRepetitionsOfAnyLength(_ count: Int) throws {
        for distance in [1, 3, 40, 1280, 32_768] {
            let head = noisyBytes(distance + 500, seed: 5)
            var bytes = head
            for _ in 0..<count { bytes.append(bytes[bytes.count - distance]) }
            bytes += noisyBytes(77, seed: 6)
            let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: distance, planeVoxels: 50, level: 1)
            let encoded = try codec.encodedBytes(bytes)
            #expect(try codec.decodedBytes(encoded, capacity: bytes.count) == bytes, "distance \(distance)")
            if count >= 1000 { #expect(encoded.count < head.count + 1000, "distance \(distance)") }
        }
    }

    /// Words of four bytes and more, at every distance that has a symbol of its own, and on both sides of the window's end and of 64 KiB.
    @Test(arguments: [4, 5, 24, 257, 4095, 4097, 16_385, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 98_304])
    func findsWords(_ distance: Int) throws {
        // Noise in which nothing repeats, and then words of it again; longer ones not in the middle, by which a chunk is judged.
        var random = SplitMix(seed: 17)
        var bytes = (0..<150_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let plain = try Self.byteCount(bytes, level: 4)
        var (position, saved) = (distance, 0)
        while position + 300 < bytes.count {
            let isLong = abs(position - bytes.count / 2) > 5000 && random.below(20) == 0
            let count = 4 + random.below(isLong ? 270 : 2)
            for index in position..<(position + count) { bytes[index] = bytes[index - distance] }
            position += count + 20 + random.below(60)
            saved += count - 3
        }
        let searched = try Self.byteCount(bytes, level: 4)
        if distance <= 32_768 {
            #expect(searched < plain - saved * 3 / 4, "\(saved)")
        } else {
            #expect(searched == plain, "out of reach")
        }
    }

    /// Noise around a value that changes slowly repeats its words often enough to pay.
    @Test func makesNoiseAroundSomethingSmaller() throws {
        var random = SplitMix(seed: 2)
        let bytes = (0..<300_000).map { index in
            let middle = abs(index / 60 % 200 - 100)
            return UInt8(60 + middle + random.below(6) + random.below(6) + random.below(6))
        }
        let (fastest, searched) = (try Self.byteCount(bytes, level: 1), try Self.byteCount(bytes, level: 4))
        #expect(searched < fastest - fastest / 50, "\(fastest), \(searched)")
    }

    /// Noise around one value does not: each word that is found costs as much as it saves, and more than that by what is left.
    @Test func leavesNoiseAloneThatWouldGrow() throws {
        var random = SplitMix(seed: 2)
        let bytes = (0..<300_000).map { _ in UInt8(100 + (0..<6).reduce(0) { sum, _ in sum + random.below(9) }) }
        let (fastest, searched) = (try Self.byteCount(bytes, level: 1), try Self.byteCount(bytes, level: 4))
        #expect(searched < fastest + fastest / 500, "\(fastest), \(searched)")
    }

    /// How many bytes a codec makes of others, which it has to give back.
    private static func byteCount(_ bytes: [UInt8], level: Int) throws -> Int {
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: 100, planeVoxels: 10_000, level: level)
        let encoded = try codec.encodedBytes(bytes)
        #expect(try codec.decodedBytes(encoded, capacity: bytes.count) == bytes)
        return encoded.count
    }

    /// Whatever the parameters say, what is encoded is what was given.
    @Test(arguments: [0, 1, 7, 31, 32, 33, 39, 40, 41, 70_000])
    func takesAnyCountAndAnyShape(_ count: Int) throws {
        for (row, plane) in [(0, 0), (-3, 5), (1, 1), (64, 64 * 64), (Int.max, Int.max), (40_000, 80_000)] {
            let codec = VolumeZlibCodec(elementByteCount: 4, rowVoxels: row, planeVoxels: plane, level: 2)
            for bytes in [noisyBytes(count), Array(repeating: 9, count: count)] {
                let encoded = try codec.encodedBytes(bytes)
                #expect(try codec.decodedBytes(encoded, capacity: count) == bytes)
            }
        }
    }

    /// Random mixtures of literals, and of repetitions from near and far, on both sides of a block's end.
    @Test(arguments: 0..<40)
    func takesAnyMixture(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let (row, plane) = (1 + random.below(300), 1 + random.below(20_000))
        var bytes: [UInt8] = []
        let size = random.below(150_000)
        while bytes.count < size {
            switch random.below(5) {
            case 0, 1: bytes += noisyBytes(random.below(600), seed: random.next())
            case 2: bytes += Array(repeating: UInt8(random.below(256)), count: random.below(900))
            default:
                let distance = [1, row, plane, 1 + random.below(40_000)][random.below(4)]
                guard distance <= bytes.count else { continue }
                for _ in 0..<random.below(random.below(10) == 0 ? 5000 : 300) {
                    bytes.append(bytes[bytes.count - distance])
                }
            }
        }
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: row, planeVoxels: plane, level: 1 + seed % 6)
        let encoded = try codec.encodedBytes(bytes)
        #expect(try codec.decodedBytes(encoded, capacity: bytes.count) == bytes)
    }

    /// Blocks that are as full of steps as they can be, and end in the middle of words: the encoder stops at the end of its memory.
    @Test(arguments: [5, 6])
    func holdsTheMostStepsThereAre(_ words: Int) throws {
        let (row, plane) = (61, 61 * 29 + 7)
        var chunk = WovenChunk(row: row, plane: plane, seed: 1)
        let byteCount = 420_000
        func fill(upTo end: Int) {
            // So many symbols that a block's 32,768 end among the words, and not a literal between them.
            while chunk.bytes.count < end {
                chunk.addWords(words)
                chunk.addNear(8)
            }
        }
        fill(upTo: byteCount / 2 - 9000)
        // By its middle a chunk is judged: what repeats there is left to another search.
        chunk.addNoise(18_000)
        fill(upTo: byteCount)
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: row, planeVoxels: plane, level: 4)
        let encoded = try codec.encodedBytes(chunk.bytes)
        #expect(try codec.decodedBytes(encoded, capacity: chunk.bytes.count) == chunk.bytes)
    }

    /// Where repetitions lie elsewhere, a general search finds them.
    @Test func leavesSmoothDataToTheGeneralSearch() throws {
        let bytes = (0..<100_000).map { index in UInt8(truncatingIfNeeded: index * index / 9000 % 97 + index / 300 % 7)
        }
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: 64, planeVoxels: 4096, level: 1)
        #expect(try codec.encodedBytes(bytes) == ZlibCodec(level: 1).encodedBytes(bytes))
    }

    @Test func refusesALevelThatThereIsNot() throws {
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: 64, planeVoxels: 4096, level: 13)
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7 % 50) }
        #expect(try errorCode { _ = try codec.encodedBytes(bytes) } == .unsupported)
    }
}
