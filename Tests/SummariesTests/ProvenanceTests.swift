import Arrays
import Foundation
import JSONText
import JobTestSupport
import Ledger
import Scheduling
import Stores
import Testing

@testable import Job
@testable import Summaries

/// `txt/provenance.json`, and what differs between two of them.
@Suite struct ProvenanceTests {
    private let job: SmallJob
    private static let recon = "ds/ds.zarr/recon-1"
    private static let volume: [String: JSONValue] = ["mode": "volumes", "select": "all"]

    init() throws {
        job = SmallJob()
        try raw(1)
        for crop in [5, 6] {
            try job.image(
                "\(Self.recon)/labels/groundtruth/crop\(crop)/mito",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2],
                        bytes: crop == 6 ? nil : [0, 1, 1, 0, 0, 2, 0, 2])
                ], attributes: SmallJob.instances())
        }
    }

    private func raw(_ factor: UInt8) throws {
        try job.image(
            "\(Self.recon)/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4],
                    bytes: (0..<64).map { UInt8($0) &* factor })
            ])
    }

    private func value(_ path: String = "out") throws -> JSONValue {
        try JSONValue(parsing: Array(try job.text("\(path)/txt/provenance.json").utf8))
    }

    private func file(_ path: String = "out") throws -> ProvenanceFile {
        try ProvenanceFile(at: "\(job.folder)/\(path)")
    }

    private func keep(_ name: String) throws {
        try FileManager.default.copyItem(atPath: "\(job.folder)/out", toPath: "\(job.folder)/\(name)")
    }

    @Test func itSaysWhatTheOutputsWereMadeFrom() async throws {
        _ = try await job.run(["limits": ["connections": 3]])
        let value = try value()
        #expect(value["version"]?.string == Build.version && value["commit"] == .null)
        #expect(Set(value.object?.keys.map { $0 } ?? []) == ["version", "commit", "manifest", "items"])
        let manifest = try #require(value["manifest"]?.object)
        for key in ["output", "state", "limits", "endpoint", "only"] { #expect(manifest[key] == nil, "\(key)") }
        #expect(manifest["target_nm"] == 8 && manifest["source"]?.string == "file://\(job.folder)/bucket")
        let items = try #require(value["items"]?.array)
        #expect(items.map { $0["name"] } == ["crop_5", "crop_6"])
        #expect(items[0]["levels"] == ["raw": "s0", "mito": "s0"] && items[0]["dataset"] == "ds")
        let bytes = (0..<64).map { UInt8($0) }
        let line = "\(Self.recon)/em/fibsem-uint8/s0/0/0/0\t\(LineChecksum.digits(of: bytes)) 64\n"
        let url = "file://\(job.folder)/bucket/\(Self.recon)"
        #expect(
            items[0]["arrays"]?[0]
                == [
                    "url": .string("\(url)/em/fibsem-uint8/s0"), "level": "s0", "objects": 1,
                    "sha256": .string(FileDigest(of: Array(line.utf8)).sha256),
                ])
        // A chunk that the store does not hold is no object.
        #expect(items[1]["arrays"]?[1]?["objects"] == 0)
        for output in items.flatMap({ $0["outputs"]?.array ?? [] }) {
            let path = try #require(output["path"]?.string)
            let found = FileDigest(of: Array(try #require(try job.files()[path])))
            #expect(output["size"]?.integer == found.size && output["sha256"]?.string == found.sha256)
        }
        #expect(items.allSatisfy { $0["outputs"]?.array?.count == 2 })
    }

    /// A copy of the source, another place, tasks and a shorter way give the same bytes.
    @Test(arguments: [[:], volume]) func theSameInputsGiveTheSameBytes(mode: [String: JSONValue]) async throws {
        _ = try await job.run(mode)
        let first = try job.text("out/txt/provenance.json")
        let chunk = "\(job.folder)/bucket/\(Self.recon)/em/fibsem-uint8/s0/0/0/0"
        let bytes = try #require(FileManager.default.contents(atPath: chunk))
        try FileManager.default.removeItem(atPath: chunk)
        try bytes.write(to: URL(filePath: chunk))
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: chunk)
        let other = mode.merging(["output": "other/place", "state": "other/state", "limits": ["connections": 2]]) { $1 }
        _ = try await job.run(other, stages: [.discover, .download])
        for task in 0..<2 { _ = try await job.run(other, share: TaskShare(index: task, count: 2)) }
        #expect(try job.text("other/place/txt/provenance.json") == first)
        #expect(!first.contains("null,\"objects\"") && !first.contains("\"sha256\":null"))
    }

    /// Of downloads of an earlier version, what their version files tell; where those are gone, nothing. Nothing is fetched for it.
    @Test func earlierDownloadsAreTakenOver() async throws {
        _ = try await job.run()
        let (before, stamps) = (try job.text("out/txt/provenance.json"), try job.stamps())
        let records = RecordStore(in: try ConfinedFolder(creating: "\(job.folder)/state"))
        for item in ["crop_5", "crop_6"] {
            let record = try #require(try records.record(item: item, stage: "download"))
            var result = try #require(record.result.object)
            #expect(result.removeValue(forKey: "sources") != nil)
            try records.write(
                Record(
                    item: item, stage: "download", fingerprint: record.fingerprint, outputs: [],
                    result: .object(result)))
        }
        try job.remove("state/summaries.json")
        #expect(try await job.run().alreadyDone == 2)
        #expect(try job.text("out/txt/provenance.json") == before)
        try job.remove("state/versions/crop_5")
        try job.remove("state/summaries.json")
        #expect(try await job.run().alreadyDone == 2)
        #expect(try job.written(since: stamps) == ["txt/provenance.json"])
        let items = try #require(try value()["items"]?.array)
        #expect(items[0]["arrays"]?[0]?["sha256"] == .null && items[1]["arrays"]?[0]?["sha256"]?.string != nil)
    }

    // MARK: Differences

    @Test func equalFilesHaveNoDifference() async throws {
        _ = try await job.run()
        try keep("before")
        let difference = ProvenanceDifference(try file("before"), try file("out/txt/provenance.json"))
        #expect(difference.isEmpty && difference.json["equal"] == true)
        #expect(difference.lines == ["no difference: 2 items"])
    }

    @Test func aChangedSourceIsNamed() async throws {
        _ = try await job.run()
        try keep("before")
        try raw(2)
        _ = try await job.run([:], refresh: true)
        let difference = ProvenanceDifference(try file("before"), try file("out/txt"))
        #expect(difference.manifest == [] && difference.program == [])
        #expect(difference.items.map(\.name) == ["crop_5", "crop_6"])
        for item in difference.items {
            #expect(item.sources.map(\.name) == ["/\(Self.recon)/em/fibsem-uint8/s0"] && item.cause == .source)
            #expect(item.outputs.map(\.name) == ["crops/\(item.name).h5", "hdf5/\(item.name).h5"])
        }
        #expect(difference.lines.contains("crop_5: crops/crop_5.h5 differs: its source does"))
    }

    @Test func aChangedManifestIsNamed() async throws {
        _ = try await job.run(["job": "one", "only": ["crop_5"]])
        try keep("before")
        _ = try await job.run(["job": "two", "target_nm": 16, "split": ["validation": 0.5]])
        let difference = ProvenanceDifference(try file("before"), try file())
        #expect(difference.onlyInA == [] && difference.onlyInB == ["crop_6"])
        #expect(difference.manifest.map(\.name).contains("target_nm"))
        let item = try #require(difference.items.first)
        #expect(item.outputs.map(\.name) == ["crops/crop_5.h5"] && item.sources == [] && item.cause == .manifest)
        #expect(difference.lines.contains("manifest: target_nm: 8, 16"))
        #expect(difference.lines.contains { $0.hasPrefix("crop_5: crops/crop_5.h5 differs: the manifest does (") })
        // What decides over nothing in the files is no cause.
        #expect(!difference.lines.contains { $0.contains("does (job") || $0.contains(", split") })
    }

    @Test func outputsThatDifferByNothingAreNamed() async throws {
        _ = try await job.run()
        var value = try #require(try value().object)
        let text = JSONValue.object(value).canonicalText
        let output = try #require(value["items"]?[0]?["outputs"]?[1]?["sha256"]?.string)
        let changed = try JSONValue(
            parsing: Array(text.replacing(output, with: String(repeating: "0", count: 64)).utf8))
        let a = try ProvenanceFile(.object(value), path: "a")
        let item = ProvenanceDifference(a, try ProvenanceFile(changed, path: "b")).items.first
        #expect(item?.cause == .unknown && item?.outputs.count == 1)
        value["version"] = "0.0.1"
        value["items"] = changed["items"]
        let other = ProvenanceDifference(a, try ProvenanceFile(.object(value), path: "b"))
        #expect(other.program.map(\.name) == ["version"] && other.items.first?.cause == .version)
    }

    static let rubbish = [
        "", "{", "[]", "null", "{\"items\": []}", "{\"version\":\"1\",\"manifest\":{},\"items\":[{}]}",
        "{\"version\":\"1\",\"manifest\":{},\"items\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
        String(repeating: "[", count: 100_000),
    ]

    @Test(arguments: rubbish) func whatIsNoneIsRefused(text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(job.folder)/bad.json"))
        let error = #expect(throws: ProvenanceError.self) { try file("bad.json") }
        #expect(error.map { !$0.description.contains("\n") && $0.description.contains("bad.json") } ?? false)
        #expect(throws: ProvenanceError.self) { try file("bucket") }
        #expect(throws: ProvenanceError.self) { try file("nothing") }
    }

    /// Members of other types than expected are compared as they are.
    @Test func hostileMembersAreCompared() throws {
        func file(_ items: String) throws -> ProvenanceFile {
            let text = "{\"version\":1,\"manifest\":{\"source\":7},\"items\":[\(items)]}"
            return try ProvenanceFile(try JSONValue(parsing: Array(text.utf8)), path: "a\u{1B}[2J")
        }
        let a = try file(#"{"name":"x\u001b","arrays":[{"url":5},7],"levels":[],"outputs":{"path":1}}"#)
        let b = try file(#"{"name":"x\u001b","arrays":"no","outputs":[{"path":"p\u202e","sha256":9}]},{"name":"y"}"#)
        let difference = ProvenanceDifference(a, b)
        #expect(!difference.isEmpty && difference.onlyInB == ["y"])
        #expect(!difference.lines.isEmpty && difference.json["items"]?.array?.count == 1)
    }
}
