import Codecs
import Elements
import VolumeDeflate

/// ``VolumeZlibCodec``, the one encoder of our own. The first four bytes of an input say how wide a voxel, a row and a plane are and how
/// the voxels are made of the others: whatever they are, they come back.
struct EncoderHarness: Harness {
    let name = "volume-zlib"

    private static let headerCount = 4
    /// Three blocks of repetitions as short as they can be, and what lies between them.
    private static let wovenByteCount = 600_000
    /// More than what a chunk is judged by, in its middle.
    private static let noiseCount = 9000

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= Self.headerCount else { return }
        let rest = UnsafeRawBufferPointer(rebasing: input[Self.headerCount...])
        if input[3] & 1 == 0 {
            repeated(rest, input)
        } else {
            woven(rest, input)
        }
    }

    /// The bytes themselves.
    private func repeated(_ rest: UnsafeRawBufferPointer, _ header: UnsafeRawBufferPointer) {
        let row = 1 + Int(header[1])
        let codec = VolumeZlibCodec(
            elementByteCount: 1 << Int(header[0] & 3), rowVoxels: row, planeVoxels: row * (1 + Int(header[2])),
            level: 1 + Int(header[0] >> 2) % 9)
        // Again and again, so that blocks end in the middle of what repeats.
        var voxels = Array(rest)
        while header[0] & 0x80 != 0, !voxels.isEmpty, voxels.count < 100_000 { voxels += voxels }
        check(voxels, codec)
    }

    /// A chunk for which each byte is an instruction, again and again: its two highest bits say what comes, the others how much of it.
    private func woven(_ rest: UnsafeRawBufferPointer, _ header: UnsafeRawBufferPointer) {
        guard !rest.isEmpty else { return }
        let row = 32 + Int(header[1])
        let plane = row * (13 + Int(header[2]) % 64) + 1 + Int(header[2]) % 31
        var chunk = WovenChunk(row: row, plane: plane, seed: UInt64(header[0]))
        var hasMiddle = false
        while chunk.bytes.count < Self.wovenByteCount {
            for instruction in rest where chunk.bytes.count < Self.wovenByteCount {
                let count = Int(instruction & 0x3F)
                switch instruction >> 6 {
                case 0: chunk.addNear(8 + count / 4)
                case 1: chunk.addWords(1 + count % 7)
                case 2: for _ in 0...count { chunk.addNear(8) }
                // Now and then: mostly literals is what the other way makes.
                default: if count == 0x3F { chunk.addNoise(1) } else { chunk.addNear(8 + count) }
                }
                if !hasMiddle, chunk.bytes.count >= Self.wovenByteCount / 2 - Self.noiseCount {
                    chunk.addNoise(2 * Self.noiseCount)
                    hasMiddle = true
                }
            }
        }
        check(
            chunk.bytes,
            VolumeZlibCodec(
                elementByteCount: 1, rowVoxels: row, planeVoxels: plane, level: 1 + Int(header[3] >> 1) % 6))
    }

    private func check(_ voxels: [UInt8], _ codec: VolumeZlibCodec) {
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
        let headers: [[UInt8]] = [[0, 7, 7, 0], [0x81, 63, 3, 0], [0x07, 15, 15, 0]]
        let plain = (texts + chunks).flatMap { bytes in headers.map { $0 + bytes } }
        // Steps of every kind, and literals.
        let instructions = (0..<64).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let wovenHeaders: [[UInt8]] = [[1, 29, 50, 7], [2, 200, 9, 3]]
        return plain + wovenHeaders.map { $0 + instructions }
    }
}
