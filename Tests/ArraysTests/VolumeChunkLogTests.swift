import Elements
import Foundation
import JSONText
import Ledger
import TestSupport
import Testing

@testable import Arrays

/// The log that a volume's chunks are kept in until its file is assembled.
@Suite struct VolumeChunkLogTests {
    private let folder: ConfinedFolder
    private let scratch = Scratch()
    private let fingerprint = Fingerprint(of: ["version": 1])

    init() throws {
        folder = try ConfinedFolder(creating: scratch.path)
    }

    private func chunk(_ value: UInt8, _ count: Int) -> ByteBuffer {
        ByteBuffer([UInt8](repeating: value, count: count))
    }

    /// As another owner each time.
    private func opened(
        _ fingerprint: Fingerprint? = nil
    ) throws -> (log: ChunkLog, checkpoint: ChunkLog.Checkpoint) {
        try ChunkLog.open("a.chunks", in: Holdings(in: folder), fingerprint: fingerprint ?? self.fingerprint)
    }

    /// The names of the files with chunks, without the owners' ids.
    private func files() throws -> [String] {
        try folder.list().filter { !$0.hasSuffix(".json") && !$0.hasSuffix(".versions") }
    }

    private func only() throws -> String {
        let files = try files()
        try #require(files.count == 1)
        return files[0]
    }

    private func file() throws -> [UInt8] { try #require(try folder.read(try only())) }

    @Test func readsBackWhatWasAppended() throws {
        var (log, checkpoint) = try opened()
        try log.append(ChunkLog.Entry(array: 0, number: 7, bytes: chunk(1, 100)), to: &checkpoint)
        try log.append(ChunkLog.Entry(array: 2, number: 1 << 40, bytes: chunk(2, 1)), to: &checkpoint)
        try log.commit(checkpoint)
        (log, checkpoint) = try opened()
        var offset = 0
        let first = try log.read(at: &offset, of: checkpoint)
        let second = try log.read(at: &offset, of: checkpoint)
        #expect(first.array == 0 && first.number == 7 && first.bytes.array == chunk(1, 100).array)
        #expect(second.array == 2 && second.number == 1 << 40 && second.bytes.array == [2])
        #expect(offset == checkpoint.length)
    }

    @Test func cutsOffWhatWasNotCommitted() throws {
        var (log, checkpoint) = try opened()
        try log.append(ChunkLog.Entry(array: 0, number: 0, bytes: chunk(1, 10)), to: &checkpoint)
        try log.commit(checkpoint)
        let whole = try file()
        var torn = checkpoint
        try log.append(ChunkLog.Entry(array: 0, number: 1, bytes: chunk(9, 50)), to: &torn)
        #expect(try file().count > whole.count)
        let again = try opened()
        #expect(again.checkpoint.length == checkpoint.length && again.checkpoint.pieces == checkpoint.pieces)
        // The other may go on writing: nobody reads it.
        try log.append(ChunkLog.Entry(array: 0, number: 1, bytes: chunk(9, 50)), to: &torn)
        var offset = 0
        _ = try again.log.read(at: &offset, of: again.checkpoint)
        #expect(offset == whole.count)
        #expect(throws: LedgerError.self) { try again.log.read(at: &offset, of: again.checkpoint) }
    }

    @Test func beginsAnewForAnotherFingerprint() throws {
        var (log, checkpoint) = try opened()
        try log.append(ChunkLog.Entry(array: 0, number: 0, bytes: chunk(1, 10)), to: &checkpoint)
        try log.commit(checkpoint)
        let other = try opened(Fingerprint(of: ["version": 2]))
        #expect(other.checkpoint.length == 0 && other.checkpoint.blocks == 0)
        #expect(try files().isEmpty)
    }

    @Test(arguments: [0, 9, 21, 24, 60, 123])
    func changedByteIsFound(position: Int) throws {
        var (log, checkpoint) = try opened()
        try log.append(ChunkLog.Entry(array: 3, number: 5, bytes: chunk(1, 100)), to: &checkpoint)
        try log.commit(checkpoint)
        var bytes = try file()
        bytes[position] ^= 0x10
        try folder.write(bytes, to: try only())
        log = try opened().log
        var offset = 0
        #expect(throws: LedgerError.self) { try log.read(at: &offset, of: checkpoint) }
        #expect(offset == 0)
    }

    @Test func lostEndBeginsAnew() throws {
        var (log, checkpoint) = try opened()
        try log.append(ChunkLog.Entry(array: 3, number: 5, bytes: chunk(1, 100)), to: &checkpoint)
        try log.commit(checkpoint)
        try folder.write(try file().dropLast(), to: try only())
        #expect(try opened().checkpoint.length == 0)
    }
}
