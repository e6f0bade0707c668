internal import Arrays
internal import Elements
internal import Manifest
internal import Planning
internal import Stores

/// All arrays of a volume, and the blocks they are worked off in.
struct VolumeLayout: Sendable {
    /// A run of units of one array.
    struct Block: Sendable {
        /// Position in ``VolumeLayout/arrays``.
        let array: Int
        let units: Range<Int>
    }

    let arrays: [VolumeArray]
    /// The number of the first block of each array, and of all at the end.
    private let firstBlocks: [Int]

    init(_ plan: ItemPlan, context: JobContext) throws {
        let manifest = context.manifest
        var seen: Set<ByteName> = []
        let stored = ([plan.raw] + (plan.moreRaw ?? []) + plan.labels).filter { seen.insert(ByteName($0.key)).inserted }
            .map { ($0, DerivePlan?.none) }
        arrays = try (stored + plan.derived.map { ($0.source, $0) }).map { array, derivation in
            try VolumeArray(
                array, root: plan.group, store: context.store.url, compression: manifest.convert.compression,
                memory: manifest.limits.memory, derivation: derivation)
        }
        firstBlocks = arrays.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.blockCount) }
    }

    var blockCount: Int { firstBlocks.last ?? 0 }

    func block(_ number: Int) -> Block {
        let array = (firstBlocks.firstIndex { $0 > number } ?? firstBlocks.count) - 1
        return Block(array: array, units: arrays[array].units(ofBlock: number - firstBlocks[array]))
    }

    /// Stored chunks of all arrays.
    var objectCount: Int { arrays.reduce(0) { $0 + $1.planned.chunkCount } }

    /// Stored chunks of the first blocks.
    func objectCount(ofFirst blocks: Int) -> Int {
        arrays.indices.reduce(0) { sum, index in
            let array = arrays[index]
            if firstBlocks[index + 1] <= blocks { return sum + array.planned.chunkCount }
            guard firstBlocks[index] < blocks else { return sum }
            return sum + array.objectCount(0..<array.units(ofBlock: blocks - firstBlocks[index]).lowerBound)
        }
    }
}
