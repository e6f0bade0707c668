internal import CLZMA

/// One filter of a raw LZMA stream, as numcodecs and Python's `lzma` write it: `{"id": 33, "preset": 1}`.
public enum LZMAFilter: Sendable, Equatable {
    /// The difference to the byte `distance` (1 to 256) before; id 3.
    case delta(distance: Int)
    /// LZMA2 with a dictionary of that many bytes; id 33.
    case lzma2(dictionaryByteCount: UInt32)
    /// LZMA1 with its literal context, literal position and position bits; id 2^62 + 1.
    case lzma1(dictionaryByteCount: UInt32, lc: UInt32, lp: UInt32, pb: UInt32)
    /// A filter for machine code: ids 4 (x86) to 9 (SPARC).
    case branch(identifier: UInt64, startOffset: UInt32)

    /// The largest number of filters in a stream.
    public static let maximumCount = 4

    /// The dictionary size of xz's presets 0 to 9, in bytes. The preset's flag for "extreme" does not change it.
    public static func dictionaryByteCount(preset: Int) -> UInt32? {
        let sizes: [UInt32] = [18, 20, 21, 22, 22, 23, 23, 24, 25, 26].map { 1 << $0 }
        let level = preset & 0x1F
        return preset >= 0 && sizes.indices.contains(level) ? sizes[level] : nil
    }

    /// Runs `body` with the C form of `filters`, with its end marker.
    static func withFilters<R>(_ filters: [LZMAFilter], _ body: (UnsafePointer<lzma_filter>) -> R) -> R {
        // The options of each filter have a fixed place while `body` runs.
        let count = min(filters.count, maximumCount)
        let deltas = UnsafeMutablePointer<lzma_options_delta>.allocate(capacity: maximumCount)
        let lzmas = UnsafeMutablePointer<lzma_options_lzma>.allocate(capacity: maximumCount)
        let branches = UnsafeMutablePointer<lzma_options_bcj>.allocate(capacity: maximumCount)
        let chain = UnsafeMutablePointer<lzma_filter>.allocate(capacity: maximumCount + 1)
        defer {
            deltas.deallocate()
            lzmas.deallocate()
            branches.deallocate()
            chain.deallocate()
        }
        deltas.initialize(repeating: lzma_options_delta(), count: maximumCount)
        lzmas.initialize(repeating: lzma_options_lzma(), count: maximumCount)
        branches.initialize(repeating: lzma_options_bcj(), count: maximumCount)
        chain.initialize(repeating: lzma_filter(id: .max, options: nil), count: maximumCount + 1)
        for (index, filter) in filters.prefix(count).enumerated() {
            switch filter {
            case .delta(let distance):
                deltas[index].type = LZMA_DELTA_TYPE_BYTE
                deltas[index].dist = UInt32(clamping: distance)
                chain[index] = lzma_filter(id: 3, options: UnsafeMutableRawPointer(deltas + index))
            case .lzma2(let dictionary):
                lzmas[index].dict_size = dictionary
                chain[index] = lzma_filter(id: 0x21, options: UnsafeMutableRawPointer(lzmas + index))
            case .lzma1(let dictionary, let lc, let lp, let pb):
                lzmas[index].dict_size = dictionary
                lzmas[index].lc = lc
                lzmas[index].lp = lp
                lzmas[index].pb = pb
                chain[index] = lzma_filter(
                    id: 0x4000_0000_0000_0001, options: UnsafeMutableRawPointer(lzmas + index))
            case .branch(let identifier, let startOffset):
                branches[index].start_offset = startOffset
                chain[index] = lzma_filter(id: identifier, options: UnsafeMutableRawPointer(branches + index))
            }
        }
        return body(chain)
    }
}
