/// The prefix code of one alphabet in a block: how often its symbols occur, how long their codes are, and the codes.
struct DeflateCode: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the memory is reached only through this value, which has one owner.
    private let frequencies: UnsafeMutableBufferPointer<UInt32>
    private let widths: UnsafeMutableBufferPointer<UInt8>
    private let bitsOf: UnsafeMutableBufferPointer<UInt16>
    private let scratch = HuffmanLengths.Scratch()
    /// Bits that follow codes, of all that was counted.
    private var extraBits: UInt64 = 0

    init(symbols: Int) {
        frequencies = .allocate(capacity: symbols)
        widths = .allocate(capacity: symbols)
        bitsOf = .allocate(capacity: symbols)
        widths.initialize(repeating: 0)
        bitsOf.initialize(repeating: 0)
        clear()
    }

    deinit {
        frequencies.deallocate()
        widths.deallocate()
        bitsOf.deallocate()
    }

    /// Bits of each symbol's code; 0 where it does not occur.
    var lengths: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(widths) }
    /// The code of each symbol, its first bit the lowest.
    var codes: UnsafeBufferPointer<UInt16> { UnsafeBufferPointer(bitsOf) }

    mutating func clear() {
        frequencies.initialize(repeating: 0)
        extraBits = 0
    }

    @inline(__always)
    mutating func count(_ symbol: Int, times: UInt64, extraBits: UInt64) {
        frequencies[symbol] &+= UInt32(truncatingIfNeeded: times)
        self.extraBits &+= times &* extraBits
    }

    /// Makes the code for what was counted.
    func build(maximumBits: Int) {
        HuffmanLengths.compute(UnsafeBufferPointer(frequencies), maximum: maximumBits, into: widths, scratch)
        DeflateAlphabet.codes(lengths, into: bitsOf)
    }

    /// Bits of all that was counted.
    var bits: Int {
        var sum = Int(extraBits)
        for symbol in frequencies.indices { sum += Int(frequencies[symbol]) * Int(widths[symbol]) }
        return sum
    }
}
