internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Memory for large buffers, straight from the kernel and used again.
///
/// Chunks come and go by the thousand, on many threads and in a few sizes. From malloc they would fragment its arenas to several times
/// what is in use, and every chunk would pay for fresh pages; here freed memory of the same size is handed out again, up to a bound, and what
/// is beyond goes back to the kernel at once.
public enum BufferPool {
    /// Buffers below this come from malloc.
    static let smallestBytes = 128 << 10
    /// Sizes are rounded up to multiples of this, so that encoded chunks of slightly different bounds share memory.
    private static let granularity = 64 << 10

    /// Idle blocks of one size.
    private struct Shelf {
        var blocks: [UnsafeMutableRawPointer] = []
        /// When a block was last taken from here or wanted.
        var lastUse = 0
    }

    /// `@unchecked Sendable`: blocks lie in the pool only while nobody uses them, and the pool is only touched with its lock held.
    private struct State: @unchecked Sendable {
        var shelves: [Int: Shelf] = [:]
        var freeBytes = 0
        var limit = 32 << 20
        var clock = 0

        mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
            clock += 1
            shelves[size, default: Shelf()].lastUse = clock
            guard let block = shelves[size]?.blocks.popLast() else { return nil }
            freeBytes -= size
            return block
        }

        /// Takes a block in, and gives others up for it whose size nobody has asked for in a longer time.
        ///
        /// - Returns: what is to go back to the kernel.
        mutating func give(_ block: UnsafeMutableRawPointer, _ size: Int) -> [(UnsafeMutableRawPointer, Int)] {
            var surplus: [(UnsafeMutableRawPointer, Int)] = []
            let lastUse = shelves[size]?.lastUse ?? 0
            while freeBytes + size > limit {
                let idlest = shelves.filter { !$0.value.blocks.isEmpty }.min { $0.value.lastUse < $1.value.lastUse }
                guard let (other, shelf) = idlest, shelf.lastUse < lastUse,
                    let old = shelves[other]?.blocks.popLast()
                else { return surplus + [(block, size)] }
                freeBytes -= other
                surplus.append((old, other))
            }
            shelves[size, default: Shelf()].blocks.append(block)
            freeBytes += size
            return surplus
        }
    }

    private static let state = Mutex(State())

    /// The most bytes that are kept for later.
    public static func setLimit(bytes: Int) { state.withLock { $0.limit = max(0, bytes) } }

    static func roundedUp(_ count: Int) -> Int { (count + granularity - 1) / granularity * granularity }

    /// A block of `size` bytes, a multiple of the granularity; its content is undefined.
    static func take(_ size: Int) -> UnsafeMutableRawPointer? {
        if let kept = state.withLock({ $0.take(size) }) { return kept }
        let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return block == MAP_FAILED ? nil : block
    }

    static func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        // Back to the kernel outside of the lock: that takes a while.
        let surplus = state.withLock { state in Surplus(blocks: state.give(block, size)) }
        for (block, size) in surplus.blocks { munmap(block, size) }
    }

    /// `@unchecked Sendable`: nobody else knows these blocks any more.
    private struct Surplus: @unchecked Sendable {
        let blocks: [(UnsafeMutableRawPointer, Int)]
    }
}
