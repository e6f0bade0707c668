import Testing
import ZipFiles

@Suite struct ZipDirectoryTests {
    private static func little(_ value: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private func directory(_ file: [UInt8], maximumComment: Int = 0xFFFF) throws -> ZipDirectory {
        try ZipDirectory.read(byteCount: file.count, maximumComment: maximumComment) { Array(file[$0]) }.get()
    }

    /// A file of entries without content whose local headers stand where the directory says.
    private func file(_ names: [String], comment: [UInt8] = []) -> [UInt8] {
        var (bytes, central): ([UInt8], [UInt8]) = ([], [])
        for name in names.map({ Array($0.utf8) }) {
            central += ZipFormat.centralHeader(name: name, size: 0, crc32: 7, headerOffset: bytes.count)
            bytes += ZipFormat.localHeader(name: name, size: 0, crc32: 7)
        }
        let end = ZipFormat.end(count: names.count, size: central.count, offset: bytes.count)
        return bytes + central + end.dropLast(2) + Self.little(UInt64(comment.count), 2) + comment
    }

    @Test func readsWhatIsWritten() throws {
        let bytes = file(["a", "b/c", "\u{E9}"])
        let directory = try directory(bytes, maximumComment: 0)
        #expect(directory.entries.map(\.name) == ["a", "b/c", "\u{E9}"])
        #expect(directory.isFull && directory.offset == 3 * ZipFormat.localHeaderSize + 6)
        for entry in directory.entries {
            let local = try #require(ZipFormat.LocalHeader(bytes[entry.headerOffset...]))
            #expect(local.crc32 == 7 && entry.crc32 == 7 && local.nameByteCount == entry.name.utf8.count)
        }
    }

    /// More entries than 16 bits count: the ZIP64 records have the number.
    @Test func readsManyEntries() throws {
        let names = (0..<70_000).map { "\($0)" }
        #expect(try directory(file(names)).entries.map(\.name) == names)
    }

    @Test(arguments: [1, 100, 0xFFFF])
    func findsTheEndBeforeAComment(count: Int) throws {
        let bytes = file(["a"], comment: [UInt8](repeating: 0x50, count: count))
        #expect(try directory(bytes).entries.count == 1)
        #expect(throws: ZipDirectory.Unreadable.self) { try directory(bytes, maximumComment: 0) }
    }

    /// A ZIP64 directory with more entries, bytes or places than numbers have.
    @Test(arguments: [32, 40, 48], [UInt64.max, 1 << 63, UInt64(Int.max)])
    func refusesNumbersBeyondAllFiles(field: Int, value: UInt64) throws {
        var end = Self.little(0x0606_4B50, 4) + [UInt8](repeating: 0, count: 52)
        end.replaceSubrange(field..<(field + 8), with: Self.little(value, 8))
        let locator = Self.little(0x0706_4B50, 4) + Self.little(0, 4) + Self.little(0, 8) + Self.little(1, 4)
        let file =
            end + locator + Self.little(0x0605_4B50, 4) + Self.little(0, 4)
            + [UInt8](repeating: 0xFF, count: 12) + Self.little(0, 2)
        #expect(throws: ZipDirectory.Unreadable.self) { try directory(file) }
    }
}
