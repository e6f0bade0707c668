public import Elements
internal import Synchronization

/// Counts the values of a raw dataset, chunk by chunk, on any number of threads at once: numbers of voxels do not depend on the order in which they are added.
///
/// Each thread counts in its own table, which the next thread takes over.
public final class IntensityCounter: Sendable {
    /// Voxels by the bits of their value, or by rank for the wide types. Each value has several counts, which are used in turn: neighbours often have the same
    /// value, and a count cannot be read before the last write to it has ended.
    private struct Table: Sendable {
        let counts: ByteBuffer
        /// Voxels in the table: no more than a count holds.
        var voxels = 0
    }

    private struct State {
        var idle: [Table] = []
        var totals: [Int] = []
    }

    public let bins: ValueBins
    private let lanes: Int
    private let state = Mutex(State())

    public init(_ type: ElementType) {
        bins = ValueBins(type)
        lanes = Self.lanes(type)
    }

    private static func lanes(_ type: ElementType) -> Int {
        switch type.byteCount {
        case 1: 8
        case 2: 2
        default: 1
        }
    }

    /// Bytes of a thread's table.
    public static func tableByteCount(_ type: ElementType) -> Int {
        ValueBins(type).count * lanes(type) * MemoryLayout<UInt32>.size
    }

    /// Counts the voxels of a chunk.
    ///
    /// - Parameter times: how many voxels each of them stands for.
    /// - Returns: what has to be merged in the order of the chunks; nothing for types up to 16 bits.
    public func measure(_ bytes: ByteBuffer, times: Int = 1) -> IntensityMoments {
        let voxels = bytes.count / bins.type.byteCount
        guard voxels > 0, times > 0 else { return IntensityMoments() }
        var table = takeTable()
        // No chunk of an HDF5 file has more bytes than a count holds.
        if times > 1 || table.voxels + voxels > Int(UInt32.max) { addToTotals(&table) }
        table.voxels += voxels
        let moments = table.counts.withUnsafeMutableBytes { counts in
            count(bytes, UnsafeMutableBufferPointer(rebinding: counts, to: UInt32.self))
        }
        if times > 1 { addToTotals(&table, times: times) }
        state.withLock { $0.idle.append(table) }
        return moments.repeated(times)
    }

    /// What has been counted.
    public func counts() -> ValueCounts {
        let idle = state.withLock { state in
            defer { state.idle = [] }
            return state.idle
        }
        for var table in idle { addToTotals(&table) }
        let totals = state.withLock { $0.totals }
        guard !totals.isEmpty else { return ValueCounts(bins.type) }
        var counted: [ValueCounts.Bin] = []
        for rank in 0..<bins.count {
            let count = totals[bins.pattern(ofRank: rank)]
            if count > 0 { counted.append(ValueCounts.Bin(rank: rank, count: count)) }
        }
        return ValueCounts(bins.type, counted)
    }

    // MARK: Tables

    private func takeTable() -> Table {
        state.withLock { $0.idle.popLast() } ?? Table(counts: ByteBuffer(zeroed: Self.tableByteCount(bins.type)))
    }

    /// Empties a table.
    private func addToTotals(_ table: inout Table, times: Int = 1) {
        guard table.voxels > 0 else { return }
        table.voxels = 0
        table.counts.withUnsafeMutableBytes { bytes in
            let counts = UnsafeMutableBufferPointer<UInt32>(rebinding: bytes, to: UInt32.self)
            state.withLock { state in
                if state.totals.isEmpty { state.totals = Array(repeating: 0, count: bins.count) }
                for lane in 0..<lanes {
                    let start = lane * bins.count
                    for bin in 0..<bins.count where counts[start + bin] > 0 {
                        state.totals[bin] += Int(counts[start + bin]) * times
                    }
                }
            }
            counts.update(repeating: 0)
        }
    }

    // MARK: Loops

    private func count(_ bytes: ByteBuffer, _ counts: UnsafeMutableBufferPointer<UInt32>) -> IntensityMoments {
        guard let counts = counts.baseAddress else { return IntensityMoments() }
        // Each type is named, so that the compiler specialises the code for it.
        return bytes.withUnsafeBytes { bytes in
            switch bins.type {
            case .bool, .uint8, .int8: Self.countBytes(bytes, counts)
            case .uint16, .int16, .float16: Self.countPairs(bytes, counts)
            case .uint32: Self.countWide(UnsafeBufferPointer(rebinding: bytes, to: UInt32.self), counts)
            case .int32: Self.countWide(UnsafeBufferPointer(rebinding: bytes, to: Int32.self), counts)
            case .uint64: Self.countWide(UnsafeBufferPointer(rebinding: bytes, to: UInt64.self), counts)
            case .int64: Self.countWide(UnsafeBufferPointer(rebinding: bytes, to: Int64.self), counts)
            case .float32: Self.countWide(UnsafeBufferPointer(rebinding: bytes, to: Float.self), counts)
            case .float64: Self.countWide(UnsafeBufferPointer(rebinding: bytes, to: Double.self), counts)
            }
        }
    }

    private static func countBytes(
        _ bytes: UnsafeRawBufferPointer, _ counts: UnsafeMutablePointer<UInt32>
    ) -> IntensityMoments {
        guard let base = bytes.baseAddress else { return IntensityMoments() }
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            counts[Int(truncatingIfNeeded: word & 0xFF)] &+= 1
            counts[256 &+ Int(truncatingIfNeeded: (word >> 8) & 0xFF)] &+= 1
            counts[512 &+ Int(truncatingIfNeeded: (word >> 16) & 0xFF)] &+= 1
            counts[768 &+ Int(truncatingIfNeeded: (word >> 24) & 0xFF)] &+= 1
            counts[1024 &+ Int(truncatingIfNeeded: (word >> 32) & 0xFF)] &+= 1
            counts[1280 &+ Int(truncatingIfNeeded: (word >> 40) & 0xFF)] &+= 1
            counts[1536 &+ Int(truncatingIfNeeded: (word >> 48) & 0xFF)] &+= 1
            counts[1792 &+ Int(truncatingIfNeeded: word >> 56)] &+= 1
            index &+= 8
        }
        while index < bytes.count {
            counts[Int(base.load(fromByteOffset: index, as: UInt8.self))] &+= 1
            index &+= 1
        }
        return IntensityMoments()
    }

    private static func countPairs(
        _ bytes: UnsafeRawBufferPointer, _ counts: UnsafeMutablePointer<UInt32>
    ) -> IntensityMoments {
        let voxels = UnsafeBufferPointer(rebinding: bytes, to: UInt16.self)
        guard let base = voxels.baseAddress else { return IntensityMoments() }
        var index = 0
        while index &+ 2 <= voxels.count {
            counts[Int(base[index])] &+= 1
            counts[0x10000 &+ Int(base[index &+ 1])] &+= 1
            index &+= 2
        }
        if index < voxels.count { counts[Int(base[index])] &+= 1 }
        return IntensityMoments()
    }

    private static func countWide<Value: Element>(
        _ voxels: UnsafeBufferPointer<Value>, _ counts: UnsafeMutablePointer<UInt32>
    ) -> IntensityMoments {
        for value in voxels { counts[ValueBins.wideRank(of: value.asDouble)] &+= 1 }
        return IntensityMoments(voxels)
    }
}

extension UnsafeMutableBufferPointer {
    /// Aligned bytes as numbers.
    fileprivate init(rebinding bytes: UnsafeMutableRawBufferPointer, to _: Element.Type) {
        self = UnsafeMutableBufferPointer(
            start: bytes.baseAddress?.assumingMemoryBound(to: Element.self),
            count: bytes.count / MemoryLayout<Element>.stride)
    }
}
