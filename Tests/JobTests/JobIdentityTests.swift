import Foundation
import JSONText
import JobTestSupport
import Testing

@testable import Arrays
@testable import Job
@testable import Scheduling

/// To which job an output folder belongs.
@Suite struct JobIdentityTests {
    private let job: SmallJob
    private static let recon = "ds/ds.zarr/recon-1"

    init() throws {
        job = SmallJob()
        try job.image(
            "\(Self.recon)/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: (0..<64).map { UInt8($0) })
            ])
        try job.image(
            "\(Self.recon)/labels/groundtruth/crop5/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: [0, 1, 1, 0, 0, 2, 2, 2])
            ], attributes: SmallJob.instances())
    }

    private func mark(_ file: String) throws -> JSONValue { try JSONValue(parsing: Array(try job.text(file).utf8)) }

    @Test func anotherJobIsRefusedUnlessItAdopts() async throws {
        _ = try await job.run()
        let before = try job.stamps()
        let other: [String: JSONValue] = ["state": "state2", "target_nm": 16]
        let error = await #expect(throws: JobError.self) { _ = try await job.run(other) }
        #expect(error?.exitCode == 78)
        let text = try #require(error?.description)
        #expect(text.contains("\(job.folder)/state,") && text.contains("\(job.folder)/state2"))
        #expect(try job.written(since: before) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/state2") == [])
        let error2 = await #expect(throws: JobError.self) {
            _ = try await job.run(other, options: .init(share: TaskShare(index: 0, count: 2)))
        }
        #expect(error2?.exitCode == 78)

        #expect(try await job.run(other, options: Runner.Options(adoptsOutput: true)).exitCode == 0)
        #expect(try mark("out/.work/job.json")["id"] == (try mark("state2/job.json")["id"]))
        #expect(try await job.run(other).exitCode == 0)
        // Now it is the first one that is refused.
        let third = await #expect(throws: JobError.self) { _ = try await job.run() }
        #expect(third?.exitCode == 78)
        await #expect(throws: JobError.self) { _ = try await job.pruned() }
    }

    @Test func theSameJobIsKnownByItsIdOrItsPlace() async throws {
        _ = try await job.run()
        let id = try mark("state/job.json")["id"]
        #expect(id?.string?.isEmpty == false)
        #expect(try mark("out/.work/job.json") == ["id": id ?? .null, "state": .string("\(job.folder)/state")])
        // A changed manifest is the same job.
        #expect(try await job.run(["target_nm": 16]).exitCode == 0)
        // A state that was moved.
        try FileManager.default.moveItem(atPath: "\(job.folder)/state", toPath: "\(job.folder)/moved")
        #expect(try await job.run(["state": "moved"]).alreadyDone == 0)
        #expect(try mark("out/.work/job.json") == ["id": id ?? .null, "state": .string("\(job.folder)/moved")])
        // What comes to its old place is another job; what comes to its new one after it is the same.
        await #expect(throws: JobError.self) { _ = try await job.run() }
        try job.remove("moved")
        #expect(try await job.run(["state": "moved"]).exitCode == 0)
        #expect(try mark("moved/job.json")["id"] != id)
        #expect(try mark("out/.work/job.json")["id"] == (try mark("moved/job.json")["id"]))
    }

    /// As earlier versions left it, or a power cut.
    @Test(arguments: [nil, "", "{\"id\":", "{\"id\": \"\"}"])
    func whatSaysNothingIsTakenOver(text: String?) async throws {
        _ = try await job.run()
        let before = try job.stamps()
        for file in ["state/job.json", "out/.work/job.json"] {
            try job.remove(file)
            if let text { try Data(text.utf8).write(to: URL(filePath: "\(job.folder)/\(file)")) }
        }
        let outcome = try await job.run()
        #expect(outcome.alreadyDone == 1)
        #expect(try job.written(since: before) == [])
        #expect(try mark("out/.work/job.json")["id"] == (try mark("state/job.json")["id"]))
    }

    @Test func oneOfManyJobsGetsTheFolder() async throws {
        let (job, count) = (job, 24)
        let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
            for number in 0..<count {
                // Three tasks of each of eight jobs.
                let context = try job.context(["state": .string("state\(number % 8)")])
                group.addTask {
                    do {
                        try await Task.detached { try JobIdentity(context: context).settle(adopting: false) }.value
                        return 0
                    } catch let error as JobError { return error.exitCode }
                }
            }
            return try await group.reduce(into: [Int32]()) { $0.append($1) }
        }
        #expect(codes.count { $0 == 0 } == 3)
        #expect(codes.count { $0 == 78 } == count - 3)
        let mark = try mark("out/.work/job.json")
        let state = try #require(mark["state"]?.string?.dropFirst(job.folder.count + 1))
        #expect(try self.mark("\(state)/job.json")["id"] == mark["id"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/out/.work") == ["job.json"])
    }
}
