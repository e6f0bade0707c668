import Foundation
import JSONText
import JobTestSupport
import Ledger
import Scheduling
import Synchronization
import Testing

@testable import Job
@testable import Planning

/// What becomes of what an earlier version has made.
@Suite struct EarlierStateTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    init() throws {
        job = SmallJob()
        try job.rawImage(recon)
        // The first has objects of its own, the second none, so that it is derived.
        for (crop, values) in [(1, [0, 1, 1, 0, 0, 2, 2, 0]), (2, [UInt8](repeating: 0, count: 8))] {
            for (name, bytes) in [("mito", values), ("all", [3, 3, 0, 35, 35, 35, 4, 0])] {
                try job.image(
                    "\(recon)/labels/groundtruth/crop\(crop)/\(name)",
                    [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: bytes)],
                    attributes: name == "mito" ? SmallJob.instances() : [:])
            }
        }
    }

    /// Gives a finished state the convert records of before derived labels had unknown voxels.
    private func age() async throws {
        let context = try job.context()
        for item in try await Discover(context).run().plans.flatMap(\.items) {
            let plan = try PlanFile.item(item, in: context.state.folder)
            let convert = try #require(try context.state.records.record(item: item.name, stage: "convert"))
            let download = try #require(try context.state.records.record(item: item.name, stage: "download"))
            let stage = ItemFingerprints(plan, context)
            #expect(try convert.fingerprint == stage.convert(download: download))
            try context.state.records.write(
                Record(
                    item: item.name, stage: "convert",
                    fingerprint: try stage.convert(download: download, knowsUnknown: false),
                    outputs: convert.outputs, result: convert.result))
        }
        try FileManager.default.removeItem(atPath: "\(job.folder)/state/rules.json")
        try FileManager.default.removeItem(atPath: "\(job.folder)/state/done")
    }

    @Test func onlyWhatIsDerivedIsMadeAgain() async throws {
        #expect(try await job.run().done == 2)
        let files = try job.files()
        try await age()
        let stamps = try job.stamps()
        let lines = Mutex<[String]>([])
        let outcome = try await job.run(log: { line in lines.withLock { $0.append(line) } })
        #expect(outcome.exitCode == 0 && outcome.alreadyDone == 1 && outcome.done == 1)
        #expect(try job.files() == files)
        #expect(try job.written(since: stamps).allSatisfy { $0.contains("crop_2") })
        #expect(try !job.written(since: stamps).isEmpty)
        let told = lines.withLock { $0.filter { $0.contains("earlier version") } }
        #expect(told.count == 1 && told.allSatisfy { $0.contains("of 2 items, 1 stay as they are") })
        #expect(told.allSatisfy { $0.contains("1 are made again") })

        // It is told once.
        lines.withLock { $0 = [] }
        #expect(try await job.run(log: { line in lines.withLock { $0.append(line) } }).alreadyDone == 2)
        #expect(lines.withLock { $0.contains { $0.contains("earlier version") } } == false)
    }

    /// A new state has nothing to tell.
    @Test func aNewStateIsNotCalledOld() async throws {
        let lines = Mutex<[String]>([])
        _ = try await job.run(log: { line in lines.withLock { $0.append(line) } })
        #expect(lines.withLock { $0.contains { $0.contains("earlier version") } } == false)
    }
}
