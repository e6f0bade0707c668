internal import Codecs
public import Elements

/// The metadata of one stored array, and how its chunks are named and decoded.
///
/// Every value has been checked: the array's and the chunks' byte counts fit an `Int`, a chunk has at least one byte
/// and at most ``maximumChunkByteCount``.
public struct ArrayMetadata: Sendable, Equatable {
    public let format: VolumeFormat
    /// Elements per axis; an axis may be empty.
    public let shape: [Int]
    /// Elements of a chunk per axis, each at least 1. Chunks at the edge are stored in full.
    public let chunkShape: [Int]
    public let elementType: ElementType
    /// What unstored chunks hold: the bytes of one element in native byte order, zeros where the metadata leave it open.
    public let fillValue: [UInt8]
    /// Whether the fill value is null: unstored elements have no defined value.
    public let fillIsUndefined: Bool
    /// How chunks are encoded.
    public let codecSummary: CodecSummary
    /// `/` or `.`, between the numbers of a chunk's key.
    public let keySeparator: String
    /// Whether stored elements have their bytes in the other order than this machine.
    let isByteSwapped: Bool
    /// Whether the first axis varies fastest in stored chunks.
    let isFortranOrder: Bool

    /// The largest decoded chunk that is accepted: 4 GiB.
    public static let maximumChunkByteCount = 1 << 32
    /// The largest array, and the longest axis, that is accepted: far above any store, low enough for sums to fit.
    static let maximumArrayByteCount = 1 << 62
    /// The largest number of axes.
    public static let maximumRank = 32

    /// The number of axes.
    public var rank: Int { shape.count }

    /// Chunks per axis.
    public var chunkGridShape: [Int] { zip(shape, chunkShape).map { ($0 + $1 - 1) / $1 } }

    /// Decoded bytes of one full chunk.
    public var chunkByteCount: Int { chunkShape.reduce(elementType.byteCount, *) }

    /// More bytes than a stored chunk can sanely have: a download beyond that is not a chunk.
    public var maximumEncodedByteCount: Int {
        // Deflate in stored blocks of 16 KiB and blosc's offsets cost below 1/1000; 1/16 leaves room for bad encoders.
        codecSummary.name == "none" ? chunkByteCount : chunkByteCount + chunkByteCount / 16 + 65_536
    }

    /// The key of a chunk relative to the array, such as `0/0/0` or `0.0.0`. `index` has one number for each axis.
    public func chunkKey(_ index: [Int]) -> String {
        precondition(index.count == rank, "a chunk index of \(index.count) numbers in an array of \(rank) axes")
        switch format {
        case .zarrV2: return index.map(String.init).joined(separator: keySeparator)
        }
    }

    /// Decodes one stored chunk to C order, native byte order, full chunk shape.
    ///
    /// - Parameter key: the chunk's key, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the bytes are damaged or do not give exactly
    ///   ``chunkByteCount`` bytes, `.unsupported` where they use a variety of the codec that cannot be read.
    public func decodeChunk(_ encoded: RawSpan, key: String) throws(VolumeError) -> ByteBuffer {
        let elementByteCount = elementType.byteCount
        guard let codec = codecSummary.makeCodec(elementByteCount: elementByteCount) else {
            throw VolumeError(.unsupported, path: key, "there is no codec \"\(codecSummary.name)\"")
        }
        let expected = chunkByteCount
        let buffer = ByteBuffer(count: expected)
        let found: Int
        do throws(CodecError) {
            found = try buffer.withMutableSpan { output throws(CodecError) in try codec.decode(encoded, into: &output) }
        } catch {
            throw VolumeError(
                error.code == .unsupported ? .unsupported : .corruptChunk, path: key,
                "\(error.description); the chunk is \(encoded.byteCount) bytes, "
                    + "and \(expected) when decoded (shape \(chunkShape), \(elementType.rawValue))",
                cause: error)
        }
        guard found == expected else {
            throw VolumeError(
                .corruptChunk, path: key,
                "decoded to \(found) bytes, expected \(expected) (shape \(chunkShape), \(elementType.rawValue))")
        }
        var chunk = buffer
        if isFortranOrder, rank > 1 {
            chunk = ElementOrder.fromFortranOrder(buffer, shape: chunkShape, elementByteCount: elementByteCount)
        }
        if isByteSwapped { ElementOrder.swapBytes(of: chunk, elementByteCount: elementByteCount) }
        return chunk
    }
}
