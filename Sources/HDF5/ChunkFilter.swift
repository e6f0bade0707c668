/// How the chunks of a dataset are encoded. The caller encodes them; the file only names the filter.
public enum ChunkFilter: Sendable, Equatable {
    case none
    /// Filter 1: each chunk is a zlib stream. `level` is a note in the file, cut to 0…9.
    case deflate(level: Int)
    /// Filter 32015: each chunk is a zstd frame.
    case zstd(level: Int)
    /// Filter 32001: each chunk is a Blosc 1 buffer. `compressor` is Blosc's name for it, such as "lz4" or "zstd";
    /// `shuffle` is 0 (none), 1 (bytes) or 2 (bits).
    case blosc(typeSize: Int, level: Int, shuffle: Int, compressor: String)
}
