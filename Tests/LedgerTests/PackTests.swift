import Elements
import Foundation
import Ledger
import TestSupport
import Testing

@Suite struct PackTests {
    private let scratch = Scratch()
    private let folder: ConfinedFolder

    init() throws {
        folder = try ConfinedFolder(creating: scratch.path)
    }

    private func content(_ number: Int) -> [UInt8] {
        (0..<(100 + 37 * number)).map { UInt8(truncatingIfNeeded: $0 * number) }
    }

    /// The pack as another process finds it, whose owner is not known to be gone.
    private func opened() throws -> Pack { try Holdings(in: folder).pack("packs/a.zip") }

    /// A file of the one part that there is, e.g. `zip`.
    private func part(_ type: String) throws -> String {
        let names = try folder.list("packs/a.zip.parts").filter { $0.hasSuffix(".\(type)") }
        try #require(names.count == 1)
        return "packs/a.zip.parts/\(names[0])"
    }

    /// Puts a pack there as an earlier version has left it, and nothing else.
    private func replace(_ zip: [UInt8], journal: [UInt8]? = nil) throws {
        try folder.removeTree("packs")
        try folder.write(zip, to: "packs/a.zip")
        if let journal { try folder.write(journal, to: "packs/a.zip.absent") }
    }

    private func fill(_ count: Int, close: Bool) throws {
        let pack = try opened()
        for number in 0..<count { try pack.append("ds/s0/\(number)", ByteBuffer(content(number))) }
        if close { try pack.close() }
    }

    @Test(arguments: [true, false])
    func whatWasAppendedIsThereAgain(close: Bool) throws {
        try fill(5, close: close)
        let pack = try opened()
        for number in 0..<5 { #expect(try pack.read("ds/s0/\(number)")?.array == content(number)) }
        #expect(try pack.read("ds/s0/5") == nil)
        #expect(pack.knows("ds/s0/4"))
        #expect(!pack.knows("ds/s0/5"))
        #expect(pack.summary("ds/s0/2")?.size == content(2).count)
    }

    /// A kill may cut the file at any byte: the entries before the cut stay, the torn one is written again.
    @Test func anyTornTailIsCutOff() throws {
        try fill(3, close: false)
        let whole = try scratch.bytes(try part("zip"))
        var ends = [0]
        for number in 0..<3 { ends.append(ends[number] + 30 + "ds/s0/0".utf8.count + content(number).count) }
        #expect(ends[3] == whole.count)
        for cut in stride(from: 0, through: whole.count, by: 7) {
            try replace(Array(whole[..<cut]))
            let pack = try opened()
            let intact = ends.dropFirst().count { $0 <= cut }
            for number in 0..<3 { #expect(pack.knows("ds/s0/\(number)") == (number < intact), "cut at \(cut)") }
            for number in 0..<3 { try pack.append("ds/s0/\(number)", ByteBuffer(content(number))) }
            #expect(try scratch.bytes(try part("zip")) == whole, "cut at \(cut)")
        }
    }

    /// Power may be lost after the length of a file is on disk and before its content is.
    @Test func anEntryThatDoesNotMatchItsCRCIsFetchedAgain() throws {
        try fill(3, close: false)
        var bytes = try scratch.bytes(try part("zip"))
        bytes[bytes.count - 5] ^= 1
        try replace(bytes)
        let pack = try opened()
        #expect(pack.knows("ds/s0/1"))
        #expect(!pack.knows("ds/s0/2"))
    }

    @Test func damageBehindTheDirectoryIsFoundWhenReading() throws {
        try fill(3, close: true)
        var bytes = try scratch.bytes("packs/a.zip")
        bytes[60] ^= 0xFF
        try scratch.write(bytes, to: "packs/a.zip")
        let pack = try opened()
        #expect(throws: LedgerError.self) { try pack.read("ds/s0/0") }
        #expect(try pack.read("ds/s0/1")?.array == content(1))
    }

    @Test func aClosedPackCanBeAppendedTo() throws {
        try fill(2, close: true)
        let pack = try opened()
        try pack.append("ds/s0/2", ByteBuffer(content(2)))
        try pack.append("ds/s0/2", ByteBuffer(content(1)))
        try pack.close()
        let again = try opened()
        for number in 0..<3 { #expect(try again.read("ds/s0/\(number)")?.array == content(number)) }
    }

    @Test func closingTwiceChangesNothing() throws {
        try fill(2, close: true)
        let before = try scratch.bytes("packs/a.zip")
        let pack = try opened()
        try pack.close()
        #expect(try scratch.bytes("packs/a.zip") == before)
    }

    /// The bytes are a ZIP file by the format's own rules: signature, stored method, directory at the end.
    @Test func theFileIsAPlainZIP() throws {
        try fill(2, close: true)
        let bytes = try scratch.bytes("packs/a.zip")
        #expect(Array(bytes[0..<4]) == [0x50, 0x4B, 3, 4])
        #expect(Array(bytes[8..<10]) == [0, 0])
        let end = bytes.count - 22
        #expect(Array(bytes[end..<end + 4]) == [0x50, 0x4B, 5, 6])
        #expect(bytes[end + 10] == 2)
    }

    @Test func absentKeysAreRemembered() throws {
        let pack = try opened()
        try pack.noteAbsent("ds/s0/7")
        try pack.noteAbsent("ds/s0/7")
        try pack.noteAbsent("ds/s0/8")
        let journal = try scratch.bytes(try part("absent"))
        // A torn line is no answer.
        try scratch.write(Array(journal.dropLast(2)), to: try part("absent"))
        let again = try opened()
        #expect(again.isAbsent("ds/s0/7"))
        #expect(!again.knows("ds/s0/8"))
        try again.noteAbsent("ds/s0/8")
        #expect(try opened().isAbsent("ds/s0/8"))
    }

    @Test func removingTakesTheJournalAlong() throws {
        try fill(1, close: true)
        try Holdings(in: folder).removePack("packs/a.zip")
        #expect(try folder.list("packs").isEmpty)
    }

    @Test func randomBytesAreNoPackAndNoCrash() throws {
        var random = SplitMix(seed: 1)
        for _ in 0..<200 {
            var bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // Half of them with the right beginning or end, so that the parser gets further.
            if Bool.random(using: &random) { bytes = [0x50, 0x4B, 3, 4] + bytes }
            if Bool.random(using: &random) {
                bytes += [0x50, 0x4B, 5, 6] + (0..<18).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            try folder.removeTree("packs")
            try folder.write(bytes, to: "packs/random.zip")
            let pack = try Holdings(in: folder).pack("packs/random.zip")
            #expect(!pack.knows("ds/s0/0"))
            try pack.append("ds/s0/0", ByteBuffer([1, 2, 3]))
            #expect(try pack.read("ds/s0/0")?.array == [1, 2, 3])
        }
    }

    /// A closed pack of one entry, whose directory is changed by `change`; the end record says how long it is then.
    private func changeDirectory(_ change: (inout [UInt8]) -> Void) throws {
        try fill(1, close: true)
        let bytes = try scratch.bytes("packs/a.zip")
        let start = 30 + "ds/s0/0".utf8.count + content(0).count
        var directory = Array(bytes[start..<(bytes.count - 22)])
        var end = Array(bytes.suffix(22))
        change(&directory)
        end[12] = UInt8(directory.count)
        try scratch.write(bytes[..<start] + directory + end, to: "packs/a.zip")
    }

    /// An offset in a ZIP64 field that overflows when a header's size is added to it: the entry is found by its local header.
    @Test(arguments: [UInt64(Int64.max), UInt64(Int64.max) - 40, UInt64(Int64.max) - 140, .max, 1 << 60])
    func anOffsetBeyondAnyFileIsNotFollowed(offset: UInt64) throws {
        try changeDirectory { directory in
            directory[30] = 12
            directory += [1, 0, 8, 0] + (0..<8).map { UInt8(truncatingIfNeeded: offset >> UInt64(8 * $0)) }
        }
        let pack = try opened()
        #expect(try pack.read("ds/s0/0")?.array == content(0))
    }

    /// A name that is no UTF-8 cannot be written again as it is: no pack of ours has one.
    @Test func aDirectoryWithNamesInOtherEncodingsIsNotFollowed() throws {
        try changeDirectory { $0[46] = 0xFF }
        let pack = try opened()
        #expect(try pack.read("ds/s0/0")?.array == content(0))
        try pack.append("ds/s0/1", ByteBuffer(content(1)))
        try pack.close()
        let again = try opened()
        for number in 0..<2 { #expect(try again.read("ds/s0/\(number)")?.array == content(number)) }
    }

    @Test func anEntryWithANameInAnotherEncodingEndsThePack() throws {
        try fill(2, close: false)
        var bytes = try scratch.bytes(try part("zip"))
        let second = 30 + "ds/s0/0".utf8.count + content(0).count
        bytes[second + 30] = 0xFF
        try replace(bytes)
        let pack = try opened()
        #expect(try pack.read("ds/s0/0")?.array == content(0))
        try pack.append("ds/s0/1", ByteBuffer(content(1)))
        bytes[second + 30] = UInt8(ascii: "d")
        #expect(try scratch.bytes(try part("zip")) == bytes)
    }

    // MARK: Versions

    private func reopened() throws -> Pack { try opened() }

    @Test(arguments: [true, false])
    func marksAreRemembered(closes: Bool) throws {
        let pack = try reopened()
        try pack.append("a", ByteBuffer([1]), mark: "3 4 etag with spaces")
        try pack.append("b", ByteBuffer([2]))
        try pack.noteMark("7 8 shard", of: "c")
        try pack.noteBegan(100)
        try pack.noteBegan(90)
        try pack.noteBegan(95)
        if closes { try pack.close() }
        for pack in [pack, try reopened()] {
            #expect(pack.mark("a") == "3 4 etag with spaces")
            #expect(pack.mark("b") == nil)
            #expect(pack.marks == ["a": "3 4 etag with spaces", "c": "7 8 shard"])
            #expect(pack.began == 90)
            #expect(pack.knows("a") && pack.knows("b") && !pack.knows("c"))
        }
        try reopened().noteBegan(200, insteadOfEarlier: true)
        #expect(try reopened().began == 200)
    }

    @Test(arguments: [true, false])
    func whatIsForgottenStaysForgotten(closes: Bool) throws {
        let pack = try reopened()
        try pack.append("a", ByteBuffer([1, 1]), mark: "2 - x")
        try pack.append("b", ByteBuffer([2]), mark: "1 - y")
        try pack.noteAbsent("c")
        if closes { try pack.close() }
        let second = try reopened()
        try second.forget { ["a", "c"].contains($0) }
        for pack in [second, try reopened()] {
            #expect(!pack.knows("a") && !pack.knows("c") && pack.knows("b"))
            #expect(try pack.read("a") == nil)
            #expect(pack.mark("a") == nil)
        }
        let third = try reopened()
        try third.append("a", ByteBuffer([3, 3, 3]), mark: "3 - z")
        try third.append("c", ByteBuffer([4]))
        for pack in [third, try reopened()] {
            #expect(try pack.read("a")?.array == [3, 3, 3])
            #expect(try pack.read("b")?.array == [2])
            #expect(try pack.read("c")?.array == [4])
            #expect(!pack.isAbsent("c"))
            #expect(pack.mark("a") == "3 - z")
        }
        try reopened().close()
        #expect(try reopened().read("a")?.array == [3, 3, 3])
    }

    /// A kill may cut either file at any byte while an object is replaced: the old bytes must not come back.
    @Test func noKillBringsBackWhatWasForgotten() throws {
        let pack = try reopened()
        try pack.append("a", ByteBuffer([1, 1]), mark: "2 - old")
        try pack.append("b", ByteBuffer([2]), mark: "1 - y")
        try pack.close()
        let old = try reopened()
        try old.forget { $0 == "a" }
        let (zip, journal) = (try scratch.bytes(try part("zip")), try scratch.bytes(try part("absent")))
        try old.append("a", ByteBuffer([3, 3, 3]), mark: "3 - new")
        let (newZip, newJournal) = (try scratch.bytes(try part("zip")), try scratch.bytes(try part("absent")))
        #expect(newZip.starts(with: zip) && newJournal.starts(with: journal))
        for end in zip.count...newZip.count {
            for journalEnd in journal.count...newJournal.count {
                try replace(Array(newZip[..<end]), journal: Array(newJournal[..<journalEnd]))
                let pack = try reopened()
                let found = try pack.read("a")?.array
                #expect(found == nil || found == [3, 3, 3], "\(end), \(journalEnd)")
                #expect(try pack.read("b")?.array == [2])
            }
        }
    }
}
