internal import Glibc
internal import Synchronization

/// Memory for large buffers, mapped from the kernel and reused.
///
/// Thousands of chunks are allocated and freed on many threads, in a few sizes. malloc's arenas would fragment to several times the memory
/// in use, and every chunk would need fresh pages. Here a freed block is reused for the same size, up to a limit. Blocks beyond the limit
/// are unmapped at once.
public enum BufferPool {
    /// Buffers below this come from malloc.
    static let smallestBytes = 128 << 10
    /// Sizes are rounded up to multiples of this, so that encoded chunks of slightly different bounds share memory.
    private static let granularity = 64 << 10

    private static let state = Mutex(BufferShelves(limit: 32 << 20))

    /// Sets the most bytes that are kept for reuse.
    public static func setLimit(bytes: Int) { state.withLock { $0.limit = max(0, bytes) } }

    static func roundedUp(_ count: Int) -> Int { (count + granularity - 1) / granularity * granularity }

    /// A block of `size` bytes, a multiple of the granularity; its content is undefined.
    static func take(_ size: Int) -> UnsafeMutableRawPointer? {
        if let kept = state.withLock({ $0.take(size) }) { return kept.start }
        let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return block == MAP_FAILED ? nil : block
    }

    static func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        // Unmaps outside of the lock, because that takes long.
        let surplus = state.withLock { $0.give(BufferShelves.Block(start: block, byteCount: size)) }
        for block in surplus { munmap(block.start, block.byteCount) }
    }
}
