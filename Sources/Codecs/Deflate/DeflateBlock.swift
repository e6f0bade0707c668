/// One block of a deflate stream (RFC 1951): literals and repetitions, with codes of its own.
///
/// Its memory is made once and used for block after block.
struct DeflateBlock: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the memory is reached only through this value, which has one owner.

    /// Literal bytes, and a repetition behind them.
    private struct Step {
        var literals: UInt32
        /// Bytes; 0 where literals go to the end of the block.
        var repeated: UInt32
        /// Which distance.
        var slot: Int
    }

    /// Literals and repetitions of a block: so many that its codes are paid for, so few that the codes fit what is in it.
    static let maximumSymbols = 32 << 10
    /// Bits of a code: four literals find room between two flushes.
    private static let maximumLiteralBits = 14
    /// Bytes of a block that is not compressed.
    private static let maximumStored = 65535

    private let steps = UnsafeMutableBufferPointer<Step>.allocate(capacity: maximumSymbols + 1)
    private var stepCount = 0
    /// Literals and repetitions so far.
    private(set) var symbolCount = 0
    /// Bytes so far.
    private(set) var byteCount = 0
    /// Four of them side by side: the next of the same value need not wait for the last.
    private let histograms = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 4 * 256)
    private var literals = DeflateCode(symbols: DeflateAlphabet.literals)
    private var distances = DeflateCode(symbols: DeflateAlphabet.distances)
    private var header = DeflateHeader()
    /// The code of each literal byte, its width in the upper half.
    private let literalCodes = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 256)

    deinit {
        steps.deallocate()
        histograms.deallocate()
        literalCodes.deallocate()
    }

    /// The most bytes that blocks with `byteCount` bytes in all take, with what ``BitWriter`` writes beyond them.
    static func bound(_ byteCount: Int) -> Int { byteCount + 5 * (byteCount / maximumSymbols + 2) + 16 }

    mutating func begin() { (stepCount, symbolCount, byteCount) = (0, 0, 0) }

    /// Adds literals, and a repetition behind them, of at least 3 bytes or none. No more literals than a block has room for.
    mutating func add(literals: Int, repeating repeated: Int = 0, slot: Int = 0) {
        steps[stepCount] = Step(literals: UInt32(literals), repeated: UInt32(repeated), slot: slot)
        stepCount += 1
        symbolCount += literals + (repeated + 257) / 258
        byteCount += literals + repeated
    }

    /// Writes what was added.
    ///
    /// - Parameters:
    ///   - bytes: those of the block.
    ///   - spans: the distance of each slot.
    mutating func write(_ bytes: UnsafeRawBufferPointer, spans: [Int], isLast: Bool, to writer: inout BitWriter) {
        count(bytes, spans)
        literals.build(maximumBits: Self.maximumLiteralBits)
        distances.build(maximumBits: 15)
        header.prepare(literals.lengths, distances.lengths)
        let bits = 3 + header.bits + literals.bits + distances.bits
        let pieces = max(1, (bytes.count + Self.maximumStored - 1) / Self.maximumStored)
        guard bits < 8 * (bytes.count + 4 * pieces) else { return store(bytes, isLast: isLast, to: &writer) }
        writer.put(isLast ? 1 : 0, 1)
        writer.put(2, 2)
        header.write(to: &writer)
        writeSymbols(bytes, spans, to: &writer)
    }

    // MARK: Counting

    private mutating func count(_ bytes: UnsafeRawBufferPointer, _ spans: [Int]) {
        histograms.update(repeating: 0)
        literals.clear()
        distances.clear()
        var position = 0
        for step in steps[..<stepCount] {
            let end = position + Int(step.literals)
            countLiterals(bytes, position, end)
            position = end + Int(step.repeated)
            guard step.repeated > 0 else { continue }
            var pieceCount: UInt64 = 0
            Self.forEachPiece(of: Int(step.repeated)) { length, times in
                let place = DeflateAlphabet.place(ofLength: length)
                literals.count(place.symbol, times: times, extraBits: place.extraBits)
                pieceCount += times
            }
            let place = DeflateAlphabet.place(ofDistance: spans[step.slot])
            distances.count(place.symbol, times: pieceCount, extraBits: place.extraBits)
        }
        for value in 0..<256 {
            let times = histograms[value] + histograms[256 + value] + histograms[512 + value] + histograms[768 + value]
            if times > 0 { literals.count(value, times: UInt64(times), extraBits: 0) }
        }
        literals.count(DeflateAlphabet.endOfBlock, times: 1, extraBits: 0)
    }

    @inline(__always)
    private func countLiterals(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) {
        guard let base = bytes.baseAddress, let counts = histograms.baseAddress else { return }
        var position = start
        while position + 8 <= end {
            let word = base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            counts[Int(word & 0xFF)] &+= 1
            counts[256 + Int(word &>> 8 & 0xFF)] &+= 1
            counts[512 + Int(word &>> 16 & 0xFF)] &+= 1
            counts[768 + Int(word &>> 24 & 0xFF)] &+= 1
            counts[Int(word &>> 32 & 0xFF)] &+= 1
            counts[256 + Int(word &>> 40 & 0xFF)] &+= 1
            counts[512 + Int(word &>> 48 & 0xFF)] &+= 1
            counts[768 + Int(word &>> 56)] &+= 1
            position += 8
        }
        while position < end {
            counts[Int(base.load(fromByteOffset: position, as: UInt8.self))] &+= 1
            position += 1
        }
    }

    /// A repetition of any length in pieces that have a symbol, none shorter than 3 bytes.
    @inline(__always)
    private static func forEachPiece(of length: Int, _ body: (_ length: Int, _ times: UInt64) -> Void) {
        var (full, rest) = (length / 258, length % 258)
        if full > 0, rest == 1 || rest == 2 {
            full -= 1
            body(255, 1)
            rest += 3
        }
        if full > 0 { body(258, UInt64(full)) }
        if rest > 0 { body(rest, 1) }
    }

    // MARK: Writing

    private func writeSymbols(_ bytes: UnsafeRawBufferPointer, _ spans: [Int], to writer: inout BitWriter) {
        for value in 0..<256 {
            literalCodes[value] = UInt32(literals.codes[value]) | UInt32(literals.lengths[value]) << 16
        }
        writer.flush()
        var position = 0
        for step in steps[..<stepCount] {
            let end = position + Int(step.literals)
            writeLiterals(bytes, position, end, to: &writer)
            position = end + Int(step.repeated)
            guard step.repeated > 0 else { continue }
            let far = DeflateAlphabet.place(ofDistance: spans[step.slot])
            let width = UInt64(distances.lengths[far.symbol])
            let distanceBits = UInt64(distances.codes[far.symbol]) | far.extra << width
            Self.forEachPiece(of: Int(step.repeated)) { length, times in
                let place = DeflateAlphabet.place(ofLength: length)
                let lengthWidth = UInt64(literals.lengths[place.symbol])
                let bits = UInt64(literals.codes[place.symbol]) | place.extra << lengthWidth
                for _ in 0..<times {
                    writer.put(bits, lengthWidth + place.extraBits)
                    writer.put(distanceBits, width + far.extraBits)
                    writer.flush()
                }
            }
        }
        let end = DeflateAlphabet.endOfBlock
        writer.put(UInt64(literals.codes[end]), UInt64(literals.lengths[end]))
        writer.flush()
    }

    @inline(__always)
    private func writeLiterals(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, to writer: inout BitWriter
    ) {
        guard let base = bytes.baseAddress, let codes = literalCodes.baseAddress else { return }
        var position = start
        var output = writer
        while position + 4 <= end {
            let word = base.loadUnaligned(fromByteOffset: position, as: UInt32.self)
            let (first, second) = (codes[Int(word & 0xFF)], codes[Int(word &>> 8 & 0xFF)])
            let (third, fourth) = (codes[Int(word &>> 16 & 0xFF)], codes[Int(word &>> 24)])
            output.put(UInt64(first & 0xFFFF), UInt64(first &>> 16))
            output.put(UInt64(second & 0xFFFF), UInt64(second &>> 16))
            output.put(UInt64(third & 0xFFFF), UInt64(third &>> 16))
            output.put(UInt64(fourth & 0xFFFF), UInt64(fourth &>> 16))
            output.flush()
            position += 4
        }
        while position < end {
            let code = codes[Int(base.load(fromByteOffset: position, as: UInt8.self))]
            output.put(UInt64(code & 0xFFFF), UInt64(code &>> 16))
            output.flush()
            position += 1
        }
        writer = output
    }

    /// What no code makes smaller is written as it is.
    private func store(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to writer: inout BitWriter) {
        var position = 0
        repeat {
            let count = min(Self.maximumStored, bytes.count - position)
            writer.put(isLast && position + count == bytes.count ? 1 : 0, 1)
            writer.put(0, 2)
            writer.align()
            writer.put(UInt64(count) | UInt64(~UInt16(count)) << 16, 32)
            writer.flush()
            writer.append(UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)]))
            position += count
        } while position < bytes.count
    }
}
