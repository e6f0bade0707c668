import Codecs
import Elements
import Volumes

/// Decoders of ``Codecs``. The first byte of an input says which decoder, the second how large the output is and where the buffers
/// lie, the others are what is decoded.
struct DecoderHarness: Harness {
    let name: String
    let decoders: [any ChunkDecoder]
    /// How the bytes begin that one of the decoders reads.
    let magics: [[UInt8]]
    /// The folders of numcodecs' blobs that one of the decoders reads.
    let folders: [String]

    static let capacities = [0, 1, 7, 64, 100, 255, 1000, 4096, 10_000, 60_000, 65_536, 131_072, 200_000, 262_144]
    private static let largest = 262_144
    /// Of one decoder; the smallest ones.
    private static let maximumSeedCount = 200
    private static let source = GuardedMemory(capacity: 1 << 20)
    private static let target = GuardedMemory(capacity: largest)

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2, input.count < 1 << 20 else { return }
        let decoder = decoders[Int(input[0]) % decoders.count]
        let capacity = Self.capacities[Int(input[1] & 0x0F) % Self.capacities.count]
        let atEnd = input[1] & 0x80 == 0
        let encoded = Self.source.copy(of: UnsafeRawBufferPointer(rebasing: input[2...]), atEnd: atEnd)
        guard let first = decode(encoded, decoder, capacity: capacity, atEnd: atEnd, fill: 0x00) else { return }
        // What a decoder has not written must not be taken for a result.
        let second = decode(encoded, decoder, capacity: capacity, atEnd: atEnd, fill: 0xFF)
        require(first == second, "\(decoder.name) leaves bytes of its \(first.count) unwritten")
        guard !first.isEmpty, !(decoder is N5LZ4Codec) else { return }
        require(
            decode(encoded, decoder, capacity: first.count, atEnd: atEnd, fill: 0xFF) == first,
            "\(decoder.name) does not decode to exactly \(first.count) bytes again")
        require(
            decode(encoded, decoder, capacity: first.count - 1, atEnd: atEnd, fill: 0xFF) == nil,
            "\(decoder.name) decodes to \(first.count) bytes, and to one less")
    }

    /// The decoded bytes; nil for an error.
    private func decode(
        _ encoded: UnsafeRawBufferPointer, _ decoder: any ChunkDecoder, capacity: Int, atEnd: Bool, fill: UInt8
    ) -> [UInt8]? {
        let output = Self.target.bytes(capacity, atEnd: atEnd)
        output.initializeMemory(as: UInt8.self, repeating: fill)
        var span = output.mutableBytes
        guard let count = try? decoder.decode(encoded.bytes, into: &span) else { return nil }
        require(count >= 0 && count <= capacity, "\(decoder.name) says \(count) bytes of \(capacity)")
        return Array(output[..<count])
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        let texts = [[], Array("voxel".utf8), [UInt8](repeating: 7, count: 1000), (0..<2000).map { UInt8($0 % 251) }]
        // The payload of an N5 block follows 4 bytes and 4 more for each axis.
        var frames = fixtures.files.flatMap { file in
            [0, 8, 12, 16].map { Array(file.bytes.dropFirst($0)) }.filter { bytes in
                magics.contains { bytes.starts(with: $0) }
            }
        }
        for folder in folders {
            frames += fixtures.files.filter { $0.path.hasPrefix("numcodecs/\(folder)/") && $0.name != "config.json" }
                .map(\.bytes)
        }
        for encoder in Self.encoders where decoders.contains(where: { $0.name == encoder.name }) {
            for text in texts {
                let buffer = ByteBuffer(text)
                if let encoded = try? buffer.withSpan({ bytes throws(CodecError) in try encoder.encode(bytes) }) {
                    frames.append(encoded.array)
                }
            }
        }
        frames.sort { $0.count < $1.count }
        return decoders.enumerated().flatMap { number, decoder in
            let capacity = UInt8(Self.capacities.count - 1)
            let readable = frames.lazy.filter { frame in
                frame.withUnsafeBytes { decode($0, decoder, capacity: Self.largest, atEnd: true, fill: 0) } != nil
            }
            return readable.prefix(Self.maximumSeedCount).map { [UInt8(number), capacity] + $0 }
        }
    }

    private static let encoders: [any ChunkCodec] =
        [GzipCodec(), ZlibCodec(), ZstdCodec(), ZstdCodec(level: 19, checksum: true)]
        + ["blosclz", "lz4", "lz4hc", "zlib", "zstd"].flatMap { compressor in
            [(0, 1), (1, 2), (2, 1), (1, 8), (2, 4)].map { shuffle, size in
                BloscCodec(compressor: compressor, shuffle: shuffle, typeSize: size, blockSize: size == 4 ? 128 : 0)
            }
        }
}

extension DecoderHarness {
    static let blosc = DecoderHarness(
        name: "blosc", decoders: [BloscCodec(typeSize: 1)], magics: [[2, 1]], folders: ["blosc"])

    static let zstd = DecoderHarness(
        name: "zstd", decoders: [ZstdCodec()], magics: [[0x28, 0xB5, 0x2F, 0xFD]], folders: ["zstd"])

    static let lz4 = DecoderHarness(
        name: "lz4", decoders: [LZ4Codec(), LZ4FrameCodec(), LZ4BlockStreamCodec(), N5LZ4Codec()],
        magics: [LZ4FrameCodec.magic, LZ4BlockStreamCodec.magic], folders: ["lz4"])

    static let others = DecoderHarness(
        name: "codecs",
        decoders: [
            GzipCodec(), ZlibCodec(), Bzip2Codec(), LZMACodec(), LZMACodec(format: .automatic),
            LZMACodec(format: .alone), Self.raw([.lzma2(dictionaryByteCount: 1 << 18)]),
            Self.raw([.delta(distance: 4), .lzma2(dictionaryByteCount: 1 << 16)]),
            Self.raw([.lzma1(dictionaryByteCount: 1 << 16, lc: 3, lp: 0, pb: 2)]), Base64Codec(), PackBitsFilter(),
            ShuffleFilter(elementByteCount: 4), ShuffleFilter(elementByteCount: 1 << 20), NoCodec(),
            Self.filter(.delta(decoded: Self.int16, encoded: Self.int8)),
            Self.filter(.convert(decoded: Self.uint64, encoded: Self.float64)),
            Self.filter(.convert(decoded: Self.uint32, encoded: Self.float32)),
            Self.filter(.fixedScaleOffset(offset: 3, scale: 0, decoded: Self.int16, encoded: Self.float64)),
            Self.filter(.delta(decoded: Self.float32, encoded: Self.uint64)),
        ],
        magics: [[0x1F, 0x8B], [0x42, 0x5A, 0x68], [0xFD, 0x37, 0x7A]],
        folders: ["bz2", "lzma", "packbits", "zlib"])

    private static let int8 = StoredType(.int8)
    private static let int16 = StoredType(.int16, isBigEndian: true)
    private static let uint32 = StoredType(.uint32)
    private static let uint64 = StoredType(.uint64, isBigEndian: true)
    private static let float32 = StoredType(.float32, isBigEndian: true)
    private static let float64 = StoredType(.float64)

    private static func raw(_ filters: [LZMAFilter]) -> LZMACodec { LZMACodec(format: .raw, filters: filters) }
    private static func filter(_ filter: ElementFilter) -> any ChunkDecoder { filter }
}
