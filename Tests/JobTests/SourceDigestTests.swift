import Foundation
import JSONText
import Ledger
import Stores
import Testing

@testable import Arrays
@testable import Job

/// The digest of the objects of an array.
@Suite struct SourceDigestTests {
    private func digests(
        _ versions: [ObjectVersion], arrays: [String], memory: Int = 1 << 20, store: String = "s3://bucket"
    ) throws -> [SourceDigest] {
        let lines = Array(versions.map(\.line).joined().utf8)
        return try SourceDigest.of(
            VersionFile(lines: lines), arrays: arrays, store: StoreURL(store), memory: memory, stop: StopSignal())
    }

    private func sha256(_ lines: [String]) -> String { FileDigest(of: Array(lines.joined().utf8)).sha256 }

    @Test func theLinesAreThoseOfTheKeysInTheirOrder() throws {
        let versions = [
            ObjectVersion(key: "d/s0/10/0/0", metadata: ObjectMetadata(etag: "c", byteCount: 1, modified: 99)),
            ObjectVersion(key: "d/s0/2/0/0", metadata: nil),
            ObjectVersion(key: "d/s1/0/0/0", metadata: ObjectMetadata(etag: "b", byteCount: 1)),
            ObjectVersion(key: "d/s0/1/0/0", metadata: ObjectMetadata(etag: "a", byteCount: 7)),
        ]
        let found = try digests(versions, arrays: ["d/s0", "d/s1", "d/s2"])
        #expect(found.map(\.array) == ["d/s0", "d/s1", "d/s2"] && found.map(\.objects) == [2, 1, 0])
        #expect(found[0].sha256 == sha256(["d/s0/1/0/0\ta\n", "d/s0/10/0/0\tc\n"]))
        #expect(found[1].sha256 == sha256(["d/s1/0/0/0\tb\n"]))
        #expect(found[2].sha256 == sha256([]))
        #expect(try digests(versions.reversed(), arrays: ["d/s0", "d/s1", "d/s2"]) == found)
    }

    /// What we make up of a file's time says nothing of its content; without that, nothing is known.
    @Test func whereTheStoreGivesNoMarkTheContentCounts() throws {
        let content = ObjectVersion.Content(crc32: 0xAB, size: 12)
        let known = ObjectVersion(
            key: "d/s0/0", metadata: ObjectMetadata(etag: "time", byteCount: 12), content: content)
        let unknown = ObjectVersion(key: "d/s0/1", metadata: ObjectMetadata(etag: "time", byteCount: 12))
        let local = "file:///bucket"
        #expect(
            try digests([known], arrays: ["d/s0"], store: local)[0].sha256 == sha256(["d/s0/0\t000000ab 12\n"]))
        let both = try digests([known, unknown], arrays: ["d/s0"], store: local)[0]
        #expect(both.objects == 2 && both.sha256 == nil)
        let bare = ObjectVersion(key: "d/s0/0", metadata: ObjectMetadata(byteCount: 12, modified: 4), content: content)
        #expect(try digests([bare], arrays: ["d/s0"])[0].sha256 == sha256(["d/s0/0\t000000ab 12\n"]))
        let line = Array(known.line.utf8.dropLast())[...]
        #expect(ObjectVersion(line: line, isChecked: true) == known)
        for text in ["000000ab", "ab 12", "000000AB 12", "000000ab 012", "000000ab 12 ", "+00000ab 12"] {
            #expect(ObjectVersion.Content(text: text) == nil, "\(text)")
        }
    }

    /// Whatever memory there is: the same digest, and an object counts once.
    @Test(arguments: [2500, 20_000, 1 << 30]) func littleMemoryGivesTheSame(memory: Int) throws {
        var versions: [ObjectVersion] = []
        for z in 0..<12 {
            for x in 0..<90 {
                versions.append(
                    ObjectVersion(key: "d/s0/\(z)/0/\(x)", metadata: ObjectMetadata(etag: "\(z * x)", byteCount: 1)))
                if x < z {
                    versions.append(ObjectVersion(key: "d/s1/\(x).\(z)", metadata: ObjectMetadata(etag: "\(x)")))
                }
            }
        }
        let all = versions + versions[200..<300]
        let found = try digests(all, arrays: ["d/s0", "d/s1"], memory: memory)
        #expect(found.map(\.objects) == [1080, 66])
        for (number, name) in ["d/s0/", "d/s1/"].enumerated() {
            let lines = versions.filter { $0.key.hasPrefix(name) }.map { "\($0.key)\t\($0.metadata?.etag ?? "")\n" }
            #expect(
                found[number].sha256 == sha256(lines.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }))
        }
    }
}
