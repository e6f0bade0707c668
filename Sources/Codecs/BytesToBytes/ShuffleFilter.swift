/// The byte shuffle of HDF5 (filter 2) and numcodecs (`shuffle`). It only decodes.
///
/// Shuffled bytes hold the first byte of every element, then the second of every element, and so on. As in HDF5, bytes after the last whole
/// element are not moved.
public struct ShuffleFilter: ChunkDecoder, Equatable {
    public let name = "shuffle"
    /// Bytes of one element; with 0 or 1 nothing is moved.
    public let elementByteCount: Int

    public init(elementByteCount: Int) { self.elementByteCount = elementByteCount }

    /// Puts the bytes of each element together again. Returns the number of bytes written, which equals that of `encoded`.
    ///
    /// - Throws: ``CodecError`` with code `.tooLarge` where `output` is smaller than `encoded`, `.unsupported` where the
    ///   elements have no bytes.
    public func decode(_ encoded: RawSpan, into output: inout MutableRawSpan) throws(CodecError) -> Int {
        let count = encoded.byteCount
        guard elementByteCount >= 0 else {
            throw CodecError(.unsupported, codec: "shuffle", "elements of \(elementByteCount) bytes")
        }
        guard count <= output.byteCount else {
            throw .tooLarge(codec: "shuffle", capacity: output.byteCount, found: count)
        }
        let width = max(elementByteCount, 1)
        let elements = count / width
        encoded.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { target in
                // `elementByteCount` may be much larger than the input.
                for byte in 0..<(elements > 0 ? width : 0) {
                    let plane = byte * elements
                    var position = byte
                    for element in 0..<elements {
                        target[position] = source[plane + element]
                        position += width
                    }
                }
                for index in (elements * width)..<count { target[index] = source[index] }
            }
        }
        return count
    }
}
