internal import Codecs
internal import Elements

/// Writes zlib streams (RFC 1950) of chunks, one after the other, with the same memory for each.
struct VolumeDeflater: ~Copyable, Sendable {
    /// Which matches are searched beside those of ``MatchFinder``.
    enum Search: Equatable {
        case nothing
        /// Those of ``HashMatcher``.
        case words
    }

    private var block = DeflateBlock()
    /// The same bytes without a search.
    private var unsearched = DeflateBlock()
    private var matcher = HashMatcher()

    /// - Parameters:
    ///   - bytes: less than 2 GiB.
    ///   - finder: of the same bytes.
    mutating func stream(
        of bytes: UnsafeRawBufferPointer, _ finder: MatchFinder, searching search: Search
    ) -> ByteBuffer {
        let buffer = ByteBuffer(count: 2 + DeflateBlock.bound(bytes.count) + 4)
        let count = buffer.withUnsafeMutableBytes { target -> Int in
            guard let start = target.baseAddress else { return 0 }
            // A window of 32 KiB, the fastest way, and the check bits.
            start.storeBytes(of: UInt16(bigEndian: 0x7801), as: UInt16.self)
            var writer = BitWriter(start + 2)
            if search == .words { matcher.begin() }
            var (search, number, position) = (search, 0, 0)
            repeat {
                let first = position
                position = fill(from: position, bytes, finder, search)
                let part = UnsafeRawBufferPointer(rebasing: bytes[first..<position])
                let bits = block.prepare(part)
                let isLast = position == bytes.count
                if search == .words, Self.isTrial(number), let plain = unsearchedBits(first, position, bytes, finder),
                    plain <= bits
                {
                    unsearched.write(part, bits: plain, isLast: isLast, to: &writer)
                    // The first block has little before it to match, so it decides nothing.
                    if number > 0 { search = .nothing }
                } else {
                    block.write(part, bits: bits, isLast: isLast, to: &writer)
                }
                number += 1
            } while position < bytes.count
            writer.align()
            let sum = Checksum.adler32(bytes.bytes)
            (start + 2 + writer.byteCount).storeBytes(of: sum.bigEndian, as: UInt32.self)
            return 2 + writer.byteCount + 4
        }
        buffer.resize(to: count)
        return buffer
    }

    /// Whether a block is also prepared without a search, to measure what the search saves.
    ///
    /// No estimate replaces the trial. Matches take away common literals, so the codes of the rest get longer. Each match alone seems to
    /// save bits even where all of them together save none.
    private static func isTrial(_ number: Int) -> Bool { number < 2 || number % 16 == 0 }

    /// Begins a block and adds to it what it has room for. Returns the first byte behind it.
    private mutating func fill(
        from start: Int, _ bytes: UnsafeRawBufferPointer, _ finder: MatchFinder, _ search: Search
    ) -> Int {
        block.begin()
        var position = start
        while position < bytes.count, block.symbolCount < DeflateBlock.maximumSymbols {
            let stop = min(bytes.count, position + DeflateBlock.maximumSymbols - block.symbolCount)
            let found = finder.first(after: position, before: stop)
            let end = found?.start ?? stop
            if search == .words {
                matcher.add(position..<end, of: bytes, to: &block)
                position = end
            }
            block.add(literals: end - position, repeating: found?.count ?? 0, distance: found?.distance ?? 1)
            position = end + (found?.count ?? 0)
        }
        return position
    }

    /// Prepares the block from `start` to `end` without a search; nil where it has no room for that.
    private mutating func unsearchedBits(
        _ start: Int, _ end: Int, _ bytes: UnsafeRawBufferPointer, _ finder: MatchFinder
    ) -> Int? {
        unsearched.begin()
        var position = start
        while position < end {
            let found = finder.first(after: position, before: end)
            let next = min(found?.start ?? end, end)
            // Not beyond the end.
            let count = min(found?.count ?? 0, end - next)
            let isLongEnough = count >= DeflateAlphabet.lengthRange.lowerBound
            unsearched.add(
                literals: next - position + (isLongEnough ? 0 : count), repeating: isLongEnough ? count : 0,
                distance: found?.distance ?? 1)
            position = next + count
            guard unsearched.hasRoom else { return nil }
        }
        return unsearched.prepare(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }
}
