internal import Codecs
public import Elements
public import HDF5
public import Volumes

/// What `compression: source` means, for jobs and for `convert` alike: the source's last codec, where it is one that can be written, whatever
/// stands around it (an N5 block's header, filters, shards); deflate for the others.
public enum SourceEncoding {
    /// What a writer that is not told a level takes.
    private static let deflateLevel = 6

    /// The codec that was applied last; nil where it is none that can be written.
    public static func codec(of metadata: ArrayMetadata) -> CodecSummary? {
        if let summary = metadata.innerCodecSummary { return summary }
        var chain = metadata.shardGrid?.innerCodecs ?? metadata.codecs
        if case .n5Block(let layout) = chain.arrayToBytes { chain = CodecChain(bytesToBytes: layout.payloadCodecs) }
        for stage in chain.bytesToBytes.reversed() {
            switch stage {
            case .gzip(let codec): return CodecSummary(name: codec.name, level: codec.level)
            case .zlib(let codec): return CodecSummary(name: codec.name, level: codec.level)
            case .zstd(let codec): return CodecSummary(name: codec.name, level: codec.level, checksum: codec.checksum)
            case .blosc(let codec):
                let blosc = CodecSummary.Blosc(
                    compressor: codec.compressor, shuffle: codec.shuffle, blockSize: codec.blockSize)
                return CodecSummary(name: codec.name, level: codec.level, blosc: blosc)
            default: continue
            }
        }
        if case .bytes = chain.arrayToBytes, chain.bytesToBytes.isEmpty { return CodecSummary.none }
        return nil
    }

    /// The HDF5 filter that stands for a codec of the source. gzip and zlib are the same deflate in another wrapping, and a level of -1, or none,
    /// is zlib's own.
    public static func filter(for codec: CodecSummary?, _ type: ElementType) -> ChunkFilter {
        guard let codec else { return .deflate(level: deflateLevel) }
        switch codec.name {
        case "zstd": return .zstd(level: codec.level ?? 3)
        case "gzip", "zlib":
            let level = codec.level ?? -1
            return .deflate(level: level < 0 ? deflateLevel : min(level, 9))
        case "blosc":
            let declared = codec.blosc?.shuffle ?? 1
            return .blosc(
                typeSize: type.byteCount, level: min(max(codec.level ?? 5, 0), 9),
                // -1 is bits for elements of one byte and bytes for others.
                shuffle: declared >= 0 ? declared : (type.byteCount == 1 ? 2 : 1),
                compressor: codec.blosc?.compressor ?? "lz4")
        default: return .none
        }
    }
}
