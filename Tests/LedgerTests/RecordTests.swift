import JSONText
import Ledger
import TestSupport
import Testing

@Suite struct RecordTests {
    @Test func recordsComeBackAsTheyWere() throws {
        let scratch = Scratch()
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
        try scratch.write(Array(text.dropLast(9)), to: "records/crop_1/convert.json")
        #expect(try records.record(item: "crop_1", stage: "convert") == nil)
    }

    /// A digit that has become another one must not be believed.
    @Test func aRecordWithAFlippedByteIsNone() throws {
        let scratch = Scratch()
        let records = RecordStore(in: try ConfinedFolder(creating: scratch.path))
        let record = Record(
            item: "crop_1", stage: "stat", fingerprint: Fingerprint(of: ["a": 1]), outputs: [],
            result: ["mean": 1.25, "instances": 17])
        try records.write(record)
        let path = "records/crop_1/stat.json"
        let text = try scratch.bytes(path)
        var none = 0
        for place in text.indices {
            for bit in [UInt8(1), 16, 128] {
                var damaged = text
                damaged[place] ^= bit
                try scratch.write(damaged, to: path)
                let found = try records.record(item: "crop_1", stage: "stat")
                #expect(found == nil || found == record, "byte \(place)")
                if found == nil { none += 1 }
            }
        }
        #expect(none > text.count * 5 / 2)
        // It is JSON still, and one of an earlier version has no checksum.
        #expect(try JSONValue(parsing: text)["result"]?["instances"] == 17)
        try scratch.write(Array("{".utf8) + text.dropFirst(20), to: path)
        #expect(try records.record(item: "crop_1", stage: "stat") == record)
    }

    @Test func fingerprintsDependOnContentNotOnOrder() {
        #expect(Fingerprint(of: ["a": 1, "b": 2]) == Fingerprint(of: ["b": 2, "a": 1]))
        #expect(Fingerprint(of: ["a": 1]) != Fingerprint(of: ["a": 2]))
        #expect(Fingerprint(of: [1, 2]) != Fingerprint(of: [2, 1]))
    }
}
