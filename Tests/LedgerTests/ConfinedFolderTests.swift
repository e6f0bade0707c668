import Foundation
import Ledger
import TestSupport
import Testing

@Suite struct ConfinedFolderTests {
    private let scratch = Scratch()
    private let folder: ConfinedFolder

    init() throws {
        folder = try ConfinedFolder(creating: scratch.file("a/b/out"))
    }

    @Test(arguments: [
        "../x", "a/../../x", "/etc/passwd", "", "a//b", ".", "a/.", "..", "a\u{0}b", "a/b\n",
        // Slashes with a combining mark behind them, which are no characters "/".
        "../\u{301}x", "a/../\u{301}../\u{301}x", "/\u{301}x",
        String(repeating: "x", count: 300),
    ])
    func unsafePathsAreRefused(path: String) throws {
        #expect { try folder.write([1], to: path) } throws: { ($0 as? LedgerError)?.code == .unsafePath }
        #expect { try folder.read(path) } throws: { ($0 as? LedgerError)?.code == .unsafePath }
        #expect { try folder.remove(path) } throws: { ($0 as? LedgerError)?.code == .unsafePath }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("a/b")) == ["out"])
    }

    /// A temporary name is longer than the name it stands for.
    @Test(arguments: ["x", "é", "€", "🔬"])
    func namesOfMostBytesCanBeWritten(letter: String) throws {
        let name = String(repeating: letter, count: 255 / letter.utf8.count)
        try folder.write([1], to: name)
        #expect(try folder.read(name) == [1])
    }

    @Test func aPlantedLinkToAFolderIsNotFollowed() throws {
        try FileManager.default.createDirectory(atPath: scratch.file("elsewhere"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: scratch.file("a/b/out/hdf5"), withDestinationPath: scratch.file("elsewhere"))
        #expect { try folder.write([1], to: "hdf5/crop_1.h5") } throws: { ($0 as? LedgerError)?.code == .unsafePath }
        #expect(throws: LedgerError.self) { try TemporaryFile(for: "hdf5/crop_1.h5", in: folder, creating: true) }
        #expect(throws: LedgerError.self) { try folder.removeTemporaries(in: ["hdf5"]) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("elsewhere")).isEmpty)
    }

    @Test func aPlantedLinkToAFileIsReplacedNotFollowed() throws {
        try scratch.write([9], to: "victim")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.file("a/b/out/record.json"), withDestinationPath: scratch.file("victim"))
        #expect(throws: LedgerError.self) { try folder.read("record.json") }
        #expect(try folder.fileSize("record.json") == nil)
        try folder.write([1, 2], to: "record.json")
        #expect(try folder.read("record.json") == [1, 2])
        #expect(try scratch.bytes("victim") == [9])
    }

    @Test func writingLeavesNothingBeside() throws {
        try folder.write([1, 2, 3], to: "txt/data.json")
        try folder.update([1, 2, 3, 4], to: "txt/data.json")
        #expect(try folder.read("txt/data.json") == [1, 2, 3, 4])
        #expect(try folder.list("txt") == ["data.json"])
        #expect(try folder.digest("txt/data.json")?.size == 4)
        #expect(
            try folder.digest("txt/data.json")?.sha256
                == "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a")
    }

    @Test func whatIsRightIsNotTouched() throws {
        try folder.write([1, 2, 3], to: "data.json")
        let before = try FileManager.default.attributesOfItem(atPath: scratch.file("a/b/out/data.json"))
        try folder.update([1, 2, 3], to: "data.json")
        let after = try FileManager.default.attributesOfItem(atPath: scratch.file("a/b/out/data.json"))
        #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
    }

    @Test func whatAKilledProcessLeftIsRemoved() throws {
        let file = try TemporaryFile(for: "hdf5/crop_1.h5", in: folder, creating: true)
        #expect(try folder.list("hdf5").count == 1)
        try folder.write([1], to: "hdf5/.keep")
        try folder.removeTemporaries(in: ["hdf5", "missing"])
        #expect(try folder.list("hdf5") == [".keep"])
        #expect(throws: LedgerError.self) { try file.publish() }
    }

    @Test func appendingMakesAndExtends() throws {
        try folder.append([1], to: "log/a")
        try folder.append([2, 3], to: "log/a")
        #expect(try folder.read("log/a") == [1, 2, 3])
    }

    @Test func aFileInPlaceOfTheDirectoryIsAnError() throws {
        try scratch.write([1], to: "file")
        #expect { try ConfinedFolder(creating: scratch.file("file/out")) } throws: {
            ($0 as? LedgerError)?.description.contains("file/out") ?? false
        }
    }

    @Test func aFIFODoesNotHang() throws {
        #expect(mkfifo(scratch.file("a/b/out/record.json"), 0o600) == 0)
        #expect(try folder.fileSize("record.json") == nil)
        #expect(try folder.read("record.json")?.isEmpty ?? true)
    }
}
