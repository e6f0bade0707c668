import Codecs
import Elements

/// ``VolumeZlibCodec``, the one encoder of our own. The first three bytes of an input say how wide a voxel, a row and a plane are, the others
/// are the voxels: whatever they are, they come back.
struct EncoderHarness: Harness {
    let name = "volume-zlib"

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 3 else { return }
        let row = 1 + Int(input[1])
        let codec = VolumeZlibCodec(
            elementByteCount: 1 << Int(input[0] & 3), rowVoxels: row, planeVoxels: row * (1 + Int(input[2])),
            level: 1 + Int(input[0] >> 2) % 9)
        // Again and again, so that blocks end in the middle of what repeats.
        var voxels = Array(input[3...])
        while input[0] & 0x80 != 0, !voxels.isEmpty, voxels.count < 100_000 { voxels += voxels }
        guard let encoded = try? codec.encode(voxels.span.bytes) else {
            return require(false, "\(voxels.count) bytes are not encoded")
        }
        let decoded = ByteBuffer(count: voxels.count)
        let count = try? encoded.withSpan { bytes throws(CodecError) in
            try decoded.withMutableSpan { output throws(CodecError) in try codec.decode(bytes, into: &output) }
        }
        require(count == voxels.count && decoded.array == voxels, "\(voxels.count) bytes do not come back")
        require(
            encoded.count <= voxels.count + voxels.count / 1000 + 64, "\(voxels.count) bytes become \(encoded.count)")
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        let texts = [Array("voxel".utf8), [UInt8](repeating: 7, count: 3000), (0..<2000).map { UInt8($0 * $0 % 251) }]
        let chunks = fixtures.files.filter { $0.bytes.count > 64 }.prefix(200).map(\.bytes)
        return (texts + chunks).flatMap { bytes in
            [[0, 7, 7], [0x81, 63, 3], [0x07, 15, 15]].map { $0 + bytes }
        }
    }
}
