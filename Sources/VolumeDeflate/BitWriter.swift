/// Bits into memory, the lowest first, as deflate has them.
///
/// Whoever uses it sees to it that there is room: ``flush()`` writes 8 bytes wherever it stands.
struct BitWriter {
    private let start: UnsafeMutableRawPointer
    private var next: UnsafeMutableRawPointer
    private var bits: UInt64 = 0
    private var count: UInt64 = 0

    init(_ start: UnsafeMutableRawPointer) {
        self.start = start
        next = start
    }

    /// Whole bytes that are written.
    var byteCount: Int { next - start }
    /// Bits that wait for the rest of their byte.
    var looseBits: Int { Int(count) }

    /// Adds the `width` lowest bits of `value`, whose others are 0. There is room for 56 bits after a flush.
    @inline(__always)
    mutating func put(_ value: UInt64, _ width: UInt64) {
        bits |= value &<< count
        count &+= width
    }

    /// Hands whole bytes over to memory.
    @inline(__always)
    mutating func flush() {
        next.storeBytes(of: bits.littleEndian, as: UInt64.self)
        next += Int(count &>> 3)
        bits &>>= count & ~7
        count &= 7
    }

    /// Fills up the last byte with zero bits.
    mutating func align() {
        flush()
        guard count > 0 else { return }
        count = 8
        flush()
    }

    /// Adds whole bytes, after ``align()``.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        next.copyMemory(from: source, byteCount: bytes.count)
        next += bytes.count
    }
}
