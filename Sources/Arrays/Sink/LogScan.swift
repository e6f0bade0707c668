internal import Codecs
internal import Elements
internal import JSONText
public import Ledger

/// Finds the damaged blocks of a chunk log by reading all of it.
public struct LogScan: Sendable {
    /// Damaged blocks that follow one another, and the bytes between the marks around them.
    public struct Gap: Sendable {
        let blocks: Range<Int>
        let bytes: Range<Int>
    }

    public private(set) var gaps: [Gap] = []
    /// The content of each whole block.
    public private(set) var contents: [Int: Fingerprint] = [:]

    /// Bytes that are searched at a time.
    private static let searchedBytes = 1 << 20

    /// Reads the log; nil where it cannot be told which blocks are damaged. Blocks.
    public init?(_ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, blockCount: Int, stop: StopSignal) throws {
        let start = checkpoint.marksFrom ?? ChunkLog.Place(length: 0, blocks: 0, content: Fingerprint(of: .null))
        guard start.length <= checkpoint.length, start.blocks <= blockCount else { return nil }
        var offset = 0
        // Before the first mark, blocks cannot be told apart.
        while offset < start.length {
            try stop.check()
            guard try Self.entry(of: log, checkpoint, at: &offset) != nil else { return nil }
        }
        var (next, first, isDamaged) = (start.blocks, offset, false)
        while offset < checkpoint.length {
            try stop.check()
            guard let entry = try Self.entry(of: log, checkpoint, at: &offset) else {
                isDamaged = true
                guard let found = try Self.search(log, checkpoint, after: offset) else { break }
                offset = found
                continue
            }
            guard entry.isMark, (next..<blockCount).contains(entry.number),
                let mark = try? JSONFile.decode(ChunkLog.BlockMark.self, from: entry.bytes.array)
            else { continue }
            if isDamaged || entry.number != next {
                gaps.append(Gap(blocks: next..<(entry.number + 1), bytes: first..<offset))
            } else {
                contents[entry.number] = mark.content
            }
            (next, first, isDamaged) = (entry.number + 1, offset, false)
        }
        if first < checkpoint.length || next < blockCount {
            guard next < blockCount else { return nil }
            gaps.append(Gap(blocks: next..<blockCount, bytes: first..<checkpoint.length))
        }
    }

    /// The log with its damaged blocks replaced. Whole blocks stay where they are.
    ///
    /// - Parameter make: appends a block and its mark.
    public func mended(
        _ checkpoint: ChunkLog.Checkpoint, _ make: (_ block: Int, inout ChunkLog.Checkpoint) async throws -> Void
    ) async throws -> ChunkLog.Checkpoint {
        let old = checkpoint.pieces ?? []
        var mended = checkpoint
        (mended.pieces, mended.length) = ([], 0)
        var end = 0
        for gap in gaps + [Gap(blocks: 0..<0, bytes: checkpoint.length..<checkpoint.length)] {
            mended.pieces = (mended.pieces ?? []) + old.slice(end..<gap.bytes.lowerBound)
            mended.length += gap.bytes.lowerBound - end
            for block in gap.blocks { try await make(block, &mended) }
            end = gap.bytes.upperBound
        }
        return mended
    }

    /// How much is replaced, for the log of events.
    public var summary: String {
        "\(gaps.reduce(0) { $0 + $1.bytes.count }) bytes of its log are damaged, \(gaps.reduce(0) { $0 + $1.blocks.count }) blocks are made anew"
    }

    /// The entry at `offset`; nil where it is damaged. Moves `offset` to the next entry.
    private static func entry(
        of log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, at offset: inout Int
    ) throws(LedgerError) -> ChunkLog.Entry? {
        do throws(LedgerError) {
            return try log.read(at: &offset, of: checkpoint)
        } catch {
            guard error.code == .corrupt else { throw error }
            return nil
        }
    }

    /// The offset of the next whole entry. The CRCs of its header and its content tell that it is one.
    private static func search(
        _ log: ChunkLog, _ checkpoint: ChunkLog.Checkpoint, after damage: Int
    ) throws(LedgerError) -> Int? {
        let headerBytes = ChunkLog.headerBytes
        var start = damage + 1
        while start + headerBytes <= checkpoint.length {
            let count = min(searchedBytes, checkpoint.length - start)
            let part: ByteBuffer
            do throws(LedgerError) {
                part = try log.bytes(count: count, at: start, of: checkpoint)
            } catch {
                guard error.code == .corrupt else { throw error }
                return nil
            }
            let candidates = part.withSpan { bytes in
                (0...(count - headerBytes)).filter { offset in
                    bytes.extracting(offset..<(offset + headerBytes)).withUnsafeBytes { header in
                        let sum = header.loadUnaligned(fromByteOffset: headerBytes - 4, as: UInt32.self).littleEndian
                        return sum == Checksum.crc32(bytes.extracting(offset..<(offset + headerBytes - 4)))
                    }
                }
            }
            for candidate in candidates {
                var offset = start + candidate
                if try entry(of: log, checkpoint, at: &offset) != nil { return start + candidate }
            }
            start += count - headerBytes + 1
        }
        return nil
    }
}
