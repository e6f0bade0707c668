import Foundation
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
@testable import Report

/// What `cristae status` tells: each item in one state a stage, whatever flags the run had, and soon.
@Suite struct StatusTests {
    private let job: SmallJob

    init() throws {
        job = SmallJob()
        try crops("ds", [1, 2, 3, 4])
    }

    private func crops(_ dataset: String, _ crops: [Int]) throws {
        try job.image(
            "\(dataset)/\(dataset).zarr/recon-1/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for crop in crops {
            try job.image(
                "\(dataset)/\(dataset).zarr/recon-1/labels/groundtruth/crop\(crop)/mito",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: [0, 1, 1, 0, 0, 2, 2, 2])
                ])
        }
    }

    /// What the command does with the manifest's file and these flags.
    private func status(_ members: [String: JSONValue] = [:], given: Manifest.Overrides = Manifest.Overrides())
        async throws -> StatusReport
    {
        let manifest = try job.context(members).manifest
        let context = try #require(
            try JobContext(
                reading: manifest, given: given, stop: StopSignal(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        return try await StatusReport(context)
    }

    private func expectBalance(_ status: StatusReport) {
        for (stage, counts) in status.stages {
            #expect(counts.all == status.items, "\(stage): \(counts) of \(status.items)")
            let all = [counts.done, counts.running, counts.failed, counts.waiting, counts.leftOut]
            #expect(all.allSatisfy { $0 >= 0 })
        }
    }

    private func counts(_ status: StatusReport, _ stage: Stage) -> StatusReport.Counts {
        status.stages.first { $0.stage == stage }?.counts ?? StatusReport.Counts()
    }

    private func spoil(_ key: String) throws {
        let path = "\(job.folder)/bucket/\(key)"
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
    }

    @Test func everyItemIsInOneState() async throws {
        let labels = "ds/ds.zarr/recon-1/labels/groundtruth"
        // One fails to download, one cannot be planned, one has none of the classes; and one is not as far as the rest.
        try spoil("\(labels)/crop2/mito/s0/0/0/0")
        try job.image(
            "\(labels)/crop3/mito",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [800, 8, 8], shape: [2, 2, 2], bytes: [])])
        try job.image(
            "\(labels)/crop9/er", [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2])])
        _ = try await job.run()
        try FileManager.default.removeItem(atPath: "\(job.folder)/out/crops/crop_4.h5")
        let status = try await status()
        expectBalance(status)
        #expect(status.items == 5)
        #expect(counts(status, .discover) == counts(done: 3, failed: 1, leftOut: 1))
        #expect(counts(status, .download) == counts(done: 2, failed: 1, waiting: 1, leftOut: 1))
        #expect(counts(status, .convert) == counts(done: 2, waiting: 2, leftOut: 1))
        #expect(counts(status, .resize) == counts(done: 1, waiting: 3, leftOut: 1))
        #expect(status.datasets == counts(failed: 1))
        #expect(status.failures.count == 2)
        let some = try await self.status(["only": ["crop_[12]", "crop_9"]])
        expectBalance(some)
        #expect(some.items == 3)
    }

    private func counts(done: Int = 0, failed: Int = 0, waiting: Int = 0, leftOut: Int = 0) -> StatusReport.Counts {
        var counts = StatusReport.Counts()
        (counts.done, counts.failed, counts.waiting, counts.leftOut) = (done, failed, waiting, leftOut)
        return counts
    }

    /// A sign of life is older than what lies in the state: what is done, or is in another stage now, does not run.
    @Test func whatIsDoneIsNotCountedAsRunning() async throws {
        _ = try await job.run()
        for crop in [3, 4] { try FileManager.default.removeItem(atPath: "\(job.folder)/out/crops/crop_\(crop).h5") }
        let (state, output) = try (
            ConfinedFolder(creating: "\(job.folder)/state"), ConfinedFolder(creating: "\(job.folder)/out")
        )
        let owner = try Owner(role: OwnerIdentity.wholeJob, state: state, output: output)
        defer { owner.end() }
        try owner.beat([
            "working": .array((1...4).flatMap { ["crop_\($0) download", "crop_\($0) resize"] }.map { .string($0) })
        ])
        let status = try await status()
        #expect(status.isRunning)
        expectBalance(status)
        #expect(counts(status, .download).done == 4 && counts(status, .download).running == 0)
        #expect(counts(status, .resize).done == 2 && counts(status, .resize).running == 2)
        #expect(counts(status, .resize).waiting == 0)
    }

    // MARK: Flags of the run

    @Test func noFlagOfTheRunIsNeeded() async throws {
        let flags: [String: JSONValue] = ["output": "elsewhere"]
        _ = try await job.run(flags)
        let manifest: [String: JSONValue] = ["source": "s3://another-bucket", "output": "out"]
        let status = try await status(manifest)
        #expect(status.items == 4 && counts(status, .resize).done == 4)
        // What is said stands.
        let given = try await self.status(manifest, given: Manifest.Overrides(source: "s3://another-bucket"))
        #expect(given.items == 0)
        let moved = try await self.status(manifest, given: Manifest.Overrides(output: "out"))
        #expect(moved.items == 4 && counts(moved, .resize).done == 0)
        // Another run says it again.
        try FileManager.default.moveItem(atPath: "\(job.folder)/bucket", toPath: "\(job.folder)/second")
        _ = try await job.run(["source": "second"])
        #expect(try await self.status(manifest).items == 4)
        #expect(!job.exists("status"))
    }

    /// A state of an earlier version, whose runs have noted nothing, or damage.
    @Test(arguments: ["", "{", #"{"source": "\u0000", "output": 3}"#, #"{"source": "x y", "output": ""}"#])
    func withoutANoteThePlansTellTheStore(note: String) async throws {
        _ = try await job.run()
        let path = "\(job.folder)/state/run.json"
        try FileManager.default.removeItem(atPath: path)
        if !note.isEmpty { try Data(note.utf8).write(to: URL(fileURLWithPath: path)) }
        let isURL = note.contains("x y")
        #expect(try await status(["source": "s3://another-bucket"]).items == (isURL ? 0 : 4))
        #expect(try await status().items == 4)
    }

    /// Looking makes nothing.
    @Test func lookingMakesNothing() async throws {
        let text = JSONValue.object(["source": "bucket", "datasets": ["*"], "output": "o", "state": "s"]).canonicalText
        let manifest = try Manifest(parsing: Array(text.utf8), folder: job.folder)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        #expect(try JobContext(reading: manifest, stop: StopSignal(), logger: logger) == nil)
        #expect(!job.exists("o") && !job.exists("s"))
    }

    /// The next sign of life follows a change. None is due for an hour, so a test that waits for one that is due ends with its limit.
    @Test(.timeLimit(.minutes(20))) func aSignOfLifeFollowsAChange() async throws {
        let context = try job.context()
        let worker = try Worker(role: OwnerIdentity.wholeJob, context, beatSeconds: 3600)
        let progress = context.progress
        worker.startBeating(context, changes: { progress.changes }) {
            ["working": .array(progress.snapshot.working.map { .string($0) })]
        }
        defer { worker.end() }
        func wait(for expected: [JSONValue]) async throws {
            while try OwnerWatch.owners(in: context.state.folder).first?.progress["working"]?.array != expected {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        try await wait(for: [])
        try await progress.working("crop_1", "download") { try await wait(for: ["crop_1 download"]) }
        try await wait(for: [])
    }
}
