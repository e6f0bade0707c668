import Foundation
import Glibc
import JSONText
import JobTestSupport
import Ledger
import Logging
import Stores
import Synchronization
import Testing

@testable import Arrays
@testable import Job
@testable import Manifest
@testable import Planning
@testable import Scheduling

/// What happens the second time: some items only, a failure that was repaired, a stage that was not come to, an end that was asked for.
@Suite struct SecondRunTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    init() throws {
        job = SmallJob()
        try job.rawImage(recon)
        for crop in [5, 6, 7] { try label(crop) }
    }

    private func label(_ crop: Int, dtype: String = "|u1") throws {
        try job.image(
            "\(recon)/labels/groundtruth/crop\(crop)/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], dtype: dtype,
                    bytes: [0, 1, 1, 0, 0, 2, 255, UInt8(crop)])
            ], attributes: SmallJob.instances())
    }

    /// A chunk that is larger than any encoding of it fails its crop, and it alone.
    private func spoil(_ crop: Int) throws {
        try job.write([UInt8](repeating: 1, count: 1 << 20), "\(recon)/labels/groundtruth/crop\(crop)/mito/s0/0/0/0")
    }

    private func outputs(_ folder: String = "out") throws -> [String: Data] {
        try job.files(folder)
    }

    private func crops() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/out/crops")) ?? []).sorted()
    }

    private func context(_ manifest: Manifest, _ stop: StopSignal = StopSignal()) throws -> JobContext {
        try JobContext(
            manifest: manifest, stop: stop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a manifest that lies somewhere, as `cristae run PATH` does.
    private func run(at path: String) async throws -> Runner.Outcome {
        let manifest = try Manifest.load(path: "\(job.folder)/\(path)", overrides: Manifest.Overrides())
        return try await Runner(try context(manifest)).run()
    }

    // MARK: Some items only

    @Test(arguments: [["crop_6"], ["*_6"], ["crop_6", "*[78]"]])
    func onlyThoseThatAreAskedForAreMade(only: [String]) async throws {
        let outcome = try await job.run(["only": .array(only.map { .string($0) })])
        #expect(outcome.exitCode == 0)
        let made = only.count == 1 ? ["crop_6.h5"] : ["crop_6.h5", "crop_7.h5"]
        #expect(outcome.items == made.count && outcome.done == made.count)
        #expect(crops() == made)
        let rest = try await job.run()
        #expect(rest.items == 3 && rest.alreadyDone == made.count && rest.done == 3 - made.count)
    }

    @Test func failedJSONRunsJustTheFailedOnes() async throws {
        try spoil(6)
        let first = try await job.run()
        #expect(first.exitCode == 1)
        #expect(first.items == 3 && first.done == 2 && first.failed == 1)
        #expect(first.failures.map(\.item) == ["crop_6"])
        // Another one is missing by now, and is none of its business.
        try FileManager.default.removeItem(atPath: "\(job.folder)/out/crops/crop_5.h5")
        try label(6)
        let second = try await run(at: "state/failed.json")
        #expect(second.exitCode == 0, "\(second.failures)")
        #expect(second.items == 1 && second.done == 1)
        #expect(crops() == ["crop_6.h5", "crop_7.h5"])
    }

    @Test func aRepairedFailureIsForgotten() async throws {
        try spoil(6)
        #expect(try await job.run().failures.map(\.item) == ["crop_6"])
        #expect(job.exists("state/failures/crop_6.json") && job.exists("state/failed.json"))
        try label(6)
        for _ in 0..<2 {
            let outcome = try await job.run()
            #expect(outcome.exitCode == 0 && outcome.failures == [])
            #expect(!job.exists("state/failures/crop_6.json") && !job.exists("state/failed.json"))
        }
        // Also for a task that closes the job, which tells of all failures.
        let outcome = try await job.run(share: TaskShare(index: 0, count: 2))
        #expect(outcome.exitCode == 0 && outcome.failures == [])
    }

    /// Each text of a dataset is looked at, not the first one alone.
    @Test(arguments: ["ds_to_download", "zattrs/ds.zattrs"]) func aLostTextIsWrittenAgain(name: String) async throws {
        _ = try await job.run()
        let before = try outputs()
        try FileManager.default.removeItem(atPath: "\(job.folder)/out/txt/\(name)")
        #expect(try await job.run().alreadyDone == 3)
        #expect(try outputs() == before)
    }

    // MARK: A kill between two stages

    /// The files are those of the changed job, and the statistics those of the job before: what was not come to is made anew.
    @Test(arguments: [[Stage.convert], [.convert, .resize], [.convert, .stat]])
    func aKillAfterAChangeLeavesNothingStale(stages: [Stage]) async throws {
        _ = try await job.run()
        let changes: [String: JSONValue] = ["padding_nm": 8]
        _ = try await job.run(changes, stages: Set([.discover, .download] + stages))
        #expect(try await job.run(changes).exitCode == 0)
        _ = try await job.run(changes.merging(["output": "clean", "state": "clean-state"]) { $1 })
        let (found, clean) = (try outputs(), try outputs("clean"))
        #expect(found.keys.sorted() == clean.keys.sorted())
        #expect(found.filter { clean[$0.key] != $0.value }.keys.sorted() == [])
    }

    /// A mark counts only while the records are those that it was made from.
    @Test(arguments: Stage.ofItems) func aLostRecordIsMadeAgain(stage: Stage) async throws {
        _ = try await job.run()
        let before = try outputs()
        let path = "state/records/crop_6/\(stage.rawValue).json"
        let text = try job.text(path)
        try FileManager.default.removeItem(atPath: "\(job.folder)/\(path)")
        let outcome = try await job.run()
        #expect(outcome.exitCode == 0 && outcome.alreadyDone == 2 && outcome.done == 1)
        // The mark from before does not stay beside the new one.
        #expect(try job.files("state/done").count == 3)
        #expect(try job.text(path) == text)
        #expect(try outputs() == before)
    }

    /// Marks of other settings go: what they tell of has been overtaken.
    @Test func marksOfEarlierSettingsGo() async throws {
        _ = try await job.run()
        let before = try Set(job.files("state/done").keys)
        #expect(before.count == 3)
        _ = try await job.run(["target_nm": 16])
        let after = try Set(job.files("state/done").keys)
        #expect(after.count == 3 && after.isDisjoint(with: before))
    }

    /// Also where the mark still stands: summaries are never made from fewer records than there were.
    @Test(arguments: ["download", "convert", "stat", "resize"])
    func aDamagedRecordIsNotLeftOut(stage: String) async throws {
        _ = try await job.run()
        let before = try outputs()
        let path = "\(job.folder)/state/records/crop_6/\(stage).json"
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: 60)
        try handle.write(contentsOf: [0x21])
        try handle.close()
        try FileManager.default.removeItem(atPath: "\(job.folder)/state/summaries.json")
        let outcome = try await job.run()
        #expect(outcome.exitCode == 0 && outcome.items == 3 && outcome.unaccounted.isEmpty)
        #expect(try outputs() == before)
    }

    // MARK: An end that was asked for

    /// A server that takes connections and never answers must not keep a job from ending.
    @Test(.timeLimit(.minutes(5))) func aHangingServerDoesNotHoldUpTheEnd() async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isBound)
        let text = JSONValue.object([
            "source": .string("http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/bucket"), "datasets": ["ds"],
        ]).prettyText
        let stop = StopSignal()
        let context = try context(
            try Manifest(parsing: Array(text.utf8), folder: job.folder, overrides: Manifest.Overrides()), stop)
        let runner = Runner(context, options: Runner.Options(graceSeconds: 0.2))
        let isOver = Mutex(false)
        let run = Task { try await runner.run { isOver.withLock { $0 = true } } }
        for _ in 0..<2000 where context.progress.snapshot.working.isEmpty {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(context.progress.snapshot.working == ["ds discover"])
        let start = ContinuousClock.now
        stop.stop()
        while !isOver.withLock({ $0 }), ContinuousClock.now - start < .seconds(10) {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(isOver.withLock { $0 })
        // By then nobody is kept out.
        #expect(try Claims.all(in: context.state.folder) == [])
        #expect(runner.outcome.items == 0)
        run.cancel()
    }

    // MARK: The account

    @Test func theAccountBalances() async throws {
        try spoil(6)
        // A region that cannot be planned is an item, too.
        let outcome = try await job.run([
            "regions": [["dataset": "ds", "offset_nm": [4000, 0, 0], "shape_nm": [16, 16, 16]]]
        ])
        #expect(outcome.items == 4 && outcome.done == 2 && outcome.failed == 2, "\(outcome)")
        #expect(outcome.failedDatasets == 0 && outcome.unaccounted == [] && outcome.exitCode == 1)
        // A dataset that cannot be read is none.
        let long = String(repeating: "x", count: 220)
        try FileManager.default.createDirectory(
            atPath: "\(job.folder)/bucket/\(long)/\(long).zarr", withIntermediateDirectories: true)
        let more = try await job.run(["datasets": ["ds", "x*"]])
        #expect(more.items == 3 && more.alreadyDone == 2 && more.failed == 1 && more.failedDatasets == 1, "\(more)")
    }

    /// What another process is at, and nobody comes back for, is named: exit 75 and not 0.
    @Test func anItemThatNobodyAccountsForIsNamed() async throws {
        let account = RunAccount()
        let items = [5, 6, 7].map { crop in
            ItemEntry(
                name: "crop_\(crop)", dataset: "ds", alignment: "", digest: PlanDigest(UInt64(crop)), chunks: 1,
                bytes: 1, offset: 0, length: 0, summary: 0..<0)
        }
        account.open(items, failures: [], datasets: 1)
        account.note([items[0]], .done)
        account.note([items[2]], .elsewhere)
        #expect(account.outcome.unaccounted == ["crop_6"])
        #expect(account.outcome.exitCode == 75)
        #expect(account.outcome.reason?.contains("crop_6") == true)
        account.note([items[1]], .leftOut(.notAnnotated))
        #expect(account.outcome.exitCode == 0 && account.outcome.leftOut == 1)
        // What failed elsewhere counts for the one that closes the job.
        let failure = Failure(item: "crop_7", dataset: "ds", stage: .convert, reason: "?")
        account.takeIn([failure])
        #expect(account.outcome.failures == [failure] && account.outcome.elsewhere == 0)
    }

    /// A cancellation that nobody has asked for is a failure, and never "stopped".
    @Test func onlyTheStopSignalMeansStopped() throws {
        let stop = StopSignal()
        let errors: [any Error] = [
            CancellationError(), StoreError(.cancelled, url: "x", message: "?"), JobError.stopped,
        ]
        for error in errors { #expect(JobError(error, stop) == nil) }
        stop.stop()
        for error in errors {
            guard case .stopped? = JobError(error, stop) else {
                Issue.record("\(error) is not taken for the stop")
                continue
            }
        }
    }
}
