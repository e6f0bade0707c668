import Foundation
import JSONText
import Ledger
import Stores
import TestSupport
import Testing

@testable import Job

/// Which versions of its objects an item was made from: a changed byte must not hide an object from a refresh.
@Suite struct VersionFileTests {
    private let scratch = Scratch()
    private let state: ConfinedFolder
    private let fingerprint = Fingerprint(of: "x")
    private let versions = [
        ObjectVersion(
            key: "ds/em/s0/0/0/0", metadata: ObjectMetadata(etag: "0123456789abcdef", byteCount: 64, modified: 12)),
        ObjectVersion(key: "ds/em/s0/0/0/1", metadata: nil),
        ObjectVersion(
            key: "ds/em/s0/0/1/0", metadata: ObjectMetadata(etag: nil, byteCount: 7, modified: 1_700_000_000)),
    ]

    init() throws {
        state = try ConfinedFolder(creating: scratch.path)
    }

    private func read() throws -> [ObjectVersion]? {
        guard let file = try VersionFile(of: "crop_1", fingerprint: fingerprint, in: state) else { return nil }
        var (found, position) = ([ObjectVersion](), file.first)
        while let part = try file.part(at: position) {
            found += part.versions
            position = part.next
        }
        return found
    }

    @Test func noFlippedByteIsBelieved() throws {
        let text = VersionFile.head(fingerprint) + Array(versions.map(\.line).joined().utf8)
        try state.write(text, to: VersionFile.path(of: "crop_1"))
        #expect(try read() == versions)
        for place in text.indices {
            for bit in [UInt8(1), 2, 32] {
                var damaged = text
                damaged[place] ^= bit
                try scratch.write(damaged, to: "versions/crop_1")
                do {
                    let found = try read()
                    #expect(found == nil || found == versions, "byte \(place)")
                } catch let error as LedgerError {
                    #expect(error.code == .corrupt)
                }
            }
        }
    }

    /// Those of earlier versions have no checksums, and are taken over.
    @Test func oldLinesAreRead() throws {
        let lines = versions.map { String($0.line.dropFirst(9)) }.joined()
        try state.write(
            VersionFile.head(fingerprint, isChecked: false) + Array(lines.utf8), to: VersionFile.path(of: "crop_1"))
        #expect(try read() == versions)
    }
}
