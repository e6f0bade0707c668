import Codecs
import Elements
import TestSupport
import Testing

/// Rules of the single formats, on bytes written by the reference tools.
@Suite struct FormatTests {
    @Test func crcOfTheCheckValueAndOfParts() {
        let digits = Array("123456789".utf8)
        #expect(Checksum.crc32(digits.span.bytes) == 0xCBF4_3926)
        let head = Checksum.crc32(digits.span.bytes.extracting(0..<4))
        #expect(Checksum.crc32(digits.span.bytes.extracting(4..<9), continuing: head) == 0xCBF4_3926)
        let nothing: [UInt8] = []
        #expect(Checksum.crc32(nothing.span.bytes) == 0)
        #expect(Checksum.crc32(nothing.span.bytes, continuing: head) == head)
    }

    @Test func gzipHeaderHasNeitherTimeNorName() throws {
        let encoded = try GzipCodec().encodedBytes([1, 2, 3])
        #expect(Array(encoded[..<8]) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0])
        #expect(encoded[9] == 255)
    }

    @Test func gzipReadsSeveralMembersAndZerosBehindThem() throws {
        let codec = GzipCodec()
        let members = try codec.encodedBytes([1, 2, 3]) + codec.encodedBytes([]) + codec.encodedBytes([4])
        #expect(try codec.decodedBytes(members, capacity: 4) == [1, 2, 3, 4])
        #expect(try codec.decodedBytes(members + [0, 0, 0], capacity: 4) == [1, 2, 3, 4])
        #expect(try errorCode { _ = try codec.decodedBytes(members + [0, 7], capacity: 4) } == .corrupt)
        #expect(try errorCode { _ = try codec.decodedBytes(members, capacity: 3) } == .tooLarge)
    }

    @Test func gzipReadsHeadersWithNameAndTime() throws {
        // Python: gzip.GzipFile('a.txt', 'wb', 9, file, mtime=0x12345678).write(b'abc')
        let encoded = bytes(hex: "1f8b08087856341202ff612e747874004b4c4a0600c241243503000000")
        #expect(try GzipCodec().decodedBytes(encoded, capacity: 3) == Array("abc".utf8))
    }

    @Test func zlibIgnoresBytesBehindTheStream() throws {
        // python3 -c 'import zlib; print(zlib.compress(b"abc").hex())'
        let encoded = bytes(hex: "789c4b4c4a0600024d0127")
        #expect(try ZlibCodec().decodedBytes(encoded + [9, 9], capacity: 3) == Array("abc".utf8))
        var damaged = encoded
        damaged[10] ^= 1
        #expect(try errorCode { _ = try ZlibCodec().decodedBytes(damaged, capacity: 3) } == .corrupt)
    }

    @Test(arguments: [13, 100, -2])
    func deflateRefusesUnknownLevels(level: Int) throws {
        #expect(try errorCode { _ = try GzipCodec(level: level).encodedBytes([1]) } == .unsupported)
        #expect(try errorCode { _ = try ZlibCodec(level: level).encodedBytes([1]) } == .unsupported)
    }

    @Test func zstdReadsSeveralAndSkippableFrames() throws {
        let codec = ZstdCodec()
        let skippable = bytes(hex: "502a4d18 03000000 ffffff")
        let frames =
            try skippable + codec.encodedBytes([1, 2, 3]) + skippable
            + ZstdCodec(checksum: true).encodedBytes([4, 5]) + skippable
        #expect(try codec.decodedBytes(frames, capacity: 5) == [1, 2, 3, 4, 5])
        #expect(try errorCode { _ = try codec.decodedBytes(frames, capacity: 4) } == .tooLarge)
        #expect(try errorCode { _ = try codec.decodedBytes(frames + [1, 2, 3], capacity: 5) } == .tooShort)
        #expect(
            try errorCode { _ = try codec.decodedBytes(frames + [UInt8](repeating: 1, count: 9), capacity: 5) }
                == .corrupt)
    }

    @Test func zstdReadsFramesWithoutContentSize() throws {
        // printf abcabcabc | zstd -c: no content size, a checksum.
        let encoded = bytes(hex: zstdWithoutContentSize)
        #expect(try ZstdCodec().decodedBytes(encoded, capacity: 9) == Array("abcabcabc".utf8))
        #expect(try errorCode { _ = try ZstdCodec().decodedBytes(encoded, capacity: 8) } == .tooLarge)
        var damaged = encoded
        damaged[damaged.count - 1] ^= 1
        #expect(try errorCode { _ = try ZstdCodec().decodedBytes(damaged, capacity: 9) } == .checksum)
    }

    @Test func zstdWritesTheChecksumOnlyWhenAsked() throws {
        let data = noisyBytes(500)
        let without = try ZstdCodec(level: 1).encodedBytes(data)
        let with = try ZstdCodec(level: 1, checksum: true).encodedBytes(data)
        #expect(with.count == without.count + 4)
        #expect(with[4] & 4 == 4)
        #expect(without[4] & 4 == 0)
    }

    @Test func bloscIgnoresBytesBehindTheBuffer() throws {
        let codec = BloscCodec(typeSize: 1)
        let encoded = try codec.encodedBytes([1, 2, 3, 4])
        #expect(try codec.decodedBytes(encoded + [0, 0], capacity: 4) == [1, 2, 3, 4])
    }

    /// blosc itself decodes this one where the output is larger than its blocks of 43 bytes.
    @Test(arguments: [2, 42, 43, 1000])
    func bloscRefusesBlocksLargerThanTheContent(capacity: Int) throws {
        let encoded = bytes(hex: "02019204 02000000 2b000000 12000000 0100")
        #expect(try errorCode { _ = try BloscCodec(typeSize: 4).decodedBytes(encoded, capacity: capacity) } == .corrupt)
    }

    @Test func bloscChecksTheStatedSizeFirst() throws {
        var encoded = try BloscCodec(typeSize: 4).encodedBytes(noisyBytes(4000))
        encoded.replaceSubrange(4..<8, with: [0xEF, 0xFF, 0xFF, 0x7F])
        do {
            _ = try BloscCodec(typeSize: 4).decodedBytes(encoded, capacity: 4000)
            Issue.record("decoded 2 GiB into 4000 bytes")
        } catch let error as CodecError {
            #expect(error.code == .tooLarge)
            #expect(error.expected == 4000)
            #expect(error.found == 0x7FFF_FFEF)
            #expect(!error.description.contains("\n"))
        }
    }

    @Test func bloscRefusesUnknownParameters() throws {
        let refused = [
            BloscCodec(compressor: "brotli", typeSize: 1), BloscCodec(level: 10, typeSize: 1),
            BloscCodec(shuffle: 3, typeSize: 1), BloscCodec(typeSize: 0), BloscCodec(typeSize: 256),
            BloscCodec(typeSize: 1, blockSize: -1),
        ]
        for codec in refused { #expect(try errorCode { _ = try codec.encodedBytes([1]) } == .unsupported) }
    }

    @Test func shuffleGathersTheBytesOfElements() throws {
        let shuffled: [UInt8] = [1, 4, 7, 2, 5, 8, 3, 6, 9, 100]
        func decode(width: Int, capacity: Int) throws -> [UInt8] {
            let output = ByteBuffer(zeroed: capacity)
            let count = try output.withMutableSpan { span throws(CodecError) in
                try ShuffleFilter(elementByteCount: width).decode(shuffled.span.bytes, into: &span)
            }
            return Array(output.array[..<count])
        }
        #expect(try decode(width: 3, capacity: 12) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 100])
        #expect(try decode(width: 1, capacity: 10) == shuffled)
        #expect(try errorCode { _ = try decode(width: 3, capacity: 9) } == .tooLarge)
        #expect(try decode(width: 0, capacity: 10) == shuffled)
        #expect(try errorCode { _ = try decode(width: -1, capacity: 10) } == .unsupported)
    }

    /// What follows a stream and is none is ignored whether or not there is room left for it.
    @Test(arguments: [80, 81, 100]) func lzmaIgnoresWhatIsNoStream(capacity: Int) throws {
        let stream = """
            fd377a585a0000016922de3602002101160000 00742fe5a3e0004f000a5d00006002d48b35d3b0c000000000d10d33d100012250ffa25f\
            ec9042990d010000000001595a
            """
        let behind = "000000742fe5a3e0004f000a5d00006002d48b35d3b0c000000000d10d33d1"
        for codec in [LZMACodec(), LZMACodec(format: .automatic)] {
            #expect(try codec.decodedBytes(bytes(hex: stream + behind), capacity: capacity).count == 80)
            #expect(try errorCode { _ = try codec.decodedBytes(bytes(hex: stream), capacity: 79) } == .tooLarge)
        }
    }
}

private let zstdWithoutContentSize = "28b52ffd045849000061626361626361626357465217"
