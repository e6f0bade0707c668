/// One block of a deflate stream (RFC 1951): literals and repetitions, with codes of its own.
///
/// Its memory is made once and used for block after block.
struct DeflateBlock: ~Copyable, @unchecked Sendable {
    // @unchecked Sendable: the memory is reached only through this value, which has one owner.

    /// Literal bytes, and a repetition behind them.
    struct Step {
        var literals: UInt32
        /// Bytes; 0 where literals go to the end of the block.
        var repeated: UInt32
        /// Bytes; 1 where nothing is repeated.
        var distance: Int
    }

    /// Literals and repetitions of a block: so many that its codes are paid for, so few that the codes fit what is in it.
    static let maximumSymbols = 32 << 10
    /// Bits of a code: four literals find room between two flushes.
    private static let maximumLiteralBits = 14
    /// Bytes of a repetition that is counted along with the literals around it.
    private static let shortCount = 8
    /// Bytes of a block that is not compressed.
    private static let maximumStored = 65535

    /// The most steps that a block is given. Each step has a symbol at least, and the last stretch begins before the last symbol but may
    /// end ``MatchFinder/reach`` bytes beyond it; one step more is the repetition behind it.
    static let maximumSteps = maximumSymbols + MatchFinder.reach + 1

    private let steps = UnsafeMutableBufferPointer<Step>.allocate(capacity: maximumSteps)
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

    /// Whether one more step can be added, whatever it holds.
    var hasRoom: Bool { stepCount < Self.maximumSymbols }

    /// Adds literals, and a repetition behind them, of at least 3 bytes or none.
    mutating func add(literals: Int, repeating repeated: Int, distance: Int) {
        guard literals + repeated > 0 else { return }
        precondition(stepCount < steps.count, "a block of more than \(steps.count) steps")
        steps[stepCount] = Step(literals: UInt32(literals), repeated: UInt32(repeated), distance: distance)
        stepCount += 1
        symbolCount += literals + (repeated + 257) / 258
        byteCount += literals + repeated
    }

    /// Adds steps that `body` writes, at most as many as there are bytes; it returns how many.
    ///
    /// - Parameter byteCount: of all of them.
    @inline(__always)
    mutating func add(byteCount: Int, _ body: (_ steps: UnsafeMutablePointer<Step>) -> (steps: Int, symbols: Int)) {
        guard let base = steps.baseAddress else { return }
        // The steps of a stretch, and the one that is only tried out behind them.
        precondition(byteCount < steps.count - stepCount, "\(byteCount) steps more than \(stepCount)")
        let added = body(base + stepCount)
        stepCount += added.steps
        symbolCount += added.symbols
        self.byteCount += byteCount
    }

    /// Makes the codes for what was added. Returns the bits that it takes with them.
    ///
    /// - Parameter bytes: those of the block.
    mutating func prepare(_ bytes: UnsafeRawBufferPointer) -> Int {
        count(bytes)
        literals.build(maximumBits: Self.maximumLiteralBits)
        distances.build(maximumBits: 15)
        header.prepare(literals.lengths, distances.lengths)
        return 3 + header.bits + literals.bits + distances.bits
    }

    /// Writes what was prepared.
    ///
    /// - Parameter bits: that ``prepare(_:)`` returned.
    func write(_ bytes: UnsafeRawBufferPointer, bits: Int, isLast: Bool, to writer: inout BitWriter) {
        let pieces = max(1, (bytes.count + Self.maximumStored - 1) / Self.maximumStored)
        guard bits < 8 * (bytes.count + 4 * pieces) else { return store(bytes, isLast: isLast, to: &writer) }
        writer.put(isLast ? 1 : 0, 1)
        writer.put(2, 2)
        header.write(to: &writer)
        writeSymbols(bytes, to: &writer)
    }

    // MARK: Counting

    private mutating func count(_ bytes: UnsafeRawBufferPointer) {
        histograms.update(repeating: 0)
        literals.clear()
        distances.clear()
        // Short repetitions are counted as literals at first, along with those around them, and then taken out again: where the next
        // repetition begins cannot be guessed, so that to stop at each costs more than what is counted between them.
        var (position, counted) = (0, 0)
        for step in steps[..<stepCount] {
            position &+= Int(step.literals)
            let repeated = Int(step.repeated)
            if repeated > Self.shortCount {
                countLiterals(bytes, counted, position)
                counted = position &+ repeated
            } else {
                takeOut(bytes, position, repeated)
            }
            position &+= repeated
            guard repeated > 0 else { continue }
            let pieces = Pieces(repeated)
            if pieces.hasShorter { countLength(255, times: 1) }
            if pieces.full > 0 { countLength(258, times: pieces.full) }
            if pieces.rest > 0 { countLength(pieces.rest, times: 1) }
            let place = DeflateAlphabet.place(ofDistance: step.distance)
            distances.count(place.symbol, times: UInt64(pieces.count), extraBits: place.extraBits)
        }
        countLiterals(bytes, counted, position)
        for value in 0..<256 {
            let times =
                histograms[value] &+ histograms[256 + value] &+ histograms[512 + value] &+ histograms[768 + value]
            if times > 0 { literals.count(value, times: UInt64(times), extraBits: 0) }
        }
        literals.count(DeflateAlphabet.endOfBlock, times: 1, extraBits: 0)
    }

    @inline(__always)
    private mutating func countLength(_ length: Int, times: Int) {
        let place = DeflateAlphabet.place(ofLength: length)
        literals.count(place.symbol, times: UInt64(times), extraBits: place.extraBits)
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

    @inline(__always)
    private func takeOut(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) {
        guard let base = bytes.baseAddress, let counts = histograms.baseAddress else { return }
        var position = start
        let end = start &+ count
        while position < end {
            counts[Int(base.load(fromByteOffset: position, as: UInt8.self))] &-= 1
            position &+= 1
        }
    }

    /// A repetition of any length in pieces that have a symbol, none shorter than 3 bytes.
    private struct Pieces {
        /// Pieces of 258 bytes.
        var full = 0
        /// One of 255 bytes, which leaves enough for the rest.
        var hasShorter = false
        /// Bytes of the last piece; 0 where there is none.
        var rest: Int

        @inline(__always)
        init(_ length: Int) {
            rest = length
            guard length > 258 else { return }
            (full, rest) = length.quotientAndRemainder(dividingBy: 258)
            guard rest == 1 || rest == 2 else { return }
            full -= 1
            hasShorter = true
            rest += 3
        }

        var count: Int { full + (hasShorter ? 1 : 0) + (rest > 0 ? 1 : 0) }
    }

    // MARK: Writing

    private func writeSymbols(_ bytes: UnsafeRawBufferPointer, to writer: inout BitWriter) {
        for value in 0..<256 {
            literalCodes[value] = UInt32(literals.codes[value]) | UInt32(literals.lengths[value]) << 16
        }
        // A copy, which can stay in registers.
        var output = writer
        output.flush()
        var position = 0
        for step in steps[..<stepCount] {
            let end = position &+ Int(step.literals)
            writeLiterals(bytes, position, end, to: &output)
            position = end &+ Int(step.repeated)
            guard step.repeated > 0 else { continue }
            let far = DeflateAlphabet.place(ofDistance: step.distance)
            let width = UInt64(distances.lengths[far.symbol])
            let distance = (
                bits: UInt64(distances.codes[far.symbol]) | far.extra &<< width, width: width &+ far.extraBits
            )
            let pieces = Pieces(Int(step.repeated))
            if pieces.hasShorter { put(length: 255, distance, to: &output) }
            for _ in 0..<pieces.full { put(length: 258, distance, to: &output) }
            if pieces.rest > 0 { put(length: pieces.rest, distance, to: &output) }
        }
        let end = DeflateAlphabet.endOfBlock
        output.put(UInt64(literals.codes[end]), UInt64(literals.lengths[end]))
        output.flush()
        writer = output
    }

    @inline(__always)
    private func put(length: Int, _ distance: (bits: UInt64, width: UInt64), to output: inout BitWriter) {
        let place = DeflateAlphabet.place(ofLength: length)
        let width = UInt64(literals.lengths[place.symbol])
        output.put(UInt64(literals.codes[place.symbol]) | place.extra &<< width, width &+ place.extraBits)
        output.put(distance.bits, distance.width)
        output.flush()
    }

    @inline(__always)
    private func writeLiterals(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, to output: inout BitWriter
    ) {
        guard let base = bytes.baseAddress, let codes = literalCodes.baseAddress else { return }
        var position = start
        while position &+ 4 <= end {
            put(base.loadUnaligned(fromByteOffset: position, as: UInt32.self), codes, to: &output)
            position &+= 4
        }
        guard position < end else { return }
        guard position &+ 4 <= bytes.count else {
            while position < end {
                let code = codes[Int(base.load(fromByteOffset: position, as: UInt8.self))]
                output.put(UInt64(code & 0xFFFF), UInt64(code &>> 16))
                output.flush()
                position &+= 1
            }
            return
        }
        // One to three: those that are not there get no bits, which needs no guess at how many there are.
        let word = base.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        let left = end &- position
        let (first, second, third) = (
            codes[Int(word & 0xFF)], left > 1 ? codes[Int(word &>> 8 & 0xFF)] : 0,
            left > 2 ? codes[Int(word &>> 16 & 0xFF)] : 0
        )
        output.put(UInt64(first & 0xFFFF), UInt64(first &>> 16))
        output.put(UInt64(second & 0xFFFF), UInt64(second &>> 16))
        output.put(UInt64(third & 0xFFFF), UInt64(third &>> 16))
        output.flush()
    }

    @inline(__always)
    private func put(_ word: UInt32, _ codes: UnsafeMutablePointer<UInt32>, to output: inout BitWriter) {
        let (first, second) = (codes[Int(word & 0xFF)], codes[Int(word &>> 8 & 0xFF)])
        let (third, fourth) = (codes[Int(word &>> 16 & 0xFF)], codes[Int(word &>> 24)])
        output.put(UInt64(first & 0xFFFF), UInt64(first &>> 16))
        output.put(UInt64(second & 0xFFFF), UInt64(second &>> 16))
        output.put(UInt64(third & 0xFFFF), UInt64(third &>> 16))
        output.put(UInt64(fourth & 0xFFFF), UInt64(fourth &>> 16))
        output.flush()
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
