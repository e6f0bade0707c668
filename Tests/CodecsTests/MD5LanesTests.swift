import Codecs
import Crypto
import Elements
import Testing

/// Against the library's MD5, which does one message at a time.
@Suite struct MD5LanesTests {
    private func expected(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.MD5.hash(data: bytes)) }

    private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    /// Around the places where the end, the bit and the length take another block.
    @Test(arguments: Array(0...130) + [1000, 65_535, 65_536]) func lengths(count: Int) {
        let message = bytes(count, seed: UInt64(count))
        #expect(MD5Lanes.digests(of: [ByteBuffer(message)]) == [expected(message)])
    }

    @Test(arguments: 1...MD5Lanes.count) func severalOfDifferentLengths(count: Int) {
        for round in 0..<20 {
            let messages = (0..<count).map { lane in
                bytes((round * 977 + lane * lane * 131) % 5000 * (lane % 3), seed: UInt64(round * 8 + lane))
            }
            #expect(MD5Lanes.digests(of: messages.map { ByteBuffer($0) }) == messages.map(expected))
        }
    }
}
