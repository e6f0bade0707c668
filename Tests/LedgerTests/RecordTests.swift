import JSONText
import Ledger
import Testing

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
