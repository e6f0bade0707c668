public import Arrays
public import Manifest

/// How a source becomes an HDF5 file, whatever it is.
public struct ConversionOptions: Sendable {
    /// The path of the file. Its folder is made where it is missing.
    let output: AbsolutePath
    let compression: Manifest.Convert.Compression
    /// One of the compression's levels; nil for one that suits the elements.
    let level: Int?
    /// Bytes that may be in use.
    let memory: Int
    let stop: StopSignal
    /// Told, in one line each, what is left out.
    let warn: @Sendable (String) -> Void

    /// The least memory that the work is done in.
    public static let minimumMemory = 128 << 20

    public init(
        output: String, compression: Manifest.Convert.Compression = .gzip, level: Int? = nil, memory: Int = 1 << 30,
        stop: StopSignal, warn: @escaping @Sendable (String) -> Void
    ) {
        self.output = AbsolutePath(output)
        self.compression = compression
        self.level = level
        self.memory = max(memory, Self.minimumMemory)
        self.stop = stop
        self.warn = warn
    }

    /// The bytes in a text like `1GiB`; nil where it is none, or less than ``minimumMemory``.
    public static func memory(_ text: String) -> Int? {
        ByteCount.parse(text).flatMap { $0 >= minimumMemory ? $0 : nil }
    }
}

/// What was written.
public struct ConversionOutcome: Sendable, Equatable {
    public internal(set) var arrays = 0
    public internal(set) var chunks = DatasetSink.Count()
}
