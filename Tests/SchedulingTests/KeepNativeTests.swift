import Arrays
import Foundation
import JSONText
import Job
import JobTestSupport
import Ledger
import Stores
import Synchronization
import Testing

@testable import Report
@testable import Scheduling

/// `convert.keep_native: false`: the files at native resolution go, and nothing is done again for it.
@Suite struct KeepNativeTests {
    private let job: SmallJob
    private static let without: [String: JSONValue] = ["convert": ["keep_native": false]]
    private static let volume: [String: JSONValue] = ["mode": "volumes", "select": "all"]

    init() throws {
        job = SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.rawImage(recon)
        for crop in [5, 6] {
            try job.image(
                "\(recon)/labels/groundtruth/crop\(crop)/mito",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2],
                        bytes: [0, 1, 1, 0, 0, 2, UInt8(crop), 2])
                ], attributes: SmallJob.instances())
        }
    }

    private func attributes() throws -> [JSONValue] {
        try JSONValue(parsing: Array(try job.text("out/txt/attributes.json").utf8)).array ?? []
    }

    private func natives() throws -> [String] { try job.files().keys.filter { $0.hasPrefix("hdf5/") }.sorted() }

    private func requests(_ members: [String: JSONValue]) async throws -> (requests: Int, outcome: Runner.Outcome) {
        let context = try job.context(members)
        let outcome = try await Runner(context).run()
        return (context.counter.snapshot.requests, outcome)
    }

    @Test(arguments: [[:], volume]) func theyGoAndNothingIsDoneAgain(mode: [String: JSONValue]) async throws {
        let kept = try await job.cleanFiles(mode)
        let members = mode.merging(Self.without) { $1 }
        #expect(try await job.run(members).exitCode == 0)
        #expect(try natives() == [])
        let files = try job.files()
        for (name, bytes) in kept where name.hasPrefix("crops/") || name == "txt/crops.json" {
            #expect(files[name] == bytes, "\(name)")
        }
        for entry in try attributes() {
            #expect(entry["file"] == .null && (entry["labels"] ?? entry["arrays"]) != nil)
        }
        let provenance = try job.text("out/txt/provenance.json")
        #expect(provenance.contains("\"hdf5/") && provenance.contains("\"crops/"))
        // A further run asks nothing and writes nothing.
        let stamps = try job.stamps()
        let again = try await requests(members)
        #expect(again.requests == 0 && again.outcome.done == 0 && again.outcome.alreadyDone == again.outcome.items)
        #expect(try job.written(since: stamps) == [])
        // Nor where the marks are gone, and records have to be read.
        try job.remove("state/done")
        let unmarked = try await requests(members)
        #expect(unmarked.requests == 0 && unmarked.outcome.done == 0)
        _ = try await job.run(members, options: Runner.Options(verify: true))
        _ = try await job.run(members, options: Runner.Options(refresh: true))
        #expect(try job.written(since: stamps) == [])
        #expect(try await job.bad(members) == [])
        #expect(try await job.noted(members).allSatisfy { $0.hasPrefix("hdf5/") })
        #expect(try await job.pruned(members) == [])
        let status = try await StatusReport(try job.looking(members))
        #expect(status.stages.allSatisfy { $0.counts.done == status.items })
    }

    @Test(arguments: [[:], volume]) func anotherTargetFetchesAgain(mode: [String: JSONValue]) async throws {
        let members = mode.merging(Self.without) { $1 }
        _ = try await job.run(members)
        let other = members.merging(["target_nm": 16]) { $1 }
        let (requests, outcome) = try await requests(other)
        #expect(outcome.failures == [] && outcome.done == outcome.items && requests > 0)
        #expect(try natives() == [])
        #expect(try job.files() == (try await job.cleanFiles(other)))
        #expect(try await job.bad(other) == [])
    }

    @Test func aDamagedCropIsMadeAgain() async throws {
        _ = try await job.run(Self.without)
        let clean = try job.files()
        try job.flip("crops/crop_5.h5")
        #expect(try await job.bad(Self.without) == ["crops/crop_5.h5"])
        #expect(try await job.repair(Self.without) == [])
        #expect(try job.files() == clean)
        try job.remove("out/crops/crop_6.h5")
        #expect(try await job.run(Self.without).done == 1)
        #expect(try job.files() == clean)
    }

    /// On a finished job the files go, which one line tells.
    @Test func aFinishedJobLosesThem() async throws {
        _ = try await job.run()
        let bytes = try natives().reduce(0) { try $0 + (job.files()[$1]?.count ?? 0) }
        let heard = Mutex<[String]>([])
        let outcome = try await job.run(Self.without, log: { line in heard.withLock { $0.append(line) } })
        #expect(outcome.done == 0 && outcome.alreadyDone == 2)
        #expect(try natives() == [])
        let lines = heard.withLock { $0.filter { $0.contains("keep_native") } }
        #expect(lines.count == 1 && lines[0].contains("2 files with \(bytes) bytes"), "\(lines)")
        #expect(try job.files() == (try await job.cleanFiles(Self.without)))
        // Wanted again, nothing is made again; a line says so.
        let stamps = try job.stamps()
        let kept = try await job.run([:], log: { line in heard.withLock { $0.append(line) } })
        #expect(kept.alreadyDone == 2)
        #expect(try job.written(since: stamps) == ["txt/provenance.json"])
        #expect(heard.withLock { $0.filter { $0.contains("2 items have no file in") } }.count == 1)
        #expect(try await job.bad() == [])
        try job.remove("out/crops/crop_5.h5")
        #expect(try await job.run().done == 1)
        #expect(try natives() == ["hdf5/crop_5.h5"])
    }

    /// A kill between the record and the file, or before the record.
    @Test(arguments: [true, false]) func whatAKillLeftGoesLater(isNoted: Bool) async throws {
        _ = try await job.run()
        let native = try #require(try job.files()["hdf5/crop_5.h5"])
        _ = try await job.run(Self.without)
        let clean = try job.files()
        if !isNoted {
            let records = RecordStore(in: try ConfinedFolder(creating: "\(job.folder)/state"))
            let record = try #require(try records.record(item: "crop_5", stage: "convert"))
            #expect(record.outputs.map(\.isRemoved) == [true])
            try records.write(
                Record(
                    item: "crop_5", stage: "convert", fingerprint: record.fingerprint,
                    outputs: record.outputs.map { Record.Output(path: $0.path, digest: $0.digest) },
                    result: record.result))
        }
        try native.write(to: URL(filePath: "\(job.folder)/out/hdf5/crop_5.h5"))
        let (requests, outcome) = try await requests(Self.without)
        #expect(requests == 0 && outcome.alreadyDone == 2)
        #expect(try job.files() == clean)
    }

    /// Without statistics, or without a resized file, the file is still needed.
    @Test func itStaysUntilAllIsMade() async throws {
        _ = try await job.run(Self.without, options: Runner.Options(stages: [.discover, .download, .convert, .stat]))
        #expect(try natives() == ["hdf5/crop_5.h5", "hdf5/crop_6.h5"])
        _ = try await job.run(Self.without, options: Runner.Options(stages: [.resize]))
        #expect(try natives() == [])
        #expect(try await job.bad(Self.without) == [])
    }

    /// A record is text: it names no other file to be removed.
    @Test func aRecordCannotHaveAnotherFileRemoved() async throws {
        _ = try await job.run()
        let records = RecordStore(in: try ConfinedFolder(creating: "\(job.folder)/state"))
        let record = try #require(try records.record(item: "crop_5", stage: "convert"))
        let mine = Record.Output(path: "crops/crop_6.h5", digest: record.outputs[0].digest)
        try records.write(
            Record(
                item: "crop_5", stage: "convert", fingerprint: record.fingerprint,
                outputs: [record.outputs[0], mine].map {
                    Record.Output(path: $0.path, digest: $0.digest, isRemoved: true)
                },
                result: record.result))
        _ = try await job.run(Self.without)
        #expect(job.exists("out/crops/crop_6.h5") && !job.exists("out/hdf5/crop_5.h5"))
    }
}
