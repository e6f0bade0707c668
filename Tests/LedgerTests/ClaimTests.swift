import Foundation
import JSONText
import Ledger
import Testing

@Suite struct ClaimTests {
    private let scratch: Scratch
    private let state: ConfinedFolder

    init() throws {
        scratch = try Scratch()
        state = try ConfinedFolder(creating: scratch.path)
    }

    private func isLocked(_ error: any Error) -> Bool { (error as? LedgerError)?.code == .locked }

    @Test func onlyOneHoldsIt() throws {
        let claim = try Claim.take("job", in: state, claimSeconds: 60)
        #expect(try Claim.isHeld("job", in: state, claimSeconds: 60))
        #expect { try Claim.take("job", in: state, claimSeconds: 60) } throws: { isLocked($0) }
        try claim.renew()
        claim.release()
        #expect(try !Claim.isHeld("job", in: state, claimSeconds: 60))
        let next = try Claim.take("job", in: state, claimSeconds: 60)
        next.release()
        #expect(try state.list("claims").isEmpty)
    }

    @Test func anOwnerThatIsGoneIsReplacedAtOnce() throws {
        // A process that has ended, on this machine, in this namespace.
        let claim = try Claim.take("job", in: state, claimSeconds: 60)
        let text = String(decoding: try scratch.bytes("claims/job"), as: UTF8.self)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/true")
        try process.run()
        process.waitUntilExit()
        let own = ProcessInfo.processInfo.processIdentifier
        let dead = text.replacing("\"process\":\(own)", with: "\"process\":\(process.processIdentifier)")
        #expect(dead != text)
        try scratch.write(Array(dead.replacing("\"id\":\"", with: "\"id\":\"x").utf8), "claims/job")
        let next = try Claim.take("job", in: state, claimSeconds: 60)
        // The old owner, should it wake up, cannot go on.
        #expect { try claim.renew() } throws: { isLocked($0) }
        #expect { try claim.check() } throws: { isLocked($0) }
        claim.release()
        try next.check()
    }

    @Test func anOwnerElsewhereIsWaitedFor() throws {
        try state.write(
            Array(#"{"host":"node7","id":"a","process":1,"scope":"another boot pid:[1]","started":"1"}"#.utf8),
            to: "claims/job")
        #expect { try Claim.take("job", in: state, claimSeconds: 60) } throws: {
            isLocked($0) && "\($0)".contains("node7")
        }
        let old = Date(timeIntervalSinceNow: -120)
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: scratch.file("claims/job"))
        let claim = try Claim.take("job", in: state, claimSeconds: 60)
        try claim.check()
    }

    @Test func aTornClaimCountsAsFreshForAMoment() throws {
        try state.write([], to: "claims/job")
        #expect { try Claim.take("job", in: state, claimSeconds: 60) } throws: { isLocked($0) }
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -30)], ofItemAtPath: scratch.file("claims/job"))
        _ = try Claim.take("job", in: state, claimSeconds: 60)
    }
}

@Suite struct RecordTests {
    @Test func recordsComeBackAsTheyWere() throws {
        let scratch = try Scratch()
        let records = RecordStore(in: try ConfinedFolder(creating: scratch.path))
        let record = Record(
            item: "crop_1", stage: "convert", fingerprint: Fingerprint(of: ["a": 1, "b": [1.5, "x"]]),
            outputs: [Record.Output(path: "hdf5/crop_1.h5", digest: FileDigest(size: 3, sha256: "00"))],
            result: ["mean": 1.25, "big": 18_446_744_073_709_551, "none": nil])
        try records.write(record)
        #expect(try records.record(item: "crop_1", stage: "convert") == record)
        #expect(try records.record(item: "crop_1", stage: "stat") == nil)
        #expect(try records.items() == ["crop_1"])
        // Half a record is none: the stage is done again.
        let text = try scratch.bytes("records/crop_1/convert.json")
        try scratch.write(Array(text.dropLast(9)), "records/crop_1/convert.json")
        #expect(try records.record(item: "crop_1", stage: "convert") == nil)
    }

    @Test func fingerprintsDependOnContentNotOnOrder() {
        #expect(Fingerprint(of: ["a": 1, "b": 2]) == Fingerprint(of: ["b": 2, "a": 1]))
        #expect(Fingerprint(of: ["a": 1]) != Fingerprint(of: ["a": 2]))
        #expect(Fingerprint(of: [1, 2]) != Fingerprint(of: [2, 1]))
    }
}
