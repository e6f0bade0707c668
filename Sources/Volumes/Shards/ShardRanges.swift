/// The byte ranges of the inner chunks of one shard, by their position: in the axes of the array, counted from the shard's origin. All
/// ranges have been checked.
public struct ShardRanges: Sendable, Equatable {
    private let index: ShardIndex
    /// Inner chunks of the shard per axis.
    public let gridShape: [Int]
    private let steps: [Int]

    init(index: ShardIndex, gridShape: [Int], steps: [Int]) {
        self.index = index
        self.gridShape = gridShape
        self.steps = steps
    }

    /// How many inner chunks are stored.
    public var storedCount: Int { index.storedCount }

    /// The bytes of the shard that hold an inner chunk; nil where it is unstored, and filled with the fill value.
    public func range(of position: [Int]) -> Range<Int>? {
        precondition(
            position.count == gridShape.count && zip(position, gridShape).allSatisfy { (0..<$1).contains($0) },
            "an inner chunk at \(position) of \(gridShape)")
        return index.range(zip(position, steps).reduce(0) { $0 + $1.0 * $1.1 })
    }

    /// Inner chunks that are fetched with one request.
    public struct Run: Sendable, Equatable {
        /// Bytes of the shard.
        public fileprivate(set) var range: Range<Int>
        /// The inner chunks in these bytes, by their offset.
        public fileprivate(set) var members: [Member]
    }

    /// One inner chunk of a run.
    public struct Member: Sendable, Equatable {
        public let position: [Int]
        /// Bytes of the shard.
        public let range: Range<Int>
    }

    /// Unneeded bytes that are fetched rather than begin another request.
    public static let maximumGap = 64 << 10
    /// More bytes than this are fetched together only where one inner chunk has them.
    public static let maximumRunBytes = 8 << 20

    /// The fewest requests for the stored ones of some inner chunks.
    ///
    /// - Parameters:
    /// - maximumGap: the most unneeded bytes that are fetched between two inner chunks to save a request.
    /// - maximumByteCount: the most bytes of a request, unless one inner chunk alone has more.
    public func runs(
        of positions: [[Int]], maximumGap: Int = maximumGap, maximumByteCount: Int = maximumRunBytes
    ) -> [Run] {
        let members = positions.compactMap { position in
            range(of: position).map { Member(position: position, range: $0) }
        }
        var runs: [Run] = []
        for member in members.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            if let last = runs.last, member.range.lowerBound - last.range.upperBound <= maximumGap,
                member.range.upperBound - last.range.lowerBound <= maximumByteCount
            {
                let end = max(last.range.upperBound, member.range.upperBound)
                runs[runs.count - 1].range = last.range.lowerBound..<end
                runs[runs.count - 1].members.append(member)
            } else {
                runs.append(Run(range: member.range, members: [member]))
            }
        }
        return runs
    }
}
