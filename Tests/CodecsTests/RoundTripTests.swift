import Codecs
import Elements
import TestSupport
import Testing

struct CodecCase: Sendable, CustomTestStringConvertible {
    let codec: any ChunkCodec
    let testDescription: String

    init(_ codec: any ChunkCodec) {
        self.codec = codec
        testDescription = "\(codec)"
    }

    static let compressing: [CodecCase] = {
        var codecs: [any ChunkCodec] = []
        codecs += [-5, 0, 1, 3, 9, 19].map { ZstdCodec(level: $0) }
        codecs += [ZstdCodec(level: 6, checksum: true)]
        codecs += [-1, 0, 1, 5, 6, 9, 12].map { GzipCodec(level: $0) }
        codecs += [-1, 0, 1, 5, 6, 9, 12].map { ZlibCodec(level: $0) }
        for compressor in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"] {
            for shuffle in [-1, 0, 1, 2] {
                codecs.append(BloscCodec(compressor: compressor, shuffle: shuffle, typeSize: 2))
            }
        }
        codecs.append(BloscCodec(compressor: "lz4", level: 0, typeSize: 8))
        codecs.append(BloscCodec(compressor: "zstd", level: 9, shuffle: 2, typeSize: 4, blockSize: 4096))
        return codecs.map(CodecCase.init)
    }()

    static let all = compressing + [CodecCase(NoCodec())]
}

@Suite struct RoundTripTests {
    @Test(arguments: CodecCase.all, [0, 1, 2, 31, 4096, 100_003])
    func givesTheSameBytesBack(_ test: CodecCase, count: Int) throws {
        let original = noisyBytes(count)
        let encoded = try test.codec.encodedBytes(original)
        #expect(try test.codec.decodedBytes(encoded, capacity: count) == original)
        #expect(try test.codec.decodedBytes(encoded, capacity: count + 1000) == original)
    }

    @Test(arguments: CodecCase.compressing)
    func compressesAndIsDeterministic(_ test: CodecCase) throws {
        let original = noisyBytes(50_000)
        let first = try test.codec.encodedBytes(original)
        _ = try test.codec.encodedBytes(noisyBytes(70_000, seed: 9))
        #expect(try test.codec.encodedBytes(original) == first)
        #expect(first.count <= original.count + 64)
    }

    @Test(arguments: CodecCase.all, [1, 100, 65_536])
    func refusesAnOutputThatIsTooSmall(_ test: CodecCase, count: Int) throws {
        let encoded = try test.codec.encodedBytes(noisyBytes(count))
        for capacity in Set([0, count / 2, count - 1]) {
            #expect(
                try errorCode { _ = try test.codec.decodedBytes(encoded, capacity: capacity) } == .tooLarge,
                "capacity \(capacity)")
        }
    }

    @Test(arguments: CodecCase.compressing)
    func refusesEveryTruncation(_ test: CodecCase) throws {
        let original = noisyBytes(3000)
        let encoded = try test.codec.encodedBytes(original)
        for length in stride(from: 0, to: encoded.count, by: max(1, encoded.count / 97)) {
            let code = try errorCode { _ = try test.codec.decodedBytes(Array(encoded[..<length]), capacity: 3000) }
            // libdeflate reads zeros behind the end, and may run out of space before it notices.
            let runsOnIntoZeros = code == .tooLarge && ["gzip", "zlib"].contains(test.codec.name)
            #expect(
                code == .tooShort || code == .corrupt || runsOnIntoZeros, "\(length) of \(encoded.count) bytes")
        }
    }

    /// A flipped bit may go unnoticed where the format has no checksum, but it must never write out of bounds or trap.
    @Test(arguments: CodecCase.compressing)
    func survivesFlippedBits(_ test: CodecCase) throws {
        let original = noisyBytes(2000)
        let encoded = try test.codec.encodedBytes(original)
        var differences = 0
        for position in stride(from: 0, to: encoded.count, by: max(1, encoded.count / 400)) {
            var damaged = encoded
            damaged[position] ^= 1 << UInt8(position % 8)
            var decoded: [UInt8]?
            _ = try errorCode { decoded = try test.codec.decodedBytes(damaged, capacity: 2000) }
            if decoded != original { differences += 1 }
        }
        #expect(differences > 0)
    }

    @Test(arguments: [
        CodecCase(GzipCodec()), CodecCase(ZlibCodec()), CodecCase(ZstdCodec(checksum: true)),
    ])
    func noticesFlippedBitsByTheChecksum(_ test: CodecCase) throws {
        let original = noisyBytes(2000)
        let encoded = try test.codec.encodedBytes(original)
        for position in stride(from: 16, to: encoded.count, by: 3) {
            var damaged = encoded
            damaged[position] ^= 0x10
            var decoded: [UInt8]?
            let code = try errorCode { decoded = try test.codec.decodedBytes(damaged, capacity: 2000) }
            #expect(code != nil || decoded == original, "byte \(position)")
        }
    }

    @Test func sharesContextsBetweenThreads() async throws {
        let original = noisyBytes(20_000)
        let codecs = CodecCase.compressing.map(\.codec)
        let expected = try codecs.map { codec in try codec.encodedBytes(original) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                let codec = codecs[index % codecs.count]
                let encoded = expected[index % codecs.count]
                group.addTask {
                    let again = try codec.encodedBytes(original)
                    let decoded = try codec.decodedBytes(encoded, capacity: original.count)
                    return again == encoded && decoded == original
                }
            }
            for try await same in group { #expect(same) }
        }
    }
}
