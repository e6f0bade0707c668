import Codecs
import Elements
import TestSupport
import Testing

/// The codecs that only decode, on bytes written by Python's `bz2`, `lzma` and `base64`, numcodecs and the `lz4` tool.
@Suite struct DecoderTests {
    private static let abc = Array("abc".utf8)
    private static let abcabcabc = Array("abcabcabc".utf8)

    private func bz2(_ bytes: [UInt8], _ capacity: Int) throws -> [UInt8] {
        try Bzip2Codec().decodedBytes(bytes, capacity: capacity)
    }

    @Test func bzip2ReadsSeveralStreamsAndIgnoresWhatFollows() throws {
        let first = bytes(hex: "425a6831314159265359648cbb73000000010038002000219819846177245385090648cbb730")
        let second = bytes(hex: "425a6839314159265359423cb0f9000000010007002000219819846177245385090423cb0f90")
        let empty = bytes(hex: "425a683917724538509000000000")
        #expect(try bz2(first, 3) == Self.abc)
        #expect(try bz2(first + empty + second, 6) == Array("abcdef".utf8))
        #expect(try bz2(first + [0, 0, 0], 3) == Self.abc)
        #expect(try bz2(empty, 0) == [])
        #expect(try errorCode { _ = try bz2(first + second, 5) } == .tooLarge)
        #expect(try errorCode { _ = try bz2(first, 0) } == .tooLarge)
        #expect(try errorCode { _ = try bz2([], 3) } == .tooShort)
        #expect(try errorCode { _ = try bz2([1, 2, 3, 4, 5], 3) } == .corrupt)
        for length in 1..<first.count {
            #expect(try errorCode { _ = try bz2(Array(first[..<length]), 3) } == .tooShort, "\(length) bytes")
        }
        var damaged = first
        damaged[30] ^= 1
        #expect(try errorCode { _ = try bz2(damaged, 3) } == .corrupt)
    }

    @Test func xzReadsSeveralStreamsAndIgnoresWhatFollows() throws {
        let first = bytes(
            hex: """
                fd377a585a000004e6d6b4460200210116000000742fe5a301000261626300002776271a4a09d82c00011b030b2fb9101fb6f37d01
                0000000004595a
                """)
        let second = bytes(
            hex: """
                fd377a585a000000ff12d9410200210116000000742fe5a301000264656600000001130303a560d806729e7a010000000000595a
                """)
        let codec = LZMACodec()
        #expect(try codec.decodedBytes(first, capacity: 3) == Self.abc)
        #expect(try codec.decodedBytes(first + [0, 0, 0, 0] + second, capacity: 6) == Array("abcdef".utf8))
        #expect(try codec.decodedBytes(first + Array("what is this".utf8), capacity: 3) == Self.abc)
        #expect(try LZMACodec(format: .automatic).decodedBytes(first, capacity: 3) == Self.abc)
        #expect(try errorCode { _ = try codec.decodedBytes(first, capacity: 2) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes([], capacity: 2) } == .tooShort)
        #expect(try errorCode { _ = try codec.decodedBytes(Self.abcabcabc + Self.abc, capacity: 2) } == .corrupt)
        for length in 1..<first.count {
            let code = try errorCode { _ = try codec.decodedBytes(Array(first[..<length]), capacity: 3) }
            #expect(code == .tooShort, "\(length) bytes")
        }
        var damaged = first
        damaged[28] ^= 1
        #expect(try errorCode { _ = try codec.decodedBytes(damaged, capacity: 3) } == .corrupt)
    }

    @Test func lzmaReadsTheOlderFormatAndRawStreams() throws {
        let alone = bytes(hex: "5d00008000ffffffffffffffff00309888a61dfe81a3ffff61640000")
        #expect(try LZMACodec(format: .alone).decodedBytes(alone, capacity: 9) == Self.abcabcabc)
        #expect(try LZMACodec(format: .automatic).decodedBytes(alone, capacity: 9) == Self.abcabcabc)
        let raw = LZMACodec(format: .raw, filters: [.delta(distance: 1), .lzma2(dictionaryByteCount: 1 << 20)])
        let encoded = bytes(hex: "010008610101fe0101fe010100")
        #expect(try raw.decodedBytes(encoded, capacity: 9) == Self.abcabcabc)
        let older = LZMACodec(format: .raw, filters: [.lzma1(dictionaryByteCount: 1 << 20, lc: 3, lp: 0, pb: 2)])
        #expect(try older.decodedBytes(bytes(hex: "00309888a61dfe81a3ffff61640000"), capacity: 9) == Self.abcabcabc)
        let reversed = LZMACodec(format: .raw, filters: [.lzma2(dictionaryByteCount: 1 << 20), .delta(distance: 1)])
        #expect(try errorCode { _ = try reversed.decodedBytes(encoded, capacity: 9) } == .unsupported)
        #expect(try errorCode { _ = try LZMACodec(format: .raw).decodedBytes(encoded, capacity: 9) } == .unsupported)
    }

    /// A thousand zeros, whose stream asks for a dictionary of 1.5 GiB.
    @Test func lzmaRefusesHugeDictionaries() throws {
        let stream = bytes(
            hex: """
                fd377a585a000004e6d6b44602002101250000003b787b41e003e7000b5d00006ffdffffa3b75a0d5e0000004f258aec2be22a3700
                0127e807000000f4558f5cb1c467fb020000000004595a
                """)
        #expect(try errorCode { _ = try LZMACodec().decodedBytes(stream, capacity: 1000) } == .unsupported)
        let raw = LZMACodec(format: .raw, filters: [.lzma2(dictionaryByteCount: .max)])
        #expect(try errorCode { _ = try raw.decodedBytes([1, 2, 3], capacity: 1000) } == .unsupported)
    }

    @Test func lzmaKnowsTheDictionariesOfPresets() {
        #expect(LZMAFilter.dictionaryByteCount(preset: 0) == 256 << 10)
        #expect(LZMAFilter.dictionaryByteCount(preset: 6) == 8 << 20)
        #expect(LZMAFilter.dictionaryByteCount(preset: 9) == 64 << 20)
        #expect(LZMAFilter.dictionaryByteCount(preset: Int(1 << 31) | 9) == 64 << 20)
        #expect(LZMAFilter.dictionaryByteCount(preset: 10) == nil)
        #expect(LZMAFilter.dictionaryByteCount(preset: -1) == nil)
    }

    @Test func lz4ReadsASizeAndABlock() throws {
        let encoded = bytes(hex: "1b0000003f616263030000506263616263")
        let decoded = Array(String(repeating: "abc", count: 9).utf8)
        let codec = LZ4Codec()
        #expect(try codec.decodedBytes(encoded, capacity: 30) == decoded)
        #expect(try errorCode { _ = try codec.decodedBytes(encoded, capacity: 26) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes(Array(encoded[..<4]), capacity: 30) } == .tooShort)
        for length in 5..<encoded.count {
            let code = try errorCode { _ = try codec.decodedBytes(Array(encoded[..<length]), capacity: 30) }
            #expect(code == .corrupt, "\(length) bytes")
        }
        var larger = encoded
        larger[0] += 1
        #expect(try errorCode { _ = try codec.decodedBytes(larger, capacity: 30) } == .corrupt)
        larger[3] = 0xFF
        #expect(try errorCode { _ = try codec.decodedBytes(larger, capacity: 30) } == .tooLarge)
    }

    @Test func lz4ReadsFrames() throws {
        // printf abcabcabcabcabcabc | lz4 -c; with -BX --no-frame-crc.
        let first = bytes(hex: "04224d186440a70c000000366162630300506263616263000000009b7cfb30")
        let second = bytes(hex: "04224d187040ad0c000000366162630300506263616263e0452b1400000000")
        let skippable = bytes(hex: "502a4d18 03000000 ffffff")
        let decoded = Array(String(repeating: "abc", count: 6).utf8)
        let codec = LZ4FrameCodec()
        #expect(try codec.decodedBytes(first, capacity: 18) == decoded)
        #expect(try codec.decodedBytes(first + skippable + second, capacity: 36) == decoded + decoded)
        #expect(try errorCode { _ = try codec.decodedBytes(first, capacity: 17) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes(first + second, capacity: 18) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes([], capacity: 18) } == .tooShort)
        for length in 1..<first.count {
            let code = try errorCode { _ = try codec.decodedBytes(Array(first[..<length]), capacity: 18) }
            #expect(code == .tooShort, "\(length) bytes")
        }
        var damaged = first
        damaged[first.count - 1] ^= 1
        #expect(try errorCode { _ = try codec.decodedBytes(damaged, capacity: 18) } == .checksum)
    }

    @Test func lz4ReadsTheBlocksOfJava() throws {
        // The payload of a block that lz4-java 1.8.0 wrote with a block size of 64 bytes.
        let stored = bytes(
            hex: """
                4c5a34426c6f636b 10 30000000 30000000 767cbc08
                000c000f001e00210030003300420045008a008d009c009f00ae00b100c000c30108010b011a011d012c012f013e0141
                """)
        let end = bytes(hex: "4c5a34426c6f636b 10 00000000 00000000 00000000")
        let payload = Array(stored[21...])
        let codec = LZ4BlockStreamCodec()
        #expect(payload.count == 48)
        #expect(try codec.decodedBytes(stored, capacity: 48) == payload)
        #expect(try codec.decodedBytes(stored + stored + end, capacity: 96) == payload + payload)
        #expect(try codec.decodedBytes(end, capacity: 0) == [])
        #expect(try errorCode { _ = try codec.decodedBytes(stored + stored, capacity: 95) } == .tooLarge)
        for length in 0..<stored.count {
            let code = try errorCode { _ = try codec.decodedBytes(Array(stored[..<length]), capacity: 48) }
            #expect(code == .tooShort, "\(length) bytes")
        }
        // Magic, method, stored size, decoded size, decoded size beyond the block's, checksum, payload.
        let damages: [(Int, UInt8, CodecError.Code)] = [
            (0, 1, .corrupt), (8, 0x20, .corrupt), (9, 1, .corrupt), (13, 1, .corrupt), (15, 1, .corrupt),
            (17, 1, .checksum), (30, 1, .checksum),
        ]
        for (offset, bit, code) in damages {
            var damaged = stored
            damaged[offset] ^= bit
            #expect(try errorCode { _ = try codec.decodedBytes(damaged, capacity: 48) } == code, "offset \(offset)")
        }
    }

    @Test func base64ReadsWholeGroups() throws {
        let codec = Base64Codec()
        #expect(try codec.decodedBytes(Array("YWJjYWI=".utf8), capacity: 5) == Array("abcab".utf8))
        #expect(try codec.decodedBytes(Array("+/8A".utf8), capacity: 3) == [0xFB, 0xFF, 0])
        #expect(try codec.decodedBytes(Array("YQ==".utf8), capacity: 1) == Array("a".utf8))
        #expect(try codec.decodedBytes([], capacity: 0) == [])
        #expect(try errorCode { _ = try codec.decodedBytes(Array("YWJj".utf8), capacity: 2) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes(Array("YWJ".utf8), capacity: 9) } == .tooShort)
        #expect(try errorCode { _ = try codec.decodedBytes(Array("Y=Jj".utf8), capacity: 9) } == .corrupt)
        #expect(try errorCode { _ = try codec.decodedBytes(Array("====".utf8), capacity: 9) } == .corrupt)
    }

    @Test func packBitsReadsThePadding() throws {
        let codec = PackBitsFilter()
        #expect(try codec.decodedBytes([4, 144], capacity: 4) == [1, 0, 0, 1])
        #expect(
            try codec.decodedBytes([0, 1, 0x80], capacity: 16) == [0, 0, 0, 0, 0, 0, 0, 1, 1] + [0, 0, 0, 0, 0, 0, 0])
        #expect(try codec.decodedBytes([0], capacity: 0) == [])
        #expect(try errorCode { _ = try codec.decodedBytes([4, 144], capacity: 3) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes([], capacity: 3) } == .tooShort)
        #expect(try errorCode { _ = try codec.decodedBytes([1], capacity: 3) } == .corrupt)
        #expect(try errorCode { _ = try codec.decodedBytes([8, 1], capacity: 3) } == .corrupt)
    }

    /// Whatever one byte is changed to: bytes or an error, and nothing beyond the output.
    @Test func survivesEveryDamagedByte() throws {
        let encoded: [(any ChunkDecoder, String)] = [
            (Bzip2Codec(), "425a6831314159265359648cbb73000000010038002000219819846177245385090648cbb730"),
            (LZMACodec(format: .alone), "5d00008000ffffffffffffffff00309888a61dfe81a3ffff61640000"),
            (
                LZMACodec(format: .raw, filters: [.delta(distance: 1), .lzma2(dictionaryByteCount: 1 << 20)]),
                "010008610101fe0101fe010100"
            ),
            (LZ4Codec(), "1b0000003f616263030000506263616263"),
            (LZ4FrameCodec(), "04224d186440a70c000000366162630300506263616263000000009b7cfb30"),
            (LZ4BlockStreamCodec(), "4c5a34426c6f636b 10 00000000 00000000 00000000"),
        ]
        var failures = 0
        for (decoder, text) in encoded {
            let valid = bytes(hex: text)
            for offset in valid.indices {
                for value in UInt8.min...UInt8.max {
                    var damaged = valid
                    damaged[offset] = value
                    let code = try errorCode { _ = try decoder.decodedBytes(damaged, capacity: 27) }
                    if code != nil { failures += 1 }
                }
            }
        }
        #expect(failures > 10_000)
    }

    /// Elements longer than the chunk, by any number: nothing is moved, and nothing is counted up to it.
    @Test(.timeLimit(.minutes(5)), arguments: [11, 1 << 32, Int.max])
    func shufflesElementsOfAnyLength(width: Int) throws {
        let bytes = Array(UInt8(1)...10)
        #expect(try ShuffleFilter(elementByteCount: width).decodedBytes(bytes, capacity: 10) == bytes)
    }
}
