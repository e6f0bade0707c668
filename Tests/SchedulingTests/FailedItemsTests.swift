import Elements
import Foundation
import JSONText
import JobTestSupport
import Synchronization
import Testing

@testable import Arrays
@testable import Job
@testable import Manifest
@testable import Planning
@testable import Report
@testable import Scheduling

/// `only`, and `state/failed.json`, which has to run just what failed, whatever failed.
@Suite struct FailedItemsTests {
    private let job: SmallJob

    init() throws {
        job = SmallJob()
        try dataset("ds", crops: [5, 6])
    }

    private func dataset(_ name: String, crops: [Int]) throws {
        try job.image(
            "\(name)/\(name).zarr/recon-1/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for crop in crops { try label(name, crop) }
    }

    private func label(_ dataset: String, _ crop: Int, at start: Double = 8) throws {
        try? FileManager.default.removeItem(atPath: chunk(dataset, crop))
        try job.image(
            "\(dataset)/\(dataset).zarr/recon-1/labels/groundtruth/crop\(crop)/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [start, start, start], shape: [2, 2, 2],
                    bytes: [0, 1, 1, 0, 0, 2, 2, 2])
            ])
    }

    /// Makes the download of a crop fail: its chunk is a link that leads nowhere. ``label(_:_:at:)`` mends it.
    private func spoil(_ dataset: String, _ crop: Int) throws {
        let chunk = chunk(dataset, crop)
        try FileManager.default.removeItem(atPath: chunk)
        try FileManager.default.createSymbolicLink(atPath: chunk, withDestinationPath: chunk)
    }

    private func chunk(_ dataset: String, _ crop: Int) -> String {
        "\(job.folder)/bucket/\(dataset)/\(dataset).zarr/recon-1/labels/groundtruth/crop\(crop)/mito/s0/0/0/0"
    }

    /// Makes a folder that cannot be listed.
    private func block(_ dataset: String) throws {
        let em = "\(job.folder)/bucket/\(dataset)/\(dataset).zarr/recon-1/em"
        try FileManager.default.moveItem(atPath: em, toPath: "\(job.folder)/em-\(dataset)")
        try FileManager.default.createSymbolicLink(atPath: em, withDestinationPath: em)
    }

    private func unblock(_ dataset: String) throws {
        let em = "\(job.folder)/bucket/\(dataset)/\(dataset).zarr/recon-1/em"
        try FileManager.default.removeItem(atPath: em)
        try FileManager.default.moveItem(atPath: "\(job.folder)/em-\(dataset)", toPath: em)
    }

    /// Runs `state/failed.json` as the command does.
    private func runFailed() async throws -> (outcome: Runner.Outcome, manifest: Manifest) {
        let manifest = try Manifest.load(path: "\(job.folder)/state/failed.json")
        return (try await job.run(manifest), manifest)
    }

    private var made: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/out/crops").sorted() }
    }

    // MARK: Only

    @Test(arguments: [
        (["crop_5"], ["crop_5.h5"]), (["crop_?"], ["crop_5.h5", "crop_6.h5", "crop_7.h5"]),
        (["ds/*"], ["crop_5.h5", "crop_6.h5"]), (["d?/crop_6", "crop_7"], ["crop_6.h5", "crop_7.h5"]),
        (["*/*"], ["crop_5.h5", "crop_6.h5", "crop_7.h5"]), (["*her/crop_[!5]"], ["crop_7.h5"]),
    ])
    func onlyRunsJustThose(only: [String], files: [String]) async throws {
        try dataset("other", crops: [7])
        let members: [String: JSONValue] = ["only": .array(only.map { .string($0) })]
        let plan = try JSONValue(parsing: try await PlanReport(job.context(members)).text.utf8)
        #expect(plan["items"]?.integer == files.count)
        let outcome = try await job.run(members)
        #expect(outcome.items == files.count && outcome.done == files.count)
        #expect(try made == files)
        #expect(try await StatusReport(job.context(members)).items == files.count)
        // The rest is still to be done.
        let rest = try await job.run()
        #expect(rest.items == 3 && rest.done == 3 - files.count)
    }

    @Test(arguments: ["a/b/c", "/", "a/", "/b", "[", "ds/[z-a]", "a\u{202E}/b", " a", "ds/ a"])
    func badPatternsAreRefused(pattern: String) throws {
        let inFile = try #require(throws: ManifestError.self) { try job.manifest(["only": [.string(pattern)]]) }
        #expect(inFile.exitCode == 78 && inFile.path == "$.only[0]")
        let inFlag = try #require(throws: ManifestError.self) {
            try job.manifest(overrides: Manifest.Overrides(only: ["crop_1", pattern]))
        }
        #expect(inFlag.exitCode == 64 && inFlag.path == "--only[1]")
        #expect(!inFlag.description.contains("\n") && inFlag.description.contains("dataset/item"))
    }

    /// Names are bytes: a mark on a `/` does not hide it, and patterns that are made of names match just these.
    @Test(arguments: ["crop_5", "a*b", "a?b", "[x]", #"a\b"#, " a ", "a\u{202E}b", "e\u{301}", "é", "x/\u{301}y"])
    func literalPatternsMatchTheirName(name: String) throws {
        let parts = name.pathComponents(keepingEmpty: true)
        #expect(parts.count == (name.utf8.contains(UInt8(ascii: "/")) ? 2 : 1))
        guard parts.count == 1 else { return }
        let pattern = "\(ItemFilter.literal("ds"))/\(ItemFilter.literal(name))"
        #expect(try ItemFilter([pattern]).patterns[0].takes(name, of: "ds"))
        #expect(try !ItemFilter([pattern]).patterns[0].takes(name + "x", of: "ds"))
        #expect(try job.manifest(["only": [.string(pattern)]]).only == [pattern])
    }

    // MARK: What failed

    @Test func failedItemsAreRunAlone() async throws {
        try dataset("other", crops: [7, 8])
        try spoil("ds", 6)
        // One that cannot even be planned.
        try label("other", 8, at: 400)
        let first = try await job.run()
        #expect(first.exitCode == 1 && first.done == 2)
        try label("ds", 6)
        try label("other", 8)
        try FileManager.default.removeItem(atPath: "\(job.folder)/out/crops/crop_5.h5")
        try FileManager.default.removeItem(atPath: "\(job.folder)/state/metadata/other.jsonl")
        let (outcome, manifest) = try await runFailed()
        #expect(Set(manifest.only) == ["crop_6", "crop_8"])
        #expect(outcome.exitCode == 0 && outcome.items == 2 && outcome.done == 2)
        // The file that somebody has removed is none of those that failed.
        #expect(try made == ["crop_6.h5", "crop_7.h5", "crop_8.h5"])
        #expect(!job.exists("state/failed.json"))
        #expect(try await job.run().done == 1)
    }

    @Test(arguments: [["*"], ["ds", "other"]] as [[JSONValue]])
    func aDatasetThatFailedAsAWholeIsRunAgain(datasets: [JSONValue]) async throws {
        try dataset("other", crops: [7, 8])
        try block("other")
        let first = try await job.run(["datasets": .array(datasets)])
        #expect(first.exitCode == 1 && first.done == 2)
        try FileManager.default.removeItem(atPath: "\(job.folder)/out/crops/crop_5.h5")
        try unblock("other")
        let (outcome, manifest) = try await runFailed()
        #expect(manifest.only == ["other/*"] && manifest.datasets.contains("other"))
        #expect(outcome.exitCode == 0 && outcome.items == 2 && outcome.done == 2)
        #expect(try made == ["crop_6.h5", "crop_7.h5", "crop_8.h5"])
        #expect(!job.exists("state/failed.json"))
    }

    @Test func discoverAloneLeavesAManifestOfWhatFailed() async throws {
        try dataset("other", crops: [7])
        try block("other")
        #expect(try await job.run(stages: [.discover]).exitCode == 1)
        try unblock("other")
        #expect(try await runFailed().outcome.done == 1)
    }

    /// Two datasets have a crop 5: it is the second one's that failed, and its files have another name.
    @Test(arguments: [true, false]) func anItemOfTheSameNameIsTheRightOne(isPlanned: Bool) async throws {
        try dataset("other", crops: [5])
        if isPlanned { try spoil("other", 5) } else { try label("other", 5, at: 400) }
        #expect(try await job.run().failures.count == 1)
        let before = try Data(contentsOf: URL(fileURLWithPath: "\(job.folder)/out/crops/crop_5.h5"))
        try FileManager.default.removeItem(atPath: "\(job.folder)/out/crops/crop_6.h5")
        try label("other", 5)
        try? FileManager.default.removeItem(atPath: "\(job.folder)/state/metadata/other.jsonl")
        let (outcome, _) = try await runFailed()
        #expect(outcome.items == 1 && outcome.done == 1)
        #expect(try made == ["crop_5.h5", "crop_5_other_recon-1.h5"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(job.folder)/out/crops/crop_5.h5")) == before)
    }

    /// A run of some items must not forget what failed of the others, planned or not.
    @Test func aRunOfOtherItemsKeepsTheFailures() async throws {
        try dataset("other", crops: [7, 8])
        try spoil("ds", 6)
        try label("other", 8, at: 400)
        _ = try await job.run()
        let some = try await job.run(["only": ["crop_5"]])
        #expect(some.exitCode == 0 && some.failures == [])
        #expect(Set(try Manifest.load(path: "\(job.folder)/state/failed.json").only) == ["crop_6", "crop_8"])
    }

    /// A file tells of the item whose name it has: another one is damage, and goes.
    @Test func aFailureUnderAnotherNameIsNone() async throws {
        let context = try job.context()
        let log = FailureLog(state: context.state.folder)
        try log.note(Failure(item: "crop_6", dataset: "ds", stage: .convert, reason: "?"), owner: "another")
        let folder = "\(job.folder)/state/failures"
        try FileManager.default.copyItem(atPath: "\(folder)/crop_6.json", toPath: "\(folder)/crop_5.json")
        #expect(try log.entry("crop_5") == nil && log.entry("crop_6") != nil)
        _ = try await job.run(["only": ["crop_5"]])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["crop_6.json"])
    }

    /// What another process has tried in vain since this one began is left to it; what has failed before is tried again.
    @Test func whatFailsElsewhereMeanwhileIsNotTriedAgain() async throws {
        _ = try await job.run(stages: [.discover])
        let context = try job.context()
        let worker = try Worker(role: "task 0/2", context)
        let owned = context.owned(by: worker.owner)
        let items = try #require(try PlanFile(of: "ds", in: owned.state.folder)).items
        let log = FailureLog(state: owned.state.folder)
        try log.note(Failure(item: "crop_6", dataset: "ds", stage: .convert, reason: "?"), owner: "another")
        for known in [[:], try log.all()] {
            let workers = ItemWorkers(
                context: owned, worker: worker, stages: Set(Stage.allCases), markers: CompletionMarkers(owned),
                account: RunAccount(), known: known)
            let endings = try await workers.work(
                on: items.filter { $0.name == "crop_6" }, width: 1, marks: [:], failed: Set(known.keys))
            #expect(endings.map(\.ending.entry) == [known.isEmpty ? .elsewhere : .done])
        }
        #expect(try log.all().isEmpty)
        worker.end()
    }

    /// A repaired failure is forgotten, and so is what is not in the job any more.
    @Test func whatIsRepairedOrGoneIsForgotten() async throws {
        try dataset("other", crops: [7])
        try spoil("ds", 6)
        try spoil("other", 7)
        _ = try await job.run()
        #expect(job.exists("state/failures/crop_6.json") && job.exists("state/failures/crop_7.json"))
        let one = try await job.run(["datasets": ["ds"]])
        #expect(one.failures.map(\.item) == ["crop_6"])
        #expect(!job.exists("state/failures/crop_7.json"))
        #expect(try Manifest.load(path: "\(job.folder)/state/failed.json").only == ["crop_6"])
        try label("ds", 6)
        #expect(try await job.run(["datasets": ["ds"]]).exitCode == 0)
        #expect(!job.exists("state/failures/crop_6.json") && !job.exists("state/failed.json"))
    }

    /// Classes that nobody has named are not named in `failed.json` either: no dataset of this job has them.
    @Test func theDefaultClassesStayADefault() async throws {
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/ds/ds.zarr/recon-1/labels")
        let region: JSONValue = ["dataset": "ds", "offset_nm": [900, 0, 0], "shape_nm": [16, 16, 16]]
        #expect(try await job.run(["select": "all", "regions": [region]]).exitCode == 1)
        let (outcome, manifest) = try await runFailed()
        #expect(manifest.only == ["region_ds_1"])
        #expect(outcome.exitCode == 1 && outcome.failures.count == 1)
    }
}
