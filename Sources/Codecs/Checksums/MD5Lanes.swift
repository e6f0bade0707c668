public import Elements

/// MD5 (RFC 1321) of up to eight messages side by side.
///
/// Each step of MD5 waits for the one before, so one message uses a fifth of a core's units. No library of Debian or Swift computes several
/// messages at once. Eight lanes of a vector take hardly longer than one message alone. MD5 checks transfers here (ETags of S3 are MD5s);
/// it is no protection against an attacker.
public enum MD5Lanes {
    /// Messages that are worked on side by side.
    public static let count = 8

    private typealias Words = SIMD8<UInt32>

    /// One state for all lanes: word `i` of lane `l` is `word(i)[l]`.
    private struct State {
        var a = Words(repeating: 0x6745_2301)
        var b = Words(repeating: 0xEFCD_AB89)
        var c = Words(repeating: 0x98BA_DCFE)
        var d = Words(repeating: 0x1032_5476)

        func digest(_ lane: Int) -> [UInt8] {
            [a[lane], b[lane], c[lane], d[lane]].flatMap { word in
                [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) }
            }
        }
    }

    /// A message as blocks of 64 bytes: those of the message, then one or two with its rest, a one bit and its length.
    private struct Message {
        let bytes: UnsafeRawBufferPointer
        let tail: UnsafeMutableRawBufferPointer
        let wholeBlocks: Int
        let blocks: Int

        /// `tail` has room for 128 bytes.
        init(_ bytes: UnsafeRawBufferPointer, tail: UnsafeMutableRawBufferPointer) {
            self.bytes = bytes
            self.tail = tail
            wholeBlocks = bytes.count / 64
            let rest = bytes.count % 64
            let tailBytes = rest < 56 ? 64 : 128
            blocks = wholeBlocks + tailBytes / 64
            tail.initializeMemory(as: UInt8.self, repeating: 0)
            tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(wholeBlocks * 64)...]))
            tail.storeBytes(of: 0x80, toByteOffset: rest, as: UInt8.self)
            tail.storeBytes(of: UInt64(bytes.count) * 8, toByteOffset: tailBytes - 8, as: UInt64.self)
        }

        /// The address of block `number`. After the last block it may be any block, because the lane's result is complete.
        @inline(__always)
        func block(_ number: Int) -> UnsafeRawBufferPointer {
            if number < wholeBlocks {
                return UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + number &* 64 }, count: 64)
            }
            let start = number < blocks ? (number &- wholeBlocks) &* 64 : 0
            return UnsafeRawBufferPointer(start: tail.baseAddress.map { $0 + start }, count: 64)
        }
    }

    /// The 16 bytes of each message's digest. There may be 1 to ``count`` messages; similar lengths are fastest.
    public static func digests(of messages: [ByteBuffer]) -> [[UInt8]] {
        precondition(!messages.isEmpty && messages.count <= count, "\(messages.count) messages")
        return withUnsafeTemporaryAllocation(byteCount: 128 * count, alignment: 16) { tails in
            withBytes(of: messages[...], []) { bytes in
                let lanes = (0..<count).map { lane in
                    Message(
                        lane < bytes.count ? bytes[lane] : UnsafeRawBufferPointer(start: nil, count: 0),
                        tail: UnsafeMutableRawBufferPointer(rebasing: tails[(128 * lane)..<(128 * (lane + 1))]))
                }
                return digests(lanes, count: messages.count)
            }
        }
    }

    private static func withBytes<R>(
        of messages: ArraySlice<ByteBuffer>, _ bytes: [UnsafeRawBufferPointer],
        _ body: ([UnsafeRawBufferPointer]) -> R
    ) -> R {
        guard let first = messages.first else { return body(bytes) }
        return first.withUnsafeBytes { withBytes(of: messages.dropFirst(), bytes + [$0], body) }
    }

    private static func digests(_ lanes: [Message], count: Int) -> [[UInt8]] {
        var digests = [[UInt8]](repeating: [], count: count)
        var state = State()
        withUnsafeTemporaryAllocation(of: Words.self, capacity: 16) { words in
            lanes.withUnsafeBufferPointer { lanes in
                var block = 0
                // From one message's end to the next.
                for end in Set(lanes.prefix(count).map(\.blocks)).sorted() {
                    while block < end {
                        gather(lanes, block, into: words)
                        add(words, to: &state)
                        block += 1
                    }
                    for lane in 0..<count where lanes[lane].blocks == end { digests[lane] = state.digest(lane) }
                }
            }
        }
        return digests
    }

    /// Word `i` of the block of each lane.
    @inline(__always)
    private static func gather(
        _ lanes: UnsafeBufferPointer<Message>, _ block: Int, into words: UnsafeMutableBufferPointer<Words>
    ) {
        let (p0, p1) = (lanes[0].block(block), lanes[1].block(block))
        let (p2, p3) = (lanes[2].block(block), lanes[3].block(block))
        let (p4, p5) = (lanes[4].block(block), lanes[5].block(block))
        let (p6, p7) = (lanes[6].block(block), lanes[7].block(block))
        var word = 0
        while word < 16 {
            let low = transposed(p0, p1, p2, p3, 4 &* word)
            let high = transposed(p4, p5, p6, p7, 4 &* word)
            words[word] = Words(lowHalf: low.0, highHalf: high.0)
            words[word &+ 1] = Words(lowHalf: low.1, highHalf: high.1)
            words[word &+ 2] = Words(lowHalf: low.2, highHalf: high.2)
            words[word &+ 3] = Words(lowHalf: low.3, highHalf: high.3)
            word &+= 4
        }
    }

    private typealias Four = SIMD4<UInt32>

    @inline(__always)
    private static func transposed(
        _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, _ c: UnsafeRawBufferPointer,
        _ d: UnsafeRawBufferPointer, _ offset: Int
    ) -> (Four, Four, Four, Four) {
        let ab = Words(lowHalf: load(a, offset), highHalf: load(b, offset))
        let cd = Words(lowHalf: load(c, offset), highHalf: load(d, offset))
        // a0 a2 b0 b2 and so on.
        let even = Words(lowHalf: ab.evenHalf, highHalf: cd.evenHalf)
        let odd = Words(lowHalf: ab.oddHalf, highHalf: cd.oddHalf)
        return (even.evenHalf, odd.evenHalf, even.oddHalf, odd.oddHalf)
    }

    @inline(__always)
    private static func load(_ base: UnsafeRawBufferPointer, _ offset: Int) -> Four {
        base.loadUnaligned(fromByteOffset: offset, as: Four.self)
    }

    /// floor(2^32 · |sin(i + 1)|)
    private static let sines: [Words] = [
        0xD76A_A478, 0xE8C7_B756, 0x2420_70DB, 0xC1BD_CEEE, 0xF57C_0FAF, 0x4787_C62A, 0xA830_4613, 0xFD46_9501,
        0x6980_98D8, 0x8B44_F7AF, 0xFFFF_5BB1, 0x895C_D7BE, 0x6B90_1122, 0xFD98_7193, 0xA679_438E, 0x49B4_0821,
        0xF61E_2562, 0xC040_B340, 0x265E_5A51, 0xE9B6_C7AA, 0xD62F_105D, 0x0244_1453, 0xD8A1_E681, 0xE7D3_FBC8,
        0x21E1_CDE6, 0xC337_07D6, 0xF4D5_0D87, 0x455A_14ED, 0xA9E3_E905, 0xFCEF_A3F8, 0x676F_02D9, 0x8D2A_4C8A,
        0xFFFA_3942, 0x8771_F681, 0x6D9D_6122, 0xFDE5_380C, 0xA4BE_EA44, 0x4BDE_CFA9, 0xF6BB_4B60, 0xBEBF_BC70,
        0x289B_7EC6, 0xEAA1_27FA, 0xD4EF_3085, 0x0488_1D05, 0xD9D4_D039, 0xE6DB_99E5, 0x1FA2_7CF8, 0xC4AC_5665,
        0xF429_2244, 0x432A_FF97, 0xAB94_23A7, 0xFC93_A039, 0x655B_59C3, 0x8F0C_CC92, 0xFFEF_F47D, 0x8584_5DD1,
        0x6FA8_7E4F, 0xFE2C_E6E0, 0xA301_4314, 0x4E08_11A1, 0xF753_7E82, 0xBD3A_F235, 0x2AD7_D2BB, 0xEB86_D391,
    ].map { Words(repeating: $0) }

    @inline(__always)
    private static func step(
        _ mixed: Words, _ a: inout Words, _ b: Words, _ word: Words, _ sine: Words, _ turn: UInt32
    ) {
        let sum = a &+ mixed &+ word &+ sine
        // Rotates left, and adds b. With "
        // " the compiler would see a rotation, and split the vector for it.
        a = (b &+ (sum &<< turn)) &+ (sum &>> (32 &- turn))
    }

    @inline(never)
    private static func add(_ words: UnsafeMutableBufferPointer<Words>, to state: inout State) {
        sines.withUnsafeBufferPointer { sines in
            guard let k = sines.baseAddress, let m = words.baseAddress else { return }
            var (a, b, c, d) = (state.a, state.b, state.c, state.d)
            var i = 0
            while i < 16 {
                step(d ^ (b & (c ^ d)), &a, b, m[i], k[i], 7)
                step(c ^ (a & (b ^ c)), &d, a, m[i &+ 1], k[i &+ 1], 12)
                step(b ^ (d & (a ^ b)), &c, d, m[i &+ 2], k[i &+ 2], 17)
                step(a ^ (c & (d ^ a)), &b, c, m[i &+ 3], k[i &+ 3], 22)
                i &+= 4
            }
            while i < 32 {
                step(c ^ (d & (b ^ c)), &a, b, m[(5 &* i &+ 1) & 15], k[i], 5)
                step(b ^ (c & (a ^ b)), &d, a, m[(5 &* i &+ 6) & 15], k[i &+ 1], 9)
                step(a ^ (b & (d ^ a)), &c, d, m[(5 &* i &+ 11) & 15], k[i &+ 2], 14)
                step(d ^ (a & (c ^ d)), &b, c, m[(5 &* i) & 15], k[i &+ 3], 20)
                i &+= 4
            }
            while i < 48 {
                step(b ^ c ^ d, &a, b, m[(3 &* i &+ 5) & 15], k[i], 4)
                step(a ^ b ^ c, &d, a, m[(3 &* i &+ 8) & 15], k[i &+ 1], 11)
                step(d ^ a ^ b, &c, d, m[(3 &* i &+ 11) & 15], k[i &+ 2], 16)
                step(c ^ d ^ a, &b, c, m[(3 &* i &+ 14) & 15], k[i &+ 3], 23)
                i &+= 4
            }
            while i < 64 {
                step(c ^ (b | ~d), &a, b, m[(7 &* i) & 15], k[i], 6)
                step(b ^ (a | ~c), &d, a, m[(7 &* i &+ 7) & 15], k[i &+ 1], 10)
                step(a ^ (d | ~b), &c, d, m[(7 &* i &+ 14) & 15], k[i &+ 2], 15)
                step(d ^ (c | ~a), &b, c, m[(7 &* i &+ 21) & 15], k[i &+ 3], 21)
                i &+= 4
            }
            state.a &+= a
            state.b &+= b
            state.c &+= c
            state.d &+= d
        }
    }
}
