import Foundation
import JSONText
import JobTestSupport
import Ledger
import Synchronization
import Testing

@testable import Arrays
@testable import Job
@testable import Report
@testable import Scheduling

/// What a changed manifest leaves: the summaries do not tell of it, `verify` says so, `prune` lists and removes it.
@Suite struct PruneTests {
    private let job: SmallJob

    init() throws {
        job = SmallJob()
        for (dataset, crops) in [("ds", [5, 6]), ("two", [7])] {
            let recon = "\(dataset)/\(dataset).zarr/recon-1"
            try job.rawImage(recon)
            for crop in crops {
                try job.image(
                    "\(recon)/labels/groundtruth/crop\(crop)/mito",
                    [
                        SmallJob.Level(
                            voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2],
                            bytes: [0, 1, 1, 0, 0, 2, UInt8(crop), 2])
                    ], attributes: SmallJob.instances())
            }
        }
    }

    private func names(_ file: String) throws -> [String] {
        try JSONValue(parsing: Array(try job.text("out/txt/\(file).json").utf8)).array?.compactMap {
            $0["name"]?.string
        } ?? []
    }

    private static let one: [String: JSONValue] = ["datasets": ["ds"], "convert": ["keep_packs": true]]
    private static let both: [String: JSONValue] = ["convert": ["keep_packs": true]]

    /// Where the plan of a dataset is lost, nobody knows what belongs to it.
    @Test func aLostPlanCostsNoFile() async throws {
        _ = try await job.run(Self.both)
        try job.remove("state/plans/two.plan")
        #expect(try await job.pruned(Self.both, deleting: true) == [])
        #expect(job.exists("out/crops/crop_7.h5"))
        #expect(try await job.run(Self.both).exitCode == 0)
        #expect(try await job.pruned(Self.both) == [])
    }

    /// A run says which files in `crops` are no longer the job's.
    @Test func aRunTellsOfFilesThatAreLeftOver() async throws {
        let heard = Mutex<[String]>([])
        let run = { (members: [String: JSONValue]) in
            _ = try await job.run(members, log: { line in heard.withLock { $0.append(line) } })
            return heard.withLock { lines in
                defer { lines = [] }
                return lines.filter { $0.contains("no longer the job's") }
            }
        }
        #expect(try await run(Self.both) == [])
        let told = try await run(Self.one)
        #expect(told.count == 1 && told.allSatisfy { $0.contains("1 files") && $0.contains("(crop_7)") })
        #expect(try await run(Self.both) == [])
    }

    @Test func whatIsNotInTheJobGoesWithItsRecords() async throws {
        _ = try await job.run(Self.both)
        #expect(try await job.pruned(Self.both) == [])
        #expect(try await job.noted(Self.both) == [])
        try Data("mine".utf8).write(to: URL(filePath: "\(job.folder)/out/crops/crop_7_mine.h5"))
        #expect(try await job.run(Self.one).exitCode == 0)
        #expect(try names("crops") == ["crop_5.h5", "crop_6.h5"] && names("attributes") == ["crop_5.h5", "crop_6.h5"])
        #expect(try await job.bad(Self.one) == [])
        let foreign = ["crops/crop_7.h5", "hdf5/crop_7.h5", "txt/two_to_download", "txt/zattrs/two.zattrs"]
        #expect(try await job.noted(Self.one) == foreign)
        // To damage of such a file nobody need do anything.
        try job.flip("crops/crop_7.h5")
        #expect(try await job.bad(Self.one) == [])
        let listed = try await job.pruned(Self.one)
        #expect(listed.filter { $0.hasPrefix("out/") } == foreign.map { "out/" + $0 })
        #expect(listed.filter { !$0.hasPrefix("out/") }.map { $0.hasPrefix("state/packs/crop_7") } == [true])
        #expect(listed.allSatisfy { job.exists($0) })
        #expect(try await job.pruned(Self.one, deleting: true) == listed)
        #expect(listed.filter { job.exists($0) } == [])
        #expect(!job.exists("state/records/crop_7") && !job.exists("state/versions/crop_7"))
        let marks = try FileManager.default.subpathsOfDirectory(atPath: "\(job.folder)/state/done")
        #expect(marks.filter { $0.contains("crop_7") } == [] && marks.contains { $0.contains("crop_5") })
        #expect(job.exists("out/crops/crop_7_mine.h5") && job.exists("out/crops/crop_5.h5"))
        #expect(try await job.pruned(Self.one, deleting: true) == [])
        #expect(try await job.run(Self.one).alreadyDone == 2)
        // It can be had again.
        #expect(try await job.run(Self.both).done == 1)
        #expect(try await job.bad(Self.both) == [])
    }

    /// The files of another compression stay until they are made anew. Of crop 6 it is not known from what it was made.
    @Test func aFileOfOtherSettingsIsNotTold() async throws {
        _ = try await job.run()
        try job.remove("state/records/crop_6/convert.json")
        let zstd: [String: JSONValue] = ["convert": ["compression": "zstd"]]
        _ = try await job.run(zstd, options: Runner.Options(stages: [.discover, .download]))
        #expect(try names("crops") == [] && names("attributes") == [])
        let stale = ["crops/crop_5.h5", "crops/crop_7.h5", "hdf5/crop_5.h5", "hdf5/crop_7.h5"]
        #expect(try await job.noted(zstd) == stale)
        #expect(try await job.pruned(zstd, deleting: true) == stale.map { "out/" + $0 })
        #expect(job.exists("out/crops/crop_6.h5"))
        #expect(try await job.run(zstd).done == 3)
        #expect(try await job.pruned(zstd) == [])
    }

    /// A run of a few items, or of a stage, leaves in what others of the same job have made.
    @Test func aRunOfAFewLeavesTheOthersIn() async throws {
        _ = try await job.run()
        let before = try job.stamps()
        #expect(try await job.run(["only": ["crop_6"]]).items == 1)
        _ = try await job.run([:], options: Runner.Options(stages: [.discover, .stat]))
        #expect(try job.written(since: before) == [])
        #expect(try await job.pruned(["only": ["crop_6"]]) == [])
        #expect(try await job.noted(["only": ["crop_6"]]) == [])
    }

    /// A summary is brought up to date although no item is finished by it.
    @Test func summariesFollowEachStage() async throws {
        _ = try await job.run([:], options: Runner.Options(stages: [.discover, .download]))
        #expect(try names("attributes") == [])
        _ = try await job.run([:], options: Runner.Options(stages: [.convert, .stat]))
        #expect(try names("attributes") == ["crop_5.h5", "crop_6.h5", "crop_7.h5"] && names("crops") == [])
        #expect(try await job.bad() == [])
    }

    /// Nothing is listed that the next run may find right, and nothing at all before the manifest has been planned.
    @Test func whatIsNotSettledIsNotListed() async throws {
        _ = try await job.run()
        let padded: [String: JSONValue] = ["padding_nm": 8]
        let found = try await Pruning(try job.looking(padded)).find()
        #expect(found.paths == [] && found.isUnplanned)
        #expect(try await job.noted(padded) == [])
        // Here `two` is planned, `ds` is not.
        _ = try await job.run(["padding_nm": 8, "datasets": ["two"]])
        let half = try await Pruning(try job.looking(padded)).find()
        #expect(half.paths == [] && half.isOpen && !half.isUnplanned)
        // The download is to be settled: what follows from it may stay.
        _ = try await job.run(padded)
        try job.remove("state/records/crop_5/download.json")
        try job.remove("state/records/crop_6/convert.json")
        #expect(try await job.pruned(padded) == [])
    }

    @Test func nothingIsRemovedWhileARunIsAlive() async throws {
        _ = try await job.run()
        let context = try job.context(["datasets": ["ds"]])
        _ = try await job.run(["datasets": ["ds"]])
        let worker = try await JobAdmission(context: context, share: TaskShare(index: 0, count: 2)).enter()
        let error = await #expect(throws: JobError.self) {
            _ = try await job.pruned(["datasets": ["ds"]], deleting: true)
        }
        #expect(error?.exitCode == 75)
        #expect(job.exists("out/crops/crop_7.h5"))
        worker.end()
        #expect(try await job.pruned(["datasets": ["ds"]], deleting: true).contains("out/crops/crop_7.h5"))
    }

    /// Records are text that anybody may have written.
    @Test func aRecordCannotNameAnythingElse() async throws {
        _ = try await job.run()
        _ = try await job.run(["datasets": ["ds"]])
        try Data("mine".utf8).write(to: URL(filePath: "\(job.folder)/mine"))
        let context = try job.context()
        let record = try #require(try context.state.records.record(item: "crop_7", stage: "convert"))
        let hostile = ["hdf5/crop_5.h5", "txt/crops.json", "hdf5/../txt/crops.json", "../mine", "/mine", "mine"]
        try context.state.records.write(
            Record(
                item: "crop_7", stage: "convert", fingerprint: record.fingerprint,
                outputs: hostile.map { Record.Output(path: $0, digest: record.outputs[0].digest) }, result: [:]))
        let deleted = try? await job.pruned(["datasets": ["ds"]], deleting: true)
        #expect(!(deleted ?? []).contains { $0.contains("crop_5") || $0.contains("mine") || $0.contains("crops.json") })
        #expect(job.exists("mine") && job.exists("out/hdf5/crop_5.h5") && job.exists("out/txt/crops.json"))
    }
}
