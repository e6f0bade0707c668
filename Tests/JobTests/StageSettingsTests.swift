import Foundation
import JSONText
import JobTestSupport
import Ledger
import Logging
import Testing

@testable import Job

/// What marks and records are made from.
@Suite struct StageSettingsTests {
    private let job: SmallJob

    init() throws { job = SmallJob() }

    private static let standard: [String: JSONValue] = ["source": "sample:", "target_nm": 8]

    /// A setting that a stage gets makes another folder of marks, without anybody naming it there.
    @Test func everySettingIsInTheNameOfTheMarks() {
        let stages = [
            StageSettings(version: 1, members: ["a": 1, "b": 2]), StageSettings(version: 2, members: ["a": 1]),
        ]
        let all = StageSettings.all(stages)
        #expect(all == ["versions": [1, 2], "a": 1, "b": 2])
        #expect(
            StageSettings.all([stages[0], StageSettings(version: 2, members: ["a": 1, "c": nil])]) != all)
        // Two stages may mean different things by one name.
        let other = StageSettings.all([stages[0], StageSettings(version: 2, members: ["a": 3])])
        #expect(other == ["versions": [1, 2], "a": 1, "b": 2, "a 1": 3])
        #expect(stages[0].fingerprint(of: ["c": 3]) == Fingerprint(of: ["version": 1, "a": 1, "b": 2, "c": 3]))
    }

    @Test(
        arguments: [
            ["convert": ["compression": "zstd"]], ["target_nm": 16], ["tolerance": 0.1], ["source": "bucket"],
            ["resize": ["grid": "power_of_two"]], ["mode": "volumes"],
        ] as [[String: JSONValue]])
    func marksOfOtherSettingsLieElsewhere(change: [String: JSONValue]) throws {
        let base = CompletionMarkers(try job.context(Self.standard)).folder
        #expect(CompletionMarkers(try job.context(Self.standard.merging(change) { $1 })).folder != base)
        let same: [String: JSONValue] = ["job": "x", "limits": ["memory": "2GiB"], "convert": ["keep_packs": true]]
        #expect(CompletionMarkers(try job.context(Self.standard.merging(same) { $1 })).folder == base)
    }

    /// As the first version that was used wrote them: what it made is neither fetched nor made again.
    @Test func statesOfEarlierVersionsAreTakenOver() throws {
        let context = try job.context(Self.standard)
        // Marks of before there were rules that apply to some items only say nothing of them; the records do.
        #expect(CompletionMarkers(context).folder != "done/1b864aaf83bd8a46")
        let file = FileDigest(size: 1, sha256: "SHA256")
        let convert = Record(
            item: "crop_1", stage: "convert", fingerprint: Fingerprint(of: .null),
            outputs: [Record.Output(path: "hdf5/crop_1.h5", digest: file)], result: [:])
        let source = JSONValue.string("sample:")
        #expect(
            StageSettings.stat().fingerprint(of: ["files": [.string(file.sha256)]])
                == Fingerprint(of: ["version": 2, "files": ["SHA256"]]))
        #expect(
            StageSettings.resize(context).fingerprint(of: ["files": [.string(convert.outputs[0].digest.sha256)]])
                == Fingerprint(of: [
                    "version": 2, "files": ["SHA256"], "target": [8, 8, 8], "raw": "area", "labels": "majority",
                    "grid": "exact", "tolerance": 0.4, "max_upsampling": 4, "compression": "gzip",
                ]))
        #expect(
            StageSettings.convert(context).fingerprint(of: ["plan": 1, "content": 2])
                == Fingerprint(of: ["version": 2, "plan": 1, "content": 2, "compression": "gzip", "source": source]))
        #expect(
            StageSettings.download(context).fingerprint(of: ["arrays": [], "metadata": []])
                == Fingerprint(of: ["version": 1, "source": source, "arrays": [], "metadata": []]))
        for (hasShards, version) in [(false, 1), (true, 2)] {
            #expect(
                StageSettings.volumeLog(context, hasShards: hasShards).fingerprint(of: ["objects": 1, "root": 2])
                    == Fingerprint(of: [
                        "version": .integer(version), "objects": 1, "root": 2, "compression": "gzip", "encoding": 2,
                    ]))
        }
    }
}
