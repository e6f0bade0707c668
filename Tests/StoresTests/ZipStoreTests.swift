import Elements
import Foundation
import TestSupport
import Testing

@testable import Stores

/// ZIP files written byte by byte, and the objects that come out of them.
@Suite struct ZipStoreTests {
    private let scratch = Scratch()

    struct Member {
        var name: String
        /// As it is in the file.
        var stored: [UInt8]
        var byteCount: Int
        var crc32: UInt32
        var method = 0
        var flags = 0
        /// Bytes of the extra field of the local header, which the directory does not have.
        var localExtra = 0
        var usesZIP64 = false
    }

    private static func little(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func zip(_ members: [Member], comment: String = "") -> [UInt8] {
        var body: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let offset = body.count
            let common =
                Self.little(member.flags, 2) + Self.little(member.method, 2) + Self.little(0, 4)
                + Self.little(Int(member.crc32), 4)
            let sizes = Self.little(member.stored.count, 4) + Self.little(member.byteCount, 4)
            let name = Array(member.name.utf8)
            body += Self.little(0x0403_4B50, 4) + Self.little(20, 2) + common + sizes
            body += Self.little(name.count, 2) + Self.little(member.localExtra, 2) + name
            body += [UInt8](repeating: 7, count: member.localExtra) + member.stored
            var extra: [UInt8] = []
            var shown = sizes
            if member.usesZIP64 {
                shown = [UInt8](repeating: 0xFF, count: 8)
                extra = Self.little(1, 2) + Self.little(16, 2) + Self.little(member.byteCount, 8)
                extra += Self.little(member.stored.count, 8)
            }
            directory += Self.little(0x0201_4B50, 4) + Self.little(20, 2) + Self.little(20, 2) + common + shown
            directory += Self.little(name.count, 2) + Self.little(extra.count, 2) + Self.little(0, 10)
            directory += Self.little(offset, 4) + name + extra
        }
        let end =
            Self.little(0x0605_4B50, 4) + Self.little(0, 4) + Self.little(members.count, 2)
            + Self.little(members.count, 2) + Self.little(directory.count, 4) + Self.little(body.count, 4)
        return body + directory + end + Self.little(comment.utf8.count, 2) + Array(comment.utf8)
    }

    /// `hello` as it is, and deflated (one stored block).
    private static let hello = Array("hello".utf8)
    private static let helloCRC: UInt32 = 0x3610_A686
    private static let deflated: [UInt8] = [1, 5, 0, 0xFA, 0xFF] + hello

    private func plain(_ name: String) -> Member {
        Member(name: name, stored: Self.hello, byteCount: 5, crc32: Self.helloCRC)
    }

    private func store(_ bytes: [UInt8], below: String = "", name: String = "a.zip") throws -> any ObjectStore {
        try scratch.write(bytes, to: name)
        return try openOutsideStore(
            StoreURL("file://\(scratch.path)/\(name)\(below)"), options: StoreOptions(), counter: TransferCounter())
    }

    @Test(arguments: [0, 13], ["", "a comment"]) func objectsAndFoldersComeOut(extra: Int, comment: String) async throws
    {
        var members = ["a/.zgroup", "a/b/0.0", "a/b/0.1", "a/b-c", "a/c/d/e", "z"].map(plain)
        for index in members.indices { members[index].localExtra = extra }
        members[1].usesZIP64 = true
        members.append(Member(name: "a/folder/", stored: [], byteCount: 0, crc32: 0))
        let store = try store(Self.zip(members, comment: comment))
        #expect(try await store.text("a/b/0.0") == "hello")
        #expect(try await store.text("a/b") == nil)
        let group = try await store.list("a")
        #expect(group.prefixes == ["b", "c"] && group.objects.map(\.name) == [".zgroup", "b-c"])
    }

    @Test func foldersOfAFileAreStoresToo() async throws {
        let store = try store(Self.zip([plain("a/b/k")]), below: "/a/b")
        #expect(try await store.text("k") == "hello")
        #expect(try await store.list("").objects.map(\.name) == ["k"])
    }

    @Test func deflatedObjectsAreInflated() async throws {
        let member = Member(name: "k", stored: Self.deflated, byteCount: 5, crc32: Self.helloCRC, method: 8)
        let store = try store(Self.zip([member]))
        #expect(try await store.text("k") == "hello")
        #expect(try await store.text("k", range: 3..<9) == "lo")
    }

    @Test func damageIsNoticed() async throws {
        var members = ["crc", "method", "encrypted", "length", "bomb"].map(plain)
        members[0].crc32 = 1
        members[1].method = 12
        members[2].flags = 1
        members[3].byteCount = 6
        members[4] = Member(name: "bomb", stored: Self.deflated, byteCount: 1 << 30, crc32: 0, method: 8)
        let store = try store(Self.zip(members))
        let expected: [(String, StoreError.Code)] = [
            ("crc", .file), ("method", .unsupported), ("encrypted", .unsupported), ("length", .file),
            ("bomb", .tooLarge),
        ]
        for (key, code) in expected {
            #expect(
                await failure { try await store.get(key, range: nil, maximumBytes: 1 << 40) }?.code == code, "\(key)")
        }
        #expect(await failure { try await store.text("crc", maximumBytes: 4) }?.code == .tooLarge)
    }

    /// Every way of cutting a file, and every byte of it changed: an error or an answer, never a crash.
    @Test func hostileFilesAreRefused() async throws {
        let good = Self.zip([plain("a/b"), plain("c")])
        func tryOut(_ bytes: [UInt8]) async {
            do {
                let store = try store(bytes)
                _ = try await store.list("")
                _ = try await store.text("a/b")
            } catch let error {
                #expect(error is StoreError, "\(error)")
            }
        }
        for count in 0..<good.count {
            #expect(throws: StoreError.self) { try store(Array(good[..<count])) }
        }
        for index in good.indices {
            var bytes = good
            bytes[index] ^= 0xFF
            await tryOut(bytes)
        }
    }

    @Test func otherFilesAreNoStores() async throws {
        let store = try store(Self.zip([plain("k")]), name: "a.dat")
        #expect(await failure { try await store.text("k") }?.code == .noSuchStore)
    }
}
