import Codecs
import Elements
import Testing

/// A chunk of 24 × 32 × 40 voxels.
private struct Chunk: Sendable, CustomTestStringConvertible {
    static let shape = [24, 32, 40]
    static let voxels = shape.reduce(1, *)

    let testDescription: String
    let elementByteCount: Int
    let bytes: [UInt8]

    var codec: VolumeZlibCodec {
        VolumeZlibCodec(
            elementByteCount: elementByteCount, rowVoxels: Self.shape[2], planeVoxels: Self.shape[1] * Self.shape[2],
            level: 1)
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
                var random = SplitMix(state: UInt64((z * shape[1] + y) * shape[2] + x))
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
    @Test(arguments: Chunk.all)
    fileprivate func givesTheSameVoxelsBack(_ chunk: Chunk) throws {
        let encoded = try chunk.codec.encodedBytes(chunk.bytes)
        #expect(try chunk.codec.decodedBytes(encoded, capacity: chunk.bytes.count) == chunk.bytes)
        #expect(try chunk.codec.encodedBytes(chunk.bytes) == encoded)
        // A header as zlib's, check bits included.
        #expect(encoded[0] == 0x78 && (Int(encoded[0]) << 8 + Int(encoded[1])) % 31 == 0)
    }

    /// No worse than a tenth beyond the general search, and never larger than the voxels by more than what says so.
    @Test(arguments: Chunk.all)
    fileprivate func isNearlyAsSmall(_ chunk: Chunk) throws {
        let ours = try chunk.codec.encodedBytes(chunk.bytes).count
        let general = try ZlibCodec(level: 1).encodedBytes(chunk.bytes).count
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

    /// Whatever the parameters say, what is encoded is what was given.
    @Test(arguments: [0, 1, 7, 31, 32, 33, 39, 40, 41, 70_000])
    func takesAnyCountAndAnyShape(_ count: Int) throws {
        for (row, plane) in [(0, 0), (-3, 5), (1, 1), (64, 64 * 64), (Int.max, Int.max), (40_000, 80_000)] {
            let codec = VolumeZlibCodec(elementByteCount: 4, rowVoxels: row, planeVoxels: plane, level: 1)
            for bytes in [noisyBytes(count), Array(repeating: 9, count: count)] {
                let encoded = try codec.encodedBytes(bytes)
                #expect(try codec.decodedBytes(encoded, capacity: count) == bytes)
            }
        }
    }

    /// Random mixtures of literals, and of repetitions from near and far, on both sides of a block's end.
    @Test(arguments: 0..<40)
    func takesAnyMixture(_ seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        let (row, plane) = (1 + random.below(300), 1 + random.below(20_000))
        var bytes: [UInt8] = []
        let size = random.below(150_000)
        while bytes.count < size {
            switch random.below(4) {
            case 0: bytes += noisyBytes(random.below(600), seed: random.next())
            case 1: bytes += Array(repeating: UInt8(random.below(256)), count: random.below(900))
            default:
                let distance = [1, row, plane][random.below(3)]
                guard distance <= bytes.count else { continue }
                for _ in 0..<random.below(random.below(10) == 0 ? 5000 : 300) {
                    bytes.append(bytes[bytes.count - distance])
                }
            }
        }
        let codec = VolumeZlibCodec(elementByteCount: 1, rowVoxels: row, planeVoxels: plane, level: 6)
        let encoded = try codec.encodedBytes(bytes)
        #expect(try codec.decodedBytes(encoded, capacity: bytes.count) == bytes)
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

/// SplitMix64.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
}
