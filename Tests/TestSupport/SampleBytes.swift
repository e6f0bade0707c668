package import Codecs
internal import Elements

/// Deterministic bytes that look like electron microscopy: a slow gradient with noise in the low bits.
package func noisyBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { index in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: 100 + (index / 64) % 50 + Int(state & 15))
    }
}

extension ChunkCodec {
    package func encodedBytes(_ bytes: [UInt8]) throws(CodecError) -> [UInt8] {
        try encode(bytes.span.bytes).array
    }
}

extension ChunkDecoder {
    /// Decodes into an output of `capacity` bytes and checks that nothing beyond it was written.
    package func decodedBytes(_ bytes: [UInt8], capacity: Int) throws -> [UInt8] {
        let guardBytes = 64
        var output = [UInt8](repeating: 0xA5, count: capacity + guardBytes)
        let count = try output.withUnsafeMutableBytes { memory throws(CodecError) in
            let inside = UnsafeMutableRawBufferPointer(rebasing: memory[..<capacity])
            var span = inside.mutableBytes
            return try decode(bytes.span.bytes, into: &span)
        }
        guard output[capacity...].allSatisfy({ $0 == 0xA5 }) else { throw WroteBeyondOutput() }
        return Array(output[..<count])
    }
}

package struct WroteBeyondOutput: Error {}

/// The code of the error that `body` throws; nil where it throws none.
package func errorCode(_ body: () throws -> Void) throws -> CodecError.Code? {
    do {
        try body()
        return nil
    } catch let error as CodecError {
        return error.code
    }
}

package func bytes(hex: String) -> [UInt8] {
    var result: [UInt8] = []
    var rest = Substring(hex.filter { !$0.isWhitespace })
    while rest.count >= 2 {
        result.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
    }
    return result
}
