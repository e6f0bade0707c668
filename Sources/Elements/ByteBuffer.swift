internal import Glibc

/// A block of memory of fixed capacity that chunks travel in, from the network to the HDF5 file, without being copied.
///
/// The memory is aligned to 64 bytes and not initialised unless asked for.
///
/// `@unchecked Sendable`: a buffer is filled by one owner and only read once it has been handed on; nothing in the
/// project writes to a buffer that two tasks can see.
public final class ByteBuffer: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    /// Bytes allocated.
    public let capacity: Int
    /// Bytes in use, at most `capacity`.
    public private(set) var count: Int

    /// A buffer of `count` bytes whose content is undefined.
    public init(count: Int) {
        precondition(count >= 0, "a buffer cannot hold \(count) bytes")
        let isLarge = count >= BufferPool.smallestBytes
        capacity = isLarge ? BufferPool.roundedUp(count) : max(count, 64)
        var pointer: UnsafeMutableRawPointer?
        if isLarge {
            pointer = BufferPool.take(capacity)
        } else if posix_memalign(&pointer, 64, capacity) != 0 {
            pointer = nil
        }
        guard let pointer else { fatalError("out of memory: \(count) bytes") }
        base = pointer
        self.count = count
    }

    /// A buffer of `count` zero bytes.
    public convenience init(zeroed count: Int) {
        self.init(count: count)
        memset(base, 0, count)
    }

    public convenience init(_ bytes: some Collection<UInt8>) {
        self.init(count: bytes.count)
        UnsafeMutableRawBufferPointer(start: base, count: count).copyBytes(from: bytes)
    }

    deinit {
        if capacity >= BufferPool.smallestBytes { BufferPool.give(base, capacity) } else { free(base) }
    }

    /// Sets the number of bytes in use. `newCount` must not exceed `capacity`.
    public func resize(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= capacity, "\(newCount) bytes do not fit into \(capacity)")
        count = newCount
    }

    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    public func withUnsafeMutableBytes<R, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// Reads the bytes in use as a span.
    public func withSpan<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        let bytes = UnsafeRawBufferPointer(start: base, count: count)
        return try body(bytes.bytes)
    }

    /// Writes into the bytes in use through a span.
    public func withMutableSpan<R, E: Error>(_ body: (inout MutableRawSpan) throws(E) -> R) throws(E) -> R {
        let bytes = UnsafeMutableRawBufferPointer(start: base, count: count)
        var span = bytes.mutableBytes
        return try body(&span)
    }

    /// Fills the bytes in use with repetitions of `pattern`. `count` must be a multiple of the pattern's length.
    public func fill(with pattern: [UInt8]) {
        precondition(!pattern.isEmpty && count % pattern.count == 0)
        if pattern.allSatisfy({ $0 == pattern[0] }) {
            memset(base, Int32(pattern[0]), count)
            return
        }
        pattern.withUnsafeBytes { source in
            guard count > 0, let start = source.baseAddress else { return }
            memcpy(base, start, pattern.count)
            var filled = pattern.count
            while filled < count {
                let step = min(filled, count - filled)
                memcpy(base + filled, base, step)
                filled += step
            }
        }
    }

    /// A copy of the bytes in use, for small things such as metadata.
    public var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension ByteBuffer {
    /// Reverses the bytes of every element in place. `elementByteCount` is 1, 2, 4 or 8.
    public func swapBytes(elementByteCount: Int) {
        switch elementByteCount {
        case 2: swapBytes(as: UInt16.self)
        case 4: swapBytes(as: UInt32.self)
        case 8: swapBytes(as: UInt64.self)
        default: break
        }
    }

    private func swapBytes<Value: FixedWidthInteger & BitwiseCopyable>(as type: Value.Type) {
        withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: Value.self) { values in
                for index in values.indices { values[index] = values[index].byteSwapped }
            }
        }
    }
}
