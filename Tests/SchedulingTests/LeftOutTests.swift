import Foundation
import JSONText
import JobTestSupport
import Ledger
import Planning
import Stores
import Synchronization
import TestSupport
import Testing

@testable import Arrays
@testable import CropFiles
@testable import Job
@testable import Report
@testable import Scheduling

/// Crops of which nothing is made: counted everywhere, told once, listed with their reasons. Those that only their labels can decide: labels
/// are fetched first, and nothing else where nobody has annotated any of the classes.
@Suite struct LeftOutTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let heard = Heard { $0.contains(": left out: ") }

    init() throws {
        job = SmallJob()
        try raw()
    }

    private func image(
        _ key: String, voxel: Double = 8, edge: Double = 0, shape: [Int], _ bytes: [UInt8]?
    ) throws {
        let path = "\(job.folder)/bucket/\(recon)/\(key)/s0/0/0/0"
        try? FileManager.default.removeItem(atPath: path)
        try job.image(
            "\(recon)/\(key)",
            [
                SmallJob.Level(
                    voxel: [voxel, voxel, voxel], translation: [edge + voxel / 2, edge + voxel / 2, edge + voxel / 2],
                    shape: shape, bytes: bytes)
            ])
    }

    private func raw() throws {
        try image("em/fibsem-uint8", shape: [4, 4, 4], (0..<64).map { UInt8($0) })
    }

    /// Whoever asks for raw data fails.
    private func spoilRaw() throws { try spoil("em/fibsem-uint8") }

    private func spoil(_ key: String) throws {
        let path = "\(job.folder)/bucket/\(recon)/\(key)/s0/0/0/0"
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
    }

    /// Whether an object is in the packs that are under way.
    private func isHeld(_ key: String) throws -> Bool {
        let name = Data("\(key)/s0/0/0/0".utf8)
        return try job.files("state").contains { $0.key.hasPrefix("packs/") && $0.value.range(of: name) != nil }
    }

    private static let nucleus: [UInt8] = [35, 35, 35, 35, 35, 35, 0, 37]
    private static let mitos: [UInt8] = [3, 35, 35, 35, 35, 35, 0, 3]

    private func crop(_ id: Int, _ name: String = "all", _ bytes: [UInt8]? = nucleus) throws {
        try image("labels/groundtruth/crop\(id)/\(name)", edge: 8, shape: [2, 2, 2], bytes)
    }

    private func coarseCrop(_ id: Int) throws {
        try image("labels/groundtruth/crop\(id)/mito", voxel: 32, shape: [1, 1, 1], [1])
    }

    private func run(
        _ members: [String: JSONValue] = [:], refresh: Bool = false, share: TaskShare? = nil
    ) async throws -> Runner.Outcome {
        try await job.run(members, refresh: refresh, share: share, log: heard.add)
    }

    /// A run, the requests that it made, and its progress.
    private func watched(
        _ members: [String: JSONValue] = [:]
    ) async throws -> (outcome: Runner.Outcome, requests: Int, progress: JobProgress.Snapshot) {
        let context = try job.context(members)
        let outcome = try await Runner(context).run()
        return (outcome, context.counter.snapshot.requests, context.progress.snapshot)
    }

    private func plan(_ members: [String: JSONValue] = [:]) async throws -> JSONValue {
        try JSONValue(parsing: try await PlanReport(try job.context(members)).text.utf8)
    }

    private func listed(_ file: String = "left_out") throws -> [JSONValue] {
        try #require(try JSONValue(parsing: try job.text("out/txt/\(file).json").utf8).array)
    }

    private func packs() -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/state/packs")) ?? []
    }

    private func hasFiles(_ crop: Int) -> Bool {
        job.exists("out/hdf5/crop_\(crop).h5") || job.exists("out/crops/crop_\(crop).h5")
    }

    // MARK: Labels before raw data

    @Test(arguments: [false, true]) func noRawDataAreFetchedForACropThatIsLeftOut(keepsPacks: Bool) async throws {
        try crop(5)
        try spoilRaw()
        let members: [String: JSONValue] = ["convert": ["keep_packs": .bool(keepsPacks)]]
        let first = try await watched(members)
        #expect(first.outcome.failures == [] && first.outcome.exitCode == 0)
        #expect(first.outcome.items == 1 && first.outcome.leftOut == 1 && first.outcome.unaccounted == [])
        #expect(first.outcome.leftOutReasons == [.notAnnotated: 1])
        #expect(first.progress.chunks == 1 && first.progress.chunksDone == 1)
        #expect(first.progress.items == 1 && first.progress.finished == 1)
        #expect(!hasFiles(5) && packs() == [])

        let entry = try #require(try listed().first)
        #expect(try listed().count == 1)
        #expect(
            Set(entry.object?.keys.map { $0 } ?? []) == [
                "name", "dataset", "crop_id", "reason", "message", "voxel_size", "target", "factor", "max_upsampling",
                "classes",
            ])
        #expect(entry["name"] == "crop_5" && entry["dataset"] == "ds" && entry["crop_id"] == 5)
        #expect(entry["reason"] == "not_annotated" && entry["classes"] == ["mito"] && entry["factor"] == .null)
        #expect(entry["message"]?.string?.contains("crop5/all") == true)

        // Nothing is asked or written any more.
        let (out, state) = (try job.stamps(), try job.files("state").filter { !$0.key.hasPrefix("owners") })
        let second = try await watched(members)
        #expect(second.outcome.leftOut == 1 && second.outcome.items == 1 && second.requests == 0)
        #expect(try job.written(since: out) == [])
        #expect(try job.files("state").filter { !$0.key.hasPrefix("owners") } == state)
        #expect(try await job.bad(members) == [])
        #expect(try await job.pruned(members) == [])
    }

    @Test func anAnnotatedCropGetsItsRawData() async throws {
        try crop(5, "all", Self.mitos)
        let run = try await watched()
        #expect(run.outcome.failures == [] && run.outcome.done == 1 && run.outcome.leftOut == 0)
        #expect(run.progress.chunks == 2 && run.progress.chunksDone == 2)
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5").bytes.first == 21)
        #expect(try listed() == [])
        // The same as where nothing was in question.
        #expect(try await watched().outcome.alreadyDone == 1)
    }

    /// The labels have been fetched, and stay.
    @Test func afterAFailureTheLabelsAreStillThere() async throws {
        try crop(5, "all", Self.mitos)
        try spoilRaw()
        #expect(try await run().failures.count == 1)
        #expect(try isHeld("labels/groundtruth/crop5/all"))
        try raw()
        let again = try await watched()
        #expect(again.outcome.failures == [] && again.outcome.done == 1)
        #expect(again.progress.chunks == 2 && again.progress.chunksDone == 2)
    }

    @Test func aCropWithAnyOfTheClassesIsMade() async throws {
        try crop(5)
        try crop(5, "er", [1, 0, 0, 0, 0, 0, 0, 0])
        #expect(try await run(["classes": ["mito", "er"]]).done == 1)
        #expect(try await run(["classes": ["mito"]]).leftOut == 1)
        // What the manifest before has made is not this one's.
        #expect(try await job.pruned(["classes": ["mito"]]) == ["out/crops/crop_5.h5", "out/hdf5/crop_5.h5"])
        #expect(try listed("crops") == [] && listed("attributes") == [])
        #expect(try await job.bad(["classes": ["mito"]]) == [])
        #expect(try await job.pruned(["classes": ["mito"]], deleting: true).count == 2)
        #expect(try await run(["classes": ["mito"]]).leftOut == 1)
        #expect(try await run(["classes": ["mito", "er"]]).done == 1)
        #expect(try listed() == [])
    }

    /// An own group is taken as stored, whatever is in it.
    @Test(arguments: [[UInt8](repeating: 0, count: 8), nil]) func anEmptyOwnGroupIsTakenAsStored(own: [UInt8]?)
        async throws
    {
        try crop(5)
        try crop(5, "mito", own)
        #expect(try await plan()["undecided"] == 0)
        #expect(try await run().done == 1)
        #expect(hasFiles(5))
    }

    @Test func otherIdsAreLookedForAgain() async throws {
        try crop(5)
        func derive(_ id: Int) -> [String: JSONValue] {
            ["derive": ["mito": ["from": "all", "ids": [.integer(id)], "instances": false]]]
        }
        #expect(try await run(derive(3)).leftOut == 1)
        #expect(try await run(derive(37)).done == 1)
        #expect(try await job.dataset("/label_crop/mito", of: "crops/crop_5.h5").bytes == [0, 0, 0, 0, 0, 0, 255, 1])
        #expect(try await run(derive(3)).leftOut == 1)
        #expect(try listed("crops") == [])
    }

    @Test func aRefreshReconsiders() async throws {
        try crop(5)
        #expect(try await run().leftOut == 1)
        #expect(heard.new().count == 1)
        let before = try job.stamps()
        #expect(try await run(refresh: true).leftOut == 1)
        #expect(try job.written(since: before) == [])
        #expect(heard.new().count == 1)
        try crop(5, "all", Self.mitos)
        #expect(try await run().leftOut == 1)
        let made = try await run(refresh: true)
        #expect(made.failures == [] && made.done == 1)
        #expect(try listed() == [] && listed("crops").count == 1)
        try crop(5)
        _ = heard.new()
        let again = try await run(refresh: true)
        #expect(again.failures == [] && again.leftOut == 1)
        #expect(heard.new().count == 1)
        #expect(try listed().count == 1 && listed("crops") == [])
        #expect(try await job.pruned() == ["out/crops/crop_5.h5", "out/hdf5/crop_5.h5"])
    }

    /// A state in which the crop was made before labels could decide.
    @Test func whatWasMadeBeforeIsStale() async throws {
        try crop(5)
        try crop(5, "er", [1, 0, 0, 0, 0, 0, 0, 0])
        _ = try await run(["classes": ["er"]])
        #expect(hasFiles(5))
        #expect(try await run().leftOut == 1)
        #expect(try await job.noted().sorted() == ["crops/crop_5.h5", "hdf5/crop_5.h5"])
        #expect(try listed("crops") == [])
    }

    /// Raw data in four chunks that cannot be had: whoever asks for them first gives the item up before the labels.
    @Test func labelsComeFirstInAnyItem() async throws {
        try job.write(
            [
                "zarr_format": 2, "shape": [4, 4, 4], "chunks": [1, 2, 2], "dtype": "|u1", "order": "C",
                "compressor": nil, "filters": nil, "fill_value": 0, "dimension_separator": "/",
            ], "\(recon)/em/fibsem-uint8/s0/.zarray")
        let chunks = ["1/0/0", "1/0/1", "1/1/0", "1/1/1"].map {
            "\(job.folder)/bucket/\(recon)/em/fibsem-uint8/s0/\($0)"
        }
        for chunk in chunks {
            let folder = (chunk as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: chunk, withDestinationPath: chunk)
        }
        try crop(5, "mito", Self.mitos)
        let members: [String: JSONValue] = ["limits": ["connections": 1]]
        #expect(try await run(members).failures.count == 1)
        #expect(try isHeld("labels/groundtruth/crop5/mito"))
    }

    // MARK: Counts and lists

    @Test func countsBalance() async throws {
        try coarseCrop(2)
        try crop(5)
        try crop(6, "all", Self.mitos)
        try crop(7, "er")
        let before = try await plan()
        #expect(before["items"] == 2 && before["undecided"] == 2 && before["to_do"]?.array?.count == 2)
        #expect(before["left_out"]?.array?.compactMap { $0["name"]?.string } == ["crop_2", "crop_7"])
        #expect(before["left_out"]?[0]?["factor"] == 4)
        #expect(before["left_out"]?[1]?["classes"] == ["mito"])

        let outcome = try await run()
        #expect(outcome.failures == [] && outcome.items == 4 && outcome.done == 1 && outcome.exitCode == 0)
        #expect(outcome.leftOutReasons == [.tooCoarse: 1, .notAnnotated: 2] && outcome.nothingMade == nil)
        #expect(heard.new().count == 3)
        #expect(try listed().compactMap { $0["name"]?.string } == ["crop_2", "crop_5", "crop_7"])
        #expect(try listed().compactMap { $0["reason"]?.string } == ["too_coarse", "not_annotated", "not_annotated"])

        let after = try await plan()
        #expect(after["items"] == 1 && after["items_done"] == 1 && after["undecided"] == 0 && after["to_do"] == [])
        #expect(after["left_out"]?.array == (try listed()))
        let status = try await StatusReport(try job.context())
        #expect(status.items == 4)
        for (stage, counts) in status.stages {
            #expect(counts.all == 4)
            #expect(counts.leftOut == (stage == .discover ? 2 : 3) && counts.waiting == 0, "\(stage)")
        }
        #expect(status.json["stages"]?["resize"]?["left_out"] == 3)
        #expect(try await run().leftOut == 3)
        #expect(heard.new().count == 3)
    }

    @Test(arguments: [["crop_2"], ["crop_5"], ["crop_[27]", "crop_5"]])
    func whereAllIsLeftOutTheEndSaysSo(only: [String]) async throws {
        try coarseCrop(2)
        try crop(5)
        try crop(6, "all", Self.mitos)
        try crop(7, "er")
        let outcome = try await run(["only": .array(only.map { .string($0) })])
        #expect(outcome.exitCode == 0 && outcome.leftOut == outcome.items)
        #expect(outcome.items == (only.count == 1 ? 1 : 3))
        let text = try #require(outcome.nothingMade)
        #expect(text.contains("too coarse") == (only != ["crop_5"]))
        #expect(text.contains("not annotated") == (only != ["crop_2"]))
        // The list is of the whole job.
        #expect(try listed().compactMap { $0["name"]?.string }.contains("crop_7"))
    }

    /// What a wider limit has made is not this manifest's.
    @Test func whatIsTooCoarseNowIsStale() async throws {
        try coarseCrop(2)
        #expect(try await run(["resize": ["max_upsampling": 4]]).done == 1)
        #expect(try listed() == [] && listed("crops").count == 1)
        let outcome = try await run()
        #expect(outcome.leftOut == 1 && outcome.items == 1)
        #expect(try listed().first?["voxel_size"] == [32, 32, 32] && listed().first?["target"] == [8, 8, 8])
        #expect(try listed("crops") == [] && listed("attributes") == [])
        #expect(try await job.pruned() == ["out/crops/crop_2.h5", "out/hdf5/crop_2.h5"])
        #expect(try await job.bad() == [])
    }

    @Test func ofSeveralTasksOneTells() async throws {
        try coarseCrop(2)
        for id in 5...8 { try crop(id) }
        try crop(9, "all", Self.mitos)
        for task in 0..<3 {
            let outcome = try await run(share: TaskShare(index: task, count: 3))
            #expect(outcome.failures == [] && outcome.items == 6 && outcome.unaccounted == [])
            #expect(outcome.leftOut == 5 && outcome.done + outcome.elsewhere + outcome.alreadyDone == 1)
        }
        let lines = heard.new()
        #expect(lines.count == 5 && Set(lines).count == 5)
        #expect(try listed().count == 5)
    }

    @Test func tasksAtATimeBalance() async throws {
        for id in 1...8 { try crop(id, "all", id % 2 == 0 ? Self.mitos : Self.nucleus) }
        let outcomes = try await withThrowingTaskGroup(of: Runner.Outcome.self) { group in
            for task in 0..<2 { group.addTask { try await run(share: TaskShare(index: task, count: 2)) } }
            return try await group.reduce(into: [Runner.Outcome]()) { $0.append($1) }
        }
        #expect(outcomes.allSatisfy { $0.exitCode == 0 && $0.unaccounted == [] && $0.items == 8 })
        #expect(outcomes.reduce(0) { $0 + $1.done } == 4)
        #expect(Set(heard.new()).count == 4)
        #expect(try listed().count == 4)
        #expect(try await StatusReport(try job.context()).stages.last?.counts.leftOut == 4)
    }

    /// A record that does not say why is none.
    @Test func aDamagedDecisionIsMadeAgain() async throws {
        try crop(5)
        #expect(try await run().leftOut == 1)
        let records = try job.context().state.records
        let record = try #require(try records.record(item: "crop_5", stage: "download"))
        try records.write(
            Record(
                item: "crop_5", stage: "download", fingerprint: record.fingerprint, outputs: [],
                result: ["left_out": ["reason": "hunger"]]))
        try job.remove("out/txt/left_out.json")
        #expect(try await job.bad() == ["txt/left_out.json"])
        #expect(try await run().leftOut == 1)
        #expect(try listed().count == 1)
        #expect(try await job.bad() == [])
    }

    /// A folder of labels 4 times as coarse as the target, by hand.
    @Test func resizingFilesHasTheSameLimit() async throws {
        try coarseCrop(2)
        #expect(try await run(["resize": ["max_upsampling": 4]]).done == 1)
        let settings = VerbSettings(memory: 1 << 28, voxelSize: nil, stop: StopSignal())
        let target = try #require(VoxelSize("8"))
        let lines = Mutex<[String]>([])
        func resize(_ options: ResizeVerb.Options) async throws -> Int {
            try await ResizeVerb(options, settings).run(
                input: "\(job.folder)/out/hdf5/crop_2.h5", output: "\(job.folder)/again.h5"
            ) { event in if case .failed(let line) = event { lines.withLock { $0.append(line) } } }
        }
        #expect(try await resize(ResizeVerb.Options(target: target)) == 1)
        #expect(!job.exists("again.h5"))
        let found = lines.withLock { $0 }
        #expect(found.count == 1)
        for part in ["/label_crop/mito", "32 nm", "4 times", "is 2", "--max-upsampling 4", "--target 16"] {
            #expect(found.first?.contains(part) == true, "\(part) in \(found)")
        }
        var wider = ResizeVerb.Options(target: target)
        wider.maxUpsampling = 4
        #expect(try await resize(wider) == 0)
        #expect(job.exists("again.h5"))
    }
}
