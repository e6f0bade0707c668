import Codecs
import Elements
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
}
