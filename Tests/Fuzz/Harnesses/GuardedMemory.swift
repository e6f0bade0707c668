import Glibc

/// Memory between two pages that cannot be touched: a C library that is not built with the address sanitizer is caught by them when
/// it leaves its buffer.
struct GuardedMemory: @unchecked Sendable {
    // @unchecked Sendable: libFuzzer runs one input at a time.
    private let base: UnsafeMutableRawPointer
    private let capacity: Int

    private static let pageByteCount = 4096

    /// - Parameter capacity: a multiple of the page size.
    init(capacity: Int) {
        let page = Self.pageByteCount
        guard let whole = mmap(nil, capacity + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            whole != MAP_FAILED, mprotect(whole + page, capacity, PROT_READ | PROT_WRITE) == 0
        else { fatalError("no memory for \(capacity) bytes") }
        base = whole + page
        self.capacity = capacity
    }

    /// `count` bytes that begin behind the first guard, or end before the second.
    func bytes(_ count: Int, atEnd: Bool) -> UnsafeMutableRawBufferPointer {
        precondition(count <= capacity)
        return UnsafeMutableRawBufferPointer(start: base + (atEnd ? capacity - count : 0), count: count)
    }

    /// A copy of `source`.
    func copy(of source: some Collection<UInt8>, atEnd: Bool) -> UnsafeRawBufferPointer {
        let target = bytes(source.count, atEnd: atEnd)
        target.copyBytes(from: source)
        return UnsafeRawBufferPointer(target)
    }
}
