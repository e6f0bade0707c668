import Elements
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Ledger

/// A pack in the hands of several owners, one after the other or, where one was paused, at the same time.
@Suite struct PackOwnerTests {
    private static let pack = "packs/a.zip"
    private let scratch = Scratch()
    private let state: ConfinedFolder
    private let output: ConfinedFolder

    init() throws {
        state = try ConfinedFolder(creating: scratch.file("state"))
        output = try ConfinedFolder(creating: scratch.file("out"))
    }

    private func content(_ number: Int) -> ByteBuffer {
        ByteBuffer((0..<(50 + 11 * number)).map { UInt8(truncatingIfNeeded: $0 * (number + 3)) })
    }

    private func append(_ numbers: Range<Int>, to pack: Pack) throws {
        for number in numbers { try pack.append("s0/\(number)", content(number), version: "1 - v\(number)") }
    }

    private func expect(_ numbers: Range<Int>, in pack: Pack) throws {
        for number in numbers { #expect(try pack.read("s0/\(number)")?.array == content(number).array) }
    }

    /// The files of the pack, by name, with their inodes.
    private func files() throws -> [String: UInt64] {
        var files: [String: UInt64] = [:]
        for folder in ["packs", "packs/a.zip.parts"] {
            for name in try state.list(folder) {
                var status = stat()
                guard lstat("\(state.path)/\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                files["\(folder)/\(name)"] = UInt64(status.st_ino)
            }
        }
        return files
    }

    private func newOwner() throws -> (owner: Owner, holdings: Holdings) {
        let owner = try Owner(role: "task 1/2", state: state, output: output)
        return (owner, Holdings(in: state).owned(by: owner))
    }

    /// A name in the pack that the journal does not know is a damaged one.
    @Test func anEntryUnderADamagedNameIsNone() throws {
        let (first, second) = (try newOwner(), try newOwner())
        try append(0..<3, to: try first.holdings.pack(Self.pack))
        let file = "packs/a.zip.parts/\(first.owner.identity.id).zip"
        var bytes = try scratch.bytes("state/\(file)")
        let place = try #require(bytes.firstRange(of: Array("s0/1".utf8))).upperBound - 1
        bytes[place] = UInt8(ascii: "9")
        try state.write(bytes, to: file)
        #expect(try Claims(of: second.owner).fence(first.owner.identity.id))
        let pack = try second.holdings.pack(Self.pack)
        #expect(!pack.knows("s0/9") && !pack.knows("s0/1"))
        try expect(0..<1, in: pack)
        try expect(2..<3, in: pack)
    }

    /// A part that should have been removed, with more in it than the newer one: what was forgotten since does not come back, and is not
    /// copied on.
    @Test(arguments: ["0", "z"]) func theNewestPartCounts(name: String) throws {
        let (first, second, third) = (try newOwner(), try newOwner(), try newOwner())
        try append(0..<3, to: try first.holdings.pack(Self.pack))
        let old = try [".zip", ".absent"].map { ending in
            (ending, try scratch.bytes("state/packs/a.zip.parts/\(first.owner.identity.id)\(ending)"))
        }
        #expect(try Claims(of: second.owner).fence(first.owner.identity.id))
        let new = try second.holdings.pack(Self.pack)
        try new.forget { $0 == "s0/0" }
        for (ending, bytes) in old { try state.write(bytes, to: "packs/a.zip.parts/\(name)\(ending)") }
        #expect(try Claims(of: third.owner).fence(second.owner.identity.id))
        let last = try third.holdings.pack(Self.pack)
        #expect(!last.knows("s0/0"))
        try expect(1..<3, in: last)
        let bytes = try scratch.bytes("state/packs/a.zip.parts/\(third.owner.identity.id).zip")
        #expect(bytes.firstRange(of: content(0).array) == nil && bytes.firstRange(of: content(1).array) != nil)
    }

    /// The first owner is paused in the middle of its work, taken over, and goes on when the second one has begun.
    @Test func anOwnerThatWakesUpWritesNowhereElse() throws {
        let (first, second) = (try newOwner(), try newOwner())
        let old = try first.holdings.pack(Self.pack)
        try append(0..<3, to: old)
        try old.noteAbsent("s0/100")
        #expect(try Claims(of: second.owner).fence(first.owner.identity.id))
        let new = try second.holdings.pack(Self.pack)
        try expect(0..<3, in: new)
        #expect(new.isAbsent("s0/100"))
        // Both append at what was the same place.
        try append(3..<5, to: old)
        try append(5..<8, to: new)
        try append(8..<9, to: old)
        try old.noteAbsent("s0/101")
        #expect(throws: LedgerError.self) { try old.close() }
        try append(8..<9, to: new)
        try new.close()
        for pack in [new, try second.holdings.closedPack(Self.pack)] {
            try expect(0..<3, in: pack)
            try expect(5..<9, in: pack)
            #expect(!pack.knows("s0/3") && !pack.knows("s0/101"))
            #expect(try pack.forgetDamaged() == 0)
        }
        #expect(try files().keys.sorted() == ["packs/a.zip", "packs/a.zip.absent"])
    }

    /// None of what gives a file its name, or takes it away, can be done by an owner that was taken over.
    @Test func anOwnerThatWasTakenOverCanDoNothing() throws {
        let (first, second) = (try newOwner(), try newOwner())
        let pack = try second.holdings.pack(Self.pack)
        try append(0..<2, to: pack)
        try pack.close()
        #expect(try Claims(of: second.owner).fence(first.owner.identity.id))
        let before = try files()
        for attempt in [
            { _ = try first.holdings.pack(Self.pack) }, { try first.holdings.removePack(Self.pack) },
            { _ = try first.holdings.move(Self.pack, to: "packs/b.zip") },
            { _ = try first.holdings.make("packs/b.zip") { _ throws(LedgerError) in } },
        ] as [() throws -> Void] {
            do {
                try attempt()
                Issue.record("it could")
            } catch let error as LedgerError {
                #expect(error.code == .locked, "\(error)")
            }
            #expect(try files() == before)
        }
        try expect(0..<2, in: try second.holdings.closedPack(Self.pack))
    }

    private static func identity(process: Int32) -> OwnerIdentity {
        let own = OwnerIdentity.current(role: OwnerIdentity.wholeJob)
        return OwnerIdentity(
            id: own.id, host: own.host, process: process, role: own.role, since: own.since, started: "1",
            boot: own.boot, namespace: own.namespace, lock: "")
    }

    /// What a process has left that is certainly gone is taken as it is, and not copied.
    @Test(arguments: [true, false]) func onlyWhatIsStillInUseIsCopied(isGone: Bool) throws {
        var process = getpid()
        if isGone {
            let child = Process()
            child.executableURL = URL(filePath: "/bin/true")
            try child.run()
            child.waitUntilExit()
            process = child.processIdentifier
        }
        let old = try Holdings(in: state, as: Self.identity(process: process)).pack(Self.pack)
        try append(0..<3, to: old)
        let before = try #require(try files().first { $0.key.hasSuffix(".zip") }).value
        let new = try Holdings(in: state).pack(Self.pack)
        try expect(0..<3, in: new)
        let after = try files().filter { $0.key.hasSuffix(".zip") }
        #expect(after.count == 1)
        #expect((after.first?.value == before) == isGone)
    }

    /// A closed pack has no writer, and is taken as it is whoever closed it.
    @Test func aClosedPackIsNotCopied() throws {
        let old = try Holdings(in: state).pack(Self.pack)
        try append(0..<3, to: old)
        try old.close()
        let before = try files()[Self.pack]
        #expect(throws: LedgerError.self) { try old.append("s0/9", content(9)) }
        #expect(throws: LedgerError.self) { try old.noteAbsent("s0/9") }
        let new = try Holdings(in: state).pack(Self.pack)
        try append(3..<4, to: new)
        try new.close()
        #expect(try files()[Self.pack] == before)
        try expect(0..<4, in: try Holdings(in: state).closedPack(Self.pack))
    }

    // MARK: Kills

    /// The files as they are after a kill at each of the steps of taking over and of closing.
    @Test func nothingIsLostByAKillOnTheWay() throws {
        let old = try Holdings(in: state).pack(Self.pack)
        try append(0..<4, to: old)
        try old.forget { $0 == "s0/1" }
        try old.noteAbsent("s0/100")
        func bytes(_ name: String) throws -> [UInt8] { try #require(try state.read(name)) }
        let folder = "packs/a.zip.parts"
        let first = try state.list(folder)
        let (oldJournal, oldData) = (try bytes("\(folder)/\(first[0])"), try bytes("\(folder)/\(first[1])"))
        let new = try Holdings(in: state).pack(Self.pack)
        let second = try state.list(folder)
        let (newJournal, newData) = (try bytes("\(folder)/\(second[0])"), try bytes("\(folder)/\(second[1])"))
        try new.close()
        let (journal, data) = (try bytes("packs/a.zip.absent"), try bytes(Self.pack))
        let parts = (first + second).map { "\(folder)/\($0)" }
        let states: [[String: [UInt8]]] = [
            // Taking over: the journal, the data, the removal of what was there.
            [parts[0]: oldJournal, parts[1]: oldData, parts[2]: newJournal],
            [parts[0]: oldJournal, parts[1]: oldData, parts[2]: newJournal, parts[3]: newData],
            [parts[0]: oldJournal, parts[2]: newJournal, parts[3]: newData],
            [parts[2]: newJournal, parts[3]: newData],
            // Closing: the directory, a second name for each file, the removal of the first.
            [parts[2]: newJournal, parts[3]: data],
            [parts[2]: journal, "packs/a.zip.absent": journal, parts[3]: data],
            ["packs/a.zip.absent": journal, parts[3]: data],
            ["packs/a.zip.absent": journal, Self.pack: data, parts[3]: data],
            ["packs/a.zip.absent": journal, Self.pack: data],
            // Taking over what was closed.
            ["packs/a.zip.absent": journal, Self.pack: data, parts[2]: newJournal],
            ["packs/a.zip.absent": journal, parts[2]: newJournal, parts[3]: data],
            // A torn copy of an owner that died before it had its name, and a half-made journal.
            [parts[0]: oldJournal, parts[1]: oldData, parts[3] + ".new": [1, 2, 3], parts[2] + ".new": [1]],
        ]
        for (number, files) in states.enumerated() {
            try state.removeTree("packs")
            for (name, bytes) in files { try state.write(bytes, to: name) }
            let pack = try Holdings(in: state).pack(Self.pack)
            for key in [0, 2, 3] {
                #expect(try pack.read("s0/\(key)")?.array == content(key).array, "state \(number)")
                #expect(pack.version(of: "s0/\(key)") == "1 - v\(key)", "state \(number)")
            }
            #expect(!pack.knows("s0/1") && pack.isAbsent("s0/100"), "state \(number)")
            #expect(try state.list(folder).count == 2, "state \(number)")
            try append(1..<2, to: pack)
            try pack.close()
            try expect(0..<4, in: try Holdings(in: state).closedPack(Self.pack))
            #expect(try self.files().keys.sorted() == ["packs/a.zip", "packs/a.zip.absent"], "state \(number)")
        }
    }

    /// The first sign of life of an owner may come after the last of another; a part without data is no part.
    @Test func leftoversOfClosedPacksAreRemoved() throws {
        let pack = try Holdings(in: state).pack(Self.pack)
        try append(0..<2, to: pack)
        try pack.close()
        try state.write([1], to: "packs/a.zip.parts/x.zip")
        try state.write([1], to: "packs/b.zip.parts/x.absent")
        try state.write([1], to: "packs/c.zip.parts/x.zip")
        try Holdings(in: state).removeLeftovers()
        #expect(try state.list("packs") == ["a.zip", "a.zip.absent", "c.zip.parts"])
    }

    // MARK: Damage

    /// One flipped byte in any entry of a pack under way costs that entry, and no other.
    @Test func aDamagedEntryIsLostAlone() throws {
        let pack = try Holdings(in: state).pack(Self.pack)
        try append(0..<5, to: pack)
        let part = try #require(try files().keys.first { $0.hasSuffix(".zip") })
        let (whole, journal) = (
            try #require(try state.read(part)), try #require(try state.read("\(part.dropLast(4)).absent"))
        )
        let entry = 30 + "s0/0".utf8.count
        for (number, place) in [(0, 3), (0, 14), (0, 22), (0, 26), (0, 31), (0, entry + 20)]
            + (1..<5).map({ ($0, entry + 7) })
        {
            let start = (0..<number).reduce(0) { $0 + entry + content($1).count }
            var bytes = whole
            bytes[start + place] ^= 0x41
            try state.removeTree("packs")
            try state.write(bytes, to: Self.pack)
            try state.write(journal, to: Self.pack + ".absent")
            let found = try Holdings(in: state).pack(Self.pack)
            for other in 0..<5 where other != number {
                #expect(try found.read("s0/\(other)")?.array == content(other).array, "byte \(place) of \(number)")
            }
            #expect(!found.knows("s0/\(number)"), "byte \(place) of \(number)")
            try append(number..<(number + 1), to: found)
            try found.close()
            let closed = try Holdings(in: state).closedPack(Self.pack)
            try expect(0..<5, in: closed)
        }
    }

    @Test func theDamagedEntriesOfAClosedPackAreForgottenAlone() throws {
        let pack = try Holdings(in: state).pack(Self.pack)
        try append(0..<5, to: pack)
        try pack.close()
        var bytes = try #require(try state.read(Self.pack))
        bytes[30 + 4 + 10] ^= 1
        bytes[bytes.count / 2] ^= 1
        try state.write(bytes, to: Self.pack)
        let closed = try Holdings(in: state).closedPack(Self.pack)
        let wrong = (0..<5).filter { (try? closed.check("s0/\($0)")) == nil }
        #expect(wrong.count == 2 && wrong.first == 0)
        let found = try Holdings(in: state).pack(Self.pack)
        #expect(try found.forgetDamaged() == 2)
        for number in 0..<5 { #expect(found.knows("s0/\(number)") == !wrong.contains(number)) }
    }

    /// Which object a damaged line was about is not known: it may have said that one is to be forgotten.
    @Test func aDamagedLineOfTheJournalIsADoubt() throws {
        let pack = try Holdings(in: state).pack(Self.pack)
        try pack.noteBegan(1_700_000_000)
        try append(0..<3, to: pack)
        try pack.noteAbsent("s0/100")
        try pack.noteAbsent("s0/101")
        #expect(!pack.isDoubtful)
        try pack.close()
        let journal = try #require(try state.read(Self.pack + ".absent"))
        let lines = journal.split(separator: UInt8(ascii: "\n"))
        var start = 0
        for line in lines {
            for place in [0, 8, 9, line.count - 1] {
                var bytes = journal
                bytes[start + place] ^= 4
                try state.write(bytes, to: Self.pack + ".absent")
                let found = try Holdings(in: state).closedPack(Self.pack)
                #expect(found.isDoubtful, "\(String(decoding: line, as: UTF8.self)) at \(place)")
                // Nothing is known that was not said.
                let said = (0..<200).filter { found.isAbsent("s0/\($0)") }
                #expect(Set(said).isSubset(of: [100, 101]))
                for number in 0..<3 where found.version(of: "s0/\(number)") != nil {
                    #expect(found.version(of: "s0/\(number)") == "1 - v\(number)")
                }
            }
            start += line.count + 1
        }
        // The doubt outlives the line, until all has been compared.
        let found = try Holdings(in: state).pack(Self.pack)
        #expect(found.isDoubtful)
        #expect(try Holdings(in: state).pack(Self.pack).isDoubtful)
        let next = try Holdings(in: state).pack(Self.pack)
        try next.noteBegan(1_700_000_001, insteadOfEarlier: true)
        #expect(!next.isDoubtful)
        #expect(try !Holdings(in: state).pack(Self.pack).isDoubtful)
    }

    /// Data go before the journal that says what of them counts: a kill in between must not leave data alone.
    @Test func aPackIsRemovedDataFirst() throws {
        let owner = try newOwner()
        try append(0..<2, to: try owner.holdings.pack(Self.pack))
        let watch = inotify_init()
        defer { close(watch) }
        #expect(inotify_add_watch(watch, "\(state.path)/\(Self.pack).parts", UInt32(IN_DELETE)) > 0)
        try owner.holdings.removePack(Self.pack)
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(watch, &bytes, bytes.count)
        #expect(count > 0)
        let id = owner.owner.identity.id
        let places = ["\(id).zip", "\(id).absent"].map { bytes.prefix(max(0, count)).firstRange(of: Array($0.utf8)) }
        let data = try #require(places[0]).lowerBound
        #expect(data < (try #require(places[1]).lowerBound))
    }
}
