public import Elements
internal import Foundation

/// How many voxels lie in which of the bins of their type.
public struct ValueCounts: Sendable, Equatable {
    public struct Bin: Sendable, Equatable {
        let rank: Int
        /// Voxels; never 0.
        var count: Int
    }

    public let bins: ValueBins
    /// Those that hold voxels, by their ranks.
    private(set) var counted: [Bin]

    /// - Parameter counted: by their ranks, each once.
    public init(_ type: ElementType, _ counted: [Bin] = []) {
        bins = ValueBins(type)
        self.counted = counted
    }

    public var voxels: Int { counted.reduce(0) { $0 + $1.count } }

    /// Adds the voxels of another array of the same type.
    public mutating func merge(_ other: ValueCounts) {
        precondition(other.bins == bins, "values of \(other.bins.type) and \(bins.type) have other bins")
        var (merged, index): ([Bin], Int) = ([], 0)
        merged.reserveCapacity(max(counted.count, other.counted.count))
        for bin in other.counted {
            while index < counted.count, counted[index].rank < bin.rank {
                merged.append(counted[index])
                index += 1
            }
            var bin = bin
            if index < counted.count, counted[index].rank == bin.rank {
                bin.count += counted[index].count
                index += 1
            }
            merged.append(bin)
        }
        counted = merged + counted[index...]
    }

    // MARK: Text

    /// More voxels than this are not believed, so that sums of some texts stay in range.
    private static let maximumVoxels = 1 << 50
    /// Of a text: two numbers of 9 bytes at most for each bin of the widest type.
    private static let maximumBytes = 18 << 18

    /// The bins as Base64: for each how much its rank is above that of the bin before, and its count, both as LEB128. 65 536 values take 350 KB at most while none
    /// of them has 2 million voxels.
    public var text: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * counted.count)
        var previous = 0
        for bin in counted {
            for number in [bin.rank - previous, bin.count] {
                var rest = UInt(number)
                while rest > 0x7F {
                    bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                    rest >>= 7
                }
                bytes.append(UInt8(rest))
            }
            previous = bin.rank
        }
        return Data(bytes).base64EncodedString()
    }

    /// nil where the text is none that ``text`` gives.
    public init?(_ type: ElementType, text: String) {
        self.init(type)
        guard text.utf8.count <= Self.maximumBytes, let bytes = Data(base64Encoded: text) else { return nil }
        var (rank, voxels, index) = (0, 0, bytes.startIndex)
        func number() -> Int? {
            var value = 0
            for shift in stride(from: 0, to: 56, by: 7) where index < bytes.endIndex {
                let byte = Int(bytes[index])
                index += 1
                value |= (byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        while index < bytes.endIndex {
            guard let step = number(), let count = number(), count > 0, step > 0 || counted.isEmpty,
                step < bins.count - rank
            else { return nil }
            rank += step
            voxels += count
            guard voxels <= Self.maximumVoxels else { return nil }
            counted.append(Bin(rank: rank, count: count))
        }
    }
}
