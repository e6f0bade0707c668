/// The idle blocks of ``BufferPool``, by their sizes.
struct BufferShelves: ~Copyable {
    /// Memory that nobody uses.
    ///
    /// `@unchecked Sendable`: whoever holds the value is the only one who knows the memory.
    struct Block: @unchecked Sendable {
        let start: UnsafeMutableRawPointer
        let byteCount: Int
    }

    private struct Shelf {
        var blocks: [Block] = []
        /// When a block of this size was last asked for.
        var lastUse = 0
    }

    /// The most bytes that are kept.
    var limit: Int
    private(set) var byteCount = 0
    private var shelves: [Int: Shelf] = [:]
    private var clock = 0

    init(limit: Int) { self.limit = limit }

    /// A block of just this size; nil where there is none.
    mutating func take(_ size: Int) -> Block? {
        clock += 1
        shelves[size, default: Shelf()].lastUse = clock
        guard let block = shelves[size]?.blocks.popLast() else { return nil }
        byteCount -= size
        return block
    }

    /// Takes a block in, and gives others up for it whose sizes nobody has asked for in a longer time: the sizes of one stage are of no use in
    /// the next.
    ///
    /// - Returns: what is to go back to the kernel, which may be the block itself.
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
