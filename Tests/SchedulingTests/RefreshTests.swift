import Foundation
import Glibc
import JSONText
import JobTestSupport
import Synchronization
import TestSupport
import Testing

@testable import Job
@testable import Scheduling

/// `--refresh` over tiny crops in a folder: what has changed is made anew, and nothing else is touched.
@Suite struct RefreshTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"
    private let heard = Heard()

    init() throws {
        job = SmallJob()
        try raw()
        for crop in [5, 6] { try label(crop) }
    }

    /// 4×4×8 voxels of 8 nm in two chunks along x, of which each crop touches one.
    private func raw(_ recon: String? = nil, add: UInt8 = 0) throws {
        let recon = recon ?? self.recon
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 8], bytes: nil)])
        try job.write(
            [
                "zarr_format": 2, "shape": [4, 4, 8], "chunks": [4, 4, 4], "dtype": "|u1", "order": "C",
                "compressor": nil, "filters": nil, "fill_value": 0, "dimension_separator": "/",
            ], "\(recon)/em/fibsem-uint8/s0/.zarray")
        for x in 0..<2 { try rawChunk(x, add: add, recon) }
    }

    private func rawChunk(_ x: Int, add: UInt8, _ recon: String? = nil) throws {
        let bytes = (0..<64).map { UInt8($0) &+ UInt8(64 * x) &+ add }
        try job.write(bytes, "\(recon ?? self.recon)/em/fibsem-uint8/s0/0/0/\(x)")
    }

    /// Crop 5 lies in the first raw chunk, crop 6 in the second, and so on in turn.
    private func label(_ crop: Int, _ bytes: [UInt8] = [0, 1, 1, 0, 0, 2, 255, 2], _ recon: String? = nil) throws {
        try job.image(
            "\(recon ?? self.recon)/labels/groundtruth/crop\(crop)/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [8, 8, crop % 2 == 1 ? 8 : 40], shape: [2, 2, 2], bytes: bytes)
            ],
            attributes: SmallJob.instances())
    }

    private static let kept: [String: JSONValue] = ["convert": ["keep_packs": true]]
    private static let members = [[:], kept]

    private func run(_ members: [String: JSONValue] = [:], refresh: Bool = false) async throws -> Runner.Outcome {
        let heard = heard
        heard.new()
        return try await job.run(members, refresh: refresh, log: heard.add)
    }

    /// What was warned of, or changed. A busy machine may be slow to answer, which is told too.
    private var notices: [String] {
        heard.all.filter { line in
            (line.hasPrefix("notice: ") || line.hasPrefix("warning: ")) && !line.contains(": no answer from ")
        }
    }

    private func times() throws -> [String: [Int]] {
        var times: [String: [Int]] = [:]
        for folder in ["out", "state"] {
            for name in try FileManager.default.subpathsOfDirectory(atPath: "\(job.folder)/\(folder)") {
                var status = stat()
                guard lstat("\(job.folder)/\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                times["\(folder)/\(name)"] = [
                    Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec),
                ]
            }
        }
        return times
    }

    private func changed(since before: [String: [Int]]) throws -> [String] {
        let after = try times()
        return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    }

    /// What a run from nothing gives now, to be compared with what is there.
    private func clean(_ members: [String: JSONValue] = [:]) async throws -> [String: Data] {
        var members = members
        members["output"] = "clean-out"
        members["state"] = .string("clean-state-\(UUID().uuidString)")
        _ = try await job.run(members)
        defer { try? FileManager.default.removeItem(atPath: "\(job.folder)/clean-out") }
        return try outputs("clean-out")
    }

    private func outputs(_ folder: String = "out") throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: "\(job.folder)/\(folder)")
        where !name.hasPrefix(".work") {
            files[name] = FileManager.default.contents(atPath: "\(job.folder)/\(folder)/\(name)")
        }
        return files
    }

    @Test(arguments: members)
    func anUnchangedJobWritesNothing(members: [String: JSONValue]) async throws {
        _ = try await run(members)
        let before = try times()
        let outcome = try await run(members, refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(outcome.alreadyDone == 2)
        #expect(outcome.done == 0)
        #expect(try changed(since: before) == [])
        #expect(notices == [])
    }

    @Test(arguments: members)
    func aChangedChunkRedoesItsItemAlone(members: [String: JSONValue]) async throws {
        _ = try await run(members)
        let before = try times()
        try rawChunk(1, add: 7)
        let outcome = try await run(members, refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(outcome.done == 1)
        #expect(outcome.alreadyDone == 1)
        #expect(
            notices.map { $0.hasPrefix("notice: crop_6: ") && $0.contains("fibsem-uint8/s0/0/0/1 has changed") } == [
                true
            ])
        let written = try changed(since: before)
        #expect(written.contains("out/hdf5/crop_6.h5") && written.contains("out/crops/crop_6.h5"))
        #expect(written.filter { $0.contains("crop_5") } == [])
        #expect(try outputs() == (try await clean(members)))
        let after = try times()
        _ = try await run(members, refresh: true)
        #expect(try changed(since: after) == [])
    }

    @Test(arguments: members)
    func aChunkThatWasOnlyTouchedRedoesNothing(members: [String: JSONValue]) async throws {
        _ = try await run(members)
        let before = try times()
        try rawChunk(1, add: 0)
        let outcome = try await run(members, refresh: true)
        #expect(outcome.exitCode == 0)
        let written = try changed(since: before)
        #expect(
            written.filter { $0.hasPrefix("out/") || $0.contains("/convert.json") || $0.contains("/resize.json") } == []
        )
        #expect(written.contains("state/versions/crop_6"))
    }

    @Test(arguments: members)
    func aChunkThatAppearsAndOneThatVanishesAreSeen(members: [String: JSONValue]) async throws {
        let chunk = "\(recon)/em/fibsem-uint8/s0/0/0/1"
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(chunk)")
        _ = try await run(members)
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_6.h5").bytes == Array(repeating: 0, count: 8))
        try rawChunk(1, add: 3)
        let outcome = try await run(members, refresh: true)
        #expect(outcome.done == 1)
        #expect(try outputs() == (try await clean(members)))
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_6.h5").bytes[0] == 64 + 21 + 3)
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(chunk)")
        let again = try await run(members, refresh: true)
        #expect(again.done == 1)
        #expect(try outputs() == (try await clean(members)))
    }

    @Test(arguments: members)
    func changedMetadataMoveTheCrop(members: [String: JSONValue]) async throws {
        _ = try await run(members)
        let before = try times()
        try job.image(
            "\(recon)/labels/groundtruth/crop6/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [8, 8, 32], shape: [2, 2, 2], bytes: [1, 1, 1, 1, 0, 0, 0, 0])
            ],
            attributes: SmallJob.instances())
        let outcome = try await run(members, refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(outcome.done == 1)
        #expect(try changed(since: before).filter { $0.contains("crop_5") } == [])
        #expect(try outputs() == (try await clean(members)))
    }

    @Test func newCropsAndDatasetsAreTakenIn() async throws {
        _ = try await run()
        let before = try times()
        try label(8)
        try raw("new/new.zarr/recon-1", add: 9)
        try label(11, [0, 0, 0, 0, 3, 3, 3, 3], "new/new.zarr/recon-1")
        let unasked = try await run()
        #expect(unasked.items == 2)
        let outcome = try await run(refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(outcome.items == 4)
        #expect(outcome.done == 2)
        #expect(try changed(since: before).filter { $0.contains("crop_5") || $0.contains("crop_6") } == [])
        #expect(try outputs() == (try await clean()))
    }

    @Test func vanishedCropsAndDatasetsAreKept() async throws {
        try raw("old/old.zarr/recon-1", add: 9)
        try label(11, [0, 0, 0, 0, 3, 3, 3, 3], "old/old.zarr/recon-1")
        _ = try await run()
        let outputs = try outputs()
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(recon)/labels/groundtruth/crop5")
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/old")
        let outcome = try await run(refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(outcome.failures == [])
        let (left, others) = (notices.filter { $0.contains("no longer the job's (crop_5)") }, notices)
        #expect(left.count == 1)
        #expect(
            Set(others.filter { !left.contains($0) }) == [
                "warning: ds: crop_5 is not in the store any more; its files and records are kept",
                "warning: old is not in the store any more; its files and records are kept",
            ])
        let after = try self.outputs()
        for (name, bytes) in outputs where name.hasSuffix(".h5") { #expect(after[name] == bytes, "\(name)") }
        // The texts tell of what the job has now; a dataset that cannot be found keeps its plan.
        let listed = try JSONValue(parsing: Array(try #require(after["txt/crops.json"]))).array ?? []
        #expect(listed.map { $0["name"] } == ["crop_6.h5", "crop_11.h5"])
        #expect(job.exists("state/records/crop_5/convert.json") && job.exists("state/records/crop_11/convert.json"))
        // By name, too.
        let named = try await run(["datasets": ["ds", "old"]], refresh: true)
        #expect(named.exitCode == 0)
        #expect(
            notices.filter { !left.contains($0) } == [
                "warning: old is not in the store any more; its files and records are kept"
            ])
    }

    @Test func eachTaskAsksForItsOwnShare() async throws {
        _ = try await run()
        try rawChunk(0, add: 1)
        try rawChunk(1, add: 1)
        var done = 0
        for index in 0..<2 {
            let outcome = try await job.run(refresh: true, share: TaskShare(index: index, count: 2))
            #expect(outcome.exitCode == 0)
            #expect(outcome.done == 1)
            done += outcome.done
        }
        #expect(done == 2)
        #expect(try outputs() == (try await clean()))
    }

    /// An item from before versions were noted, or whose note is damaged.
    @Test(arguments: members)
    func unknownVersionsAreFetchedAgain(members: [String: JSONValue]) async throws {
        _ = try await run(members)
        try FileManager.default.removeItem(atPath: "\(job.folder)/state/versions/crop_5")
        try Data("damage".utf8).write(to: URL(fileURLWithPath: "\(job.folder)/state/versions/crop_6"))
        let before = try times()
        let outcome = try await run(members, refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(notices.count == 2)
        #expect(try changed(since: before).filter { $0.hasPrefix("out/") } == [])
        let after = try times()
        _ = try await run(members, refresh: true)
        #expect(try changed(since: after) == [])
    }

    @Test(arguments: ["gzip", "zstd"], members)
    func volumesAreMadeAnew(compression: String, members: [String: JSONValue]) async throws {
        var convert = members["convert"]?.object ?? [:]
        convert["compression"] = .string(compression)
        let members: [String: JSONValue] = ["mode": "volumes", "select": "all", "convert": .object(convert)]
        _ = try await run(members)
        let before = try times()
        _ = try await run(members, refresh: true)
        #expect(try changed(since: before) == [])
        try rawChunk(1, add: 7)
        let outcome = try await run(members, refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(outcome.done == 1)
        #expect(try outputs() == (try await clean(members)))
        let after = try times()
        _ = try await run(members, refresh: true)
        #expect(try changed(since: after) == [])
    }
}
