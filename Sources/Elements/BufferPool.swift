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

    /// `@unchecked Sendable`: blocks lie in the pool only while nobody uses them, and the pool is only touched with its lock held.
    private struct State: @unchecked Sendable {
        var free: [Int: [UnsafeMutableRawPointer]] = [:]
        var freeBytes = 0
        var limit = 32 << 20
    }

    private static let state = Mutex(State())

    /// The most bytes that are kept for later.
    public static func setLimit(bytes: Int) { state.withLock { $0.limit = max(0, bytes) } }

    static func roundedUp(_ count: Int) -> Int { (count + granularity - 1) / granularity * granularity }

    /// A block of `size` bytes, a multiple of the granularity; its content is undefined.
    static func take(_ size: Int) -> UnsafeMutableRawPointer? {
        let kept: UnsafeMutableRawPointer? = state.withLock { state in
            guard let block = state.free[size]?.popLast() else { return nil }
            state.freeBytes -= size
            return block
        }
        if let kept { return kept }
        let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return block == MAP_FAILED ? nil : block
    }

    static func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let isKept = state.withLock { state in
            guard state.freeBytes + size <= state.limit else { return false }
            state.free[size, default: []].append(block)
            state.freeBytes += size
            return true
        }
        if !isKept { munmap(block, size) }
    }
}
