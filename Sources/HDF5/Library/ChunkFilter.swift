internal import CHDF5

/// The encoding of a dataset's chunks. The caller encodes them; the file only names the filter.
public enum ChunkFilter: Sendable, Equatable {
    case none
    /// Filter 1: each chunk is a zlib stream. `level` is only noted in the file, clamped to 0…9.
    case deflate(level: Int)
    /// Filter 32015: each chunk is a zstd frame.
    case zstd(level: Int)
    /// Filter 32001: each chunk is a Blosc 1 buffer. `compressor` is Blosc's name for it, such as "lz4" or "zstd";
    /// `shuffle` is 0 (none), 1 (bytes) or 2 (bits).
    case blosc(typeSize: Int, level: Int, shuffle: Int, compressor: String)
}

extension ChunkFilter {
    static let zstdID: H5Z_filter_t = 32015
    static let bloscID: H5Z_filter_t = 32001
    /// Filters that are not part of libhdf5 and whose chunks are encoded and decoded outside of it.
    static let foreignIDs = [zstdID, bloscID]

    /// Blosc's compressor codes (`blosc.h`), as the HDF5 filter stores them.
    private static let compressorCodes: [String: UInt32] = [
        "blosclz": 0, "lz4": 1, "lz4hc": 2, "snappy": 3, "zlib": 4, "zstd": 5,
    ]

    /// The number the HDF Group has given to the filter.
    var id: Int? {
        switch self {
        case .none: nil
        case .deflate: Int(H5Z_FILTER_DEFLATE)
        case .zstd: Int(Self.zstdID)
        case .blosc: Int(Self.bloscID)
        }
    }

    /// Registers a filter that does nothing. With it, datasets can name filter `id` without an installed plugin, and no installed plugin
    /// changes the parameters in the file.
    static func registerStandIn(for id: H5Z_filter_t) {
        var stage = H5Z_class2_t()
        stage.version = H5Z_CLASS_T_VERS
        stage.id = id
        stage.encoder_present = 1
        stage.decoder_present = 1
        stage.filter = { _, _, _, _, _, _ in 0 }
        H5Zregister(&stage)
    }

    /// Sets the filter on a dataset creation property list. The flags are those h5py sets (optional).
    func apply(to properties: hid_t, chunkByteCount: Int, _ call: Call) throws(HDF5Error) {
        switch self {
        case .none:
            return
        case .deflate(let level):
            try call.check(H5Pset_deflate(properties, UInt32(min(max(level, 0), 9))))
        case .zstd(let level):
            guard let level = Int32(exactly: level) else { throw call.error("zstd has no level \(level)") }
            try set(Self.zstdID, [UInt32(bitPattern: level)], on: properties, call)
        case .blosc(let typeSize, let level, let shuffle, let compressor):
            guard let code = Self.compressorCodes[compressor] else {
                throw call.error("Blosc has no compressor \"\(compressor)\"")
            }
            guard 1...255 ~= typeSize, 0...9 ~= level, 0...2 ~= shuffle else {
                throw call.error("Blosc cannot do type size \(typeSize), level \(level), shuffle \(shuffle)")
            }
            // Filter revision 2, Blosc format 2, then as the filter's own set_local would have it.
            let values = [2, 2, UInt32(typeSize), UInt32(chunkByteCount), UInt32(level), UInt32(shuffle), code]
            try set(Self.bloscID, values, on: properties, call)
        }
    }

    private func set(
        _ id: H5Z_filter_t, _ values: [UInt32], on properties: hid_t, _ call: Call
    ) throws(HDF5Error) {
        let status = values.withUnsafeBufferPointer {
            H5Pset_filter(properties, id, UInt32(H5Z_FLAG_OPTIONAL), $0.count, $0.baseAddress)
        }
        try call.check(status)
    }
}
