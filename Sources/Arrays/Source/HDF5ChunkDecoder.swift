internal import Codecs
public import Elements
public import HDF5

/// Decodes stored chunks of an HDF5 dataset without the library, which lacks zstd and Blosc and works on one thread alone.
public struct HDF5ChunkDecoder: Sendable {
    private enum Stage: Sendable {
        case decoder(any ChunkDecoder)
        case checksum(ChecksumFilter)
    }

    /// In the order of encoding: their positions are the bits of a chunk's filter mask.
    private let stages: [Stage]
    private let elementByteCount: Int
    private let isBigEndian: Bool
    /// Bytes of a decoded chunk.
    public let byteCount: Int

    /// nil where the dataset is not chunked, or one of its filters is not ours to decode.
    public init?(_ info: DatasetInfo) {
        guard let chunkShape = info.chunkShape else { return nil }
        var stages: [Stage] = []
        for filter in info.filters {
            switch filter.id {
            case 1: stages.append(.decoder(ZlibCodec()))
            // Its one parameter is the bytes of an element, as the library noted them when it made the dataset.
            case 2:
                guard let width = filter.clientData.first, width > 0 else { return nil }
                stages.append(.decoder(ShuffleFilter(elementByteCount: Int(width))))
            case 3: stages.append(.checksum(ChecksumFilter(.fletcher32)))
            case 32015: stages.append(.decoder(ZstdCodec()))
            case 32001: stages.append(.decoder(BloscCodec(typeSize: info.elementType.byteCount)))
            default: return nil
            }
        }
        self.stages = stages
        elementByteCount = info.elementType.byteCount
        isBigEndian = info.isBigEndian
        byteCount = chunkShape.reduce(elementByteCount, *)
    }

    /// The elements of a whole chunk in the machine's byte order.
    ///
    /// - Parameters:
    ///   - stored: taken over: what is returned may be its bytes, changed.
    ///   - path: the file, for messages.
    ///   - object: the dataset and the chunk's place in it, for messages.
    /// - Throws: ``HDF5Error`` where the bytes are damaged or are not those of one chunk.
    public func decode(_ stored: StoredChunk, path: String, object: String) throws(HDF5Error) -> ByteBuffer {
        func failure(_ message: String) -> HDF5Error {
            HDF5Error(operation: "decode a chunk", path: path, object: object, message: message)
        }
        var bytes = stored.bytes
        for (number, stage) in stages.enumerated().reversed() where stored.filterMask & (1 << UInt32(number)) == 0 {
            do throws(CodecError) {
                switch stage {
                case .checksum(let filter): bytes.resize(to: try Self.payloadByteCount(bytes, filter))
                case .decoder(let decoder): bytes = try decode(bytes, with: decoder)
                }
            } catch {
                throw failure(error.description)
            }
        }
        guard bytes.count == byteCount else { throw failure("\(bytes.count) bytes, expected \(byteCount)") }
        if isBigEndian { bytes.swapBytes(elementByteCount: elementByteCount) }
        return bytes
    }

    /// Bytes before the checksum, which stands at the end.
    private static func payloadByteCount(_ bytes: ByteBuffer, _ filter: ChecksumFilter) throws(CodecError) -> Int {
        try bytes.withSpan { span throws(CodecError) in try filter.payload(of: span).count }
    }

    private func decode(_ bytes: ByteBuffer, with decoder: any ChunkDecoder) throws(CodecError) -> ByteBuffer {
        // Only checksums make a chunk longer between two filters.
        let decoded = ByteBuffer(count: byteCount + stages.count * ChecksumFilter.byteCount)
        let count = try bytes.withSpan { encoded throws(CodecError) in
            try decoded.withMutableSpan { output throws(CodecError) in try decoder.decode(encoded, into: &output) }
        }
        decoded.resize(to: count)
        return decoded
    }
}
