extension Manifest {
    /// How the files at native resolution are written.
    public struct Convert: Sendable, Hashable {
        /// The codec of chunks in HDF5.
        public enum Compression: String, Sendable, CaseIterable {
            /// Deflate: every HDF5 reader opens it.
            case gzip
            /// Filter 32015.
            case zstd
            /// Filter 32001.
            case blosc
            case none
            /// The codec and chunk shape that the source has.
            case source
        }

        public var compression: Compression
        /// Whether packs stay after their HDF5 file is there.
        public var keepPacks: Bool

        /// Whether `hdf5/<item>.h5` stays after `crops/<item>.h5` is there.
        public var keepNative: Bool

        public init(compression: Compression = .gzip, keepPacks: Bool = false, keepNative: Bool = true) {
            self.compression = compression
            self.keepNative = keepNative
            self.keepPacks = keepPacks
        }
    }
}
