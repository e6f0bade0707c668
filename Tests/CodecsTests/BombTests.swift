import Codecs
import Elements
import TestSupport
import Testing

/// Small inputs that decode to gigabytes: they must be refused after at most one output's worth of work.
@Suite struct BombTests {
    /// 64 MiB of zeros, in about 64 KiB of gzip or zlib and 6 KiB of zstd.
    private static let zeros = [UInt8](repeating: 0, count: 64 << 20)

    @Test func gzipMembersThatNeverEnd() throws {
        let codec = GzipCodec(level: 6)
        let member = try codec.encodedBytes([UInt8](repeating: 0, count: 1 << 20))
        let bomb = [[UInt8]](repeating: member, count: 4096).flatMap { $0 }
        #expect(try errorCode { _ = try codec.decodedBytes(bomb, capacity: 4096) } == .tooLarge)
    }

    @Test func zlibOfManyZeros() throws {
        let bomb = try ZlibCodec(level: 6).encodedBytes(Self.zeros)
        #expect(bomb.count < 1 << 17)
        #expect(try errorCode { _ = try ZlibCodec().decodedBytes(bomb, capacity: 4096) } == .tooLarge)
    }

    @Test func zstdOfManyZeros() throws {
        let bomb = try ZstdCodec().encodedBytes(Self.zeros)
        #expect(bomb.count < 1 << 14)
        #expect(try errorCode { _ = try ZstdCodec().decodedBytes(bomb, capacity: 4096) } == .tooLarge)
    }

    /// A frame of 1 KiB with 256 blocks of 128 KiB each, repeated: 32 MiB a frame, sizes not stated, window 2 GiB.
    @Test func zstdFrameOfRunLengthBlocksWithoutContentSize() throws {
        // Frame header: magic, descriptor 0 (no size, no checksum), window byte for 2^31 bytes.
        var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3]
        let blockBytes: UInt32 = 128 << 10
        for block in 0..<256 {
            let header = (block == 255 ? 1 : 0) | UInt32(1 << 1) | blockBytes << 3
            frame += [UInt8(header & 0xFF), UInt8(header >> 8 & 0xFF), UInt8(header >> 16 & 0xFF), 0x55]
        }
        #expect(frame.count == 1030)
        #expect(try errorCode { _ = try ZstdCodec().decodedBytes(frame, capacity: 1 << 16) } == .tooLarge)
        let whole = try ZstdCodec().decodedBytes(frame, capacity: 32 << 20)
        #expect(whole.count == 32 << 20)
        #expect(whole.allSatisfy { $0 == 0x55 })
    }

    @Test func zstdFrameThatStatesExabytes() throws {
        // Single segment, content size of 8 bytes, all ones but the top bit.
        let size: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0] + size + [1, 0, 0]
        #expect(try errorCode { _ = try ZstdCodec().decodedBytes(frame, capacity: 100) } == .tooLarge)
    }

    // MARK: Ten gigabytes of zeros, and outputs of a page

    private static let gigabytes = 10 << 30

    /// Streams of 45 MB in 50 bytes each, written by Python's `bz2`.
    @Test func bzip2StreamsOfTenGigabytes() throws {
        let stream = bytes(
            hex: "425a6839314159265359c901b6c80158ab4020c00010000008200030cc0529a65248526c5492149e2ee48a70a12192036d90")
        let bomb = [[UInt8]](repeating: stream, count: Self.gigabytes / 45_000_000 + 1).flatMap { $0 }
        #expect(bomb.count < 12_000)
        #expect(try errorCode { _ = try Bzip2Codec().decodedBytes(bomb, capacity: 4096) } == .tooLarge)
        #expect(try errorCode { _ = try Bzip2Codec().decodedBytes(stream, capacity: 4096) } == .tooLarge)
    }

    /// Streams of 1 MiB in 280 bytes each, written by Python's `lzma`.
    @Test func xzStreamsOfTenGigabytes() throws {
        let stream = bytes(
            hex: """
                fd377a585a0000016922de360200210116000000742fe5a3efffff00d95d00006ffdffffa3b7ff473e481572396151b89228
                e6a38607f9eee41e82d32fc53a3c014bb17ec98a8a4d2fa30dd97fa6e38c231153e05918c5758ae277f8b6947f0c6ac0de74
                4964e2e95c53b204d8f7440cab5f0d6d46e9e5c37688b79657acb64de1691d6ffb4b88106c42cb883f5c008fd04eaf262894
                711f3d8f24e1709ea7235fec28cb85d195988a7e2a91f22775f719c006984d98fdd8afd5900fc42553f8f591363105a5b0ee
                6fc1704d470cd19111aaad601dbaceb127185c5986e9665258bee976ac59e4e55b0508f9c7daadfcfb522af7e49525000000
                00001cea38a70001f101808040006fd5eedc3e300d8b020000000001595a
                """)
        let bomb = [[UInt8]](repeating: stream, count: Self.gigabytes >> 20).flatMap { $0 }
        for format in [LZMACodec.Format.xz, .automatic] {
            let codec = LZMACodec(format: format)
            #expect(try codec.decodedBytes(stream, capacity: 1 << 20).count == 1 << 20)
            #expect(try errorCode { _ = try codec.decodedBytes(bomb, capacity: 4096) } == .tooLarge)
            #expect(try errorCode { _ = try codec.decodedBytes(bomb, capacity: 1 << 20) } == .tooLarge)
        }
    }

    /// The older format says how large its content is, and how large a dictionary it wants.
    @Test func lzmaThatStatesExabytes() throws {
        var stream = bytes(
            hex: """
                5d00008000ffffffffffffffff00006ffdffffa3b7ff473e481572396151b89228e6a38607f9eee41e82d32fc53a3c014bb1
                7ec98a8a4d2fa30dd97fa6e38c231153e05918c5758ae277f8b6947f0c6ac0de744964e2e95c53b204d8f7440cab5f0d6d46
                e9e5c37688b79657acb64de1691d6fabfcf5e0fdfffff61e4000
                """)
        let codec = LZMACodec(format: .alone)
        #expect(try codec.decodedBytes(stream, capacity: 1 << 18).count == 1 << 18)
        #expect(try errorCode { _ = try codec.decodedBytes(stream, capacity: 4096) } == .tooLarge)
        stream.replaceSubrange(5..<13, with: [0, 0, 0, 0, 0, 0, 0, 0x10])
        #expect(try errorCode { _ = try codec.decodedBytes(stream, capacity: 4096) } == .tooLarge)
        stream.replaceSubrange(1..<5, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(try errorCode { _ = try codec.decodedBytes(stream, capacity: 4096) } == .unsupported)
    }

    @Test func gzipInGzipInGzip() throws {
        let codec = GzipCodec(level: 9)
        let member = try codec.encodedBytes([UInt8](repeating: 0, count: 1 << 20))
        let outer = try codec.encodedBytes([[UInt8]](repeating: member, count: Self.gigabytes >> 20).flatMap { $0 })
        let bomb = try GzipCodec(level: 12).encodedBytes(outer)
        #expect(bomb.count < 1200)
        // One layer fits, the next one does not.
        #expect(try codec.decodedBytes(bomb, capacity: outer.count) == outer)
        #expect(try errorCode { _ = try codec.decodedBytes(outer, capacity: 4096) } == .tooLarge)
    }

    /// A block that says it has 4 GiB, less a byte; and one that has 255 bytes for each of its own.
    @Test func lz4OfManyZeros() throws {
        let block = [0x1F, 0, 1, 0] + [UInt8](repeating: 0xFF, count: 1000) + [0]
        for size: [UInt8] in [[0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0xA0, 0x86, 1, 0]] {
            #expect(try errorCode { _ = try LZ4Codec().decodedBytes(size + block, capacity: 4096) } == .tooLarge)
        }
    }

    /// A frame that says it has 2^60 bytes, of blocks of 4 MiB.
    @Test func lz4FrameThatStatesExabytes() throws {
        let descriptor: [UInt8] = [0x68, 0x70, 0, 0, 0, 0, 0, 0, 0, 0x10]
        let check = UInt8(truncatingIfNeeded: Checksum.xxHash32(descriptor.span.bytes) >> 8)
        let block = [0x1F, 0, 1, 0] + [UInt8](repeating: 0xFF, count: 1000) + [0, 0x50, 0, 0, 0, 0, 0]
        let frame =
            LZ4FrameCodec.magic + descriptor + [check, UInt8(block.count & 0xFF), UInt8(block.count >> 8), 0, 0]
        let whole = frame + block + [0, 0, 0, 0]
        #expect(try errorCode { _ = try LZ4FrameCodec().decodedBytes(whole, capacity: 4096) } == .tooLarge)
    }

    /// Blocks of lz4-java say how large they are: 32 MiB at most, and not more than the token allows.
    @Test func lz4BlockStreamThatStatesGigabytes() throws {
        func stream(token: UInt8, size: [UInt8]) -> [UInt8] {
            LZ4BlockStreamCodec.magic + [token, 8, 0, 0, 0] + size + [UInt8](repeating: 0, count: 12)
        }
        let codec = LZ4BlockStreamCodec()
        let large = stream(token: 0x2F, size: [0, 0, 0, 2])
        #expect(try errorCode { _ = try codec.decodedBytes(large, capacity: 4096) } == .tooLarge)
        let larger = stream(token: 0x2F, size: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(try errorCode { _ = try codec.decodedBytes(larger, capacity: 4096) } == .corrupt)
    }

    @Test(arguments: ["blosclz", "lz4", "zlib", "zstd"])
    func bloscOfManyZeros(compressor: String) throws {
        let codec = BloscCodec(compressor: compressor, level: 9, typeSize: 1)
        var bomb = try codec.encodedBytes(Self.zeros)
        #expect(bomb.count < 1 << 19)
        #expect(try errorCode { _ = try codec.decodedBytes(bomb, capacity: 4096) } == .tooLarge)
        bomb.replaceSubrange(4..<8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(try errorCode { _ = try codec.decodedBytes(bomb, capacity: 4096) } == .tooLarge)
    }
}
