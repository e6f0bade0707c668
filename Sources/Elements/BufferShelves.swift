/// The idle blocks of ``BufferPool``, by their sizes.
struct BufferShelves: ~Copyable {
    /// A block of unused memory.
    ///
    /// `@unchecked Sendable`: the holder of the value is the only one who knows the memory.
    struct Block: @unchecked Sendable {
        let start: UnsafeMutableRawPointer
        let byteCount: Int
    }

    private struct Shelf {
        var blocks: [Block] = []
        /// When a block of this size was last requested.
        var lastUse = 0
    }

    /// The most bytes that are kept.
    var limit: Int
    private(set) var byteCount = 0
    private var shelves: [Int: Shelf] = [:]
    private var clock = 0

    init(limit: Int) { self.limit = limit }

    /// A block of exactly this size; nil where there is none.
    mutating func take(_ size: Int) -> Block? {
        clock += 1
        shelves[size, default: Shelf()].lastUse = clock
        guard let block = shelves[size]?.blocks.popLast() else { return nil }
        byteCount -= size
        return block
    }

    /// Adds a block, and evicts blocks of the sizes that were least recently requested, because the sizes of one stage are useless in the next.
    ///
    /// - Returns: the blocks to unmap, which may include the block itself.
    mutating func give(_ block: Block) -> [Block] {
        var surplus: [Block] = []
        let lastUse = shelves[block.byteCount]?.lastUse ?? 0
        while byteCount + block.byteCount > limit {
            let idlest = shelves.filter { !$0.value.blocks.isEmpty }.min { $0.value.lastUse < $1.value.lastUse }
            guard let (size, shelf) = idlest, shelf.lastUse < lastUse, let old = shelves[size]?.blocks.popLast() else {
                return surplus + [block]
            }
            byteCount -= size
            surplus.append(old)
        }
        shelves[block.byteCount, default: Shelf()].blocks.append(block)
        byteCount += block.byteCount
        return surplus
    }
}
