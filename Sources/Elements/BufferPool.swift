internal import Glibc
internal import Synchronization

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

    private static let state = Mutex(BufferShelves(limit: 32 << 20))

    /// The most bytes that are kept for later.
    public static func setLimit(bytes: Int) { state.withLock { $0.limit = max(0, bytes) } }

    static func roundedUp(_ count: Int) -> Int { (count + granularity - 1) / granularity * granularity }

    /// A block of `size` bytes, a multiple of the granularity; its content is undefined.
    static func take(_ size: Int) -> UnsafeMutableRawPointer? {
        if let kept = state.withLock({ $0.take(size) }) { return kept.start }
        let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return block == MAP_FAILED ? nil : block
    }

    static func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        // Back to the kernel outside of the lock: that takes a while.
        let surplus = state.withLock { $0.give(BufferShelves.Block(start: block, byteCount: size)) }
        for block in surplus { munmap(block.start, block.byteCount) }
    }
}
