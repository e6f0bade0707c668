import Foundation
import JSONText
import JobTestSupport
import Logging
import Testing

@testable import Arrays
@testable import Job
@testable import Report
@testable import Scheduling

/// What was made and then damaged: `verify` names it, and just that is made again, to the same bytes.
@Suite struct DamageTests {
    private let job: SmallJob
    private static let recon = "ds/ds.zarr/recon-1"
    private static let members: [String: JSONValue] = ["convert": ["compression": "none"]]

    init() throws {
        job = SmallJob()
        try job.image(
            "\(Self.recon)/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: (0..<64).map { UInt8($0) })
            ])
        for crop in [5, 6] {
            try job.image(
                "\(Self.recon)/labels/groundtruth/crop\(crop)/mito",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2],
                        bytes: [0, 1, 1, 0, 0, 2, UInt8(crop), 2])
                ], attributes: SmallJob.instances())
        }
    }

    enum Damage: String, CaseIterable { case flipped, cut, missing }

    private func damage(_ file: String, _ damage: Damage) throws {
        switch damage {
        case .flipped: try job.flip(file)
        case .cut: try job.cut(file)
        case .missing: try job.remove("out/\(file)")
        }
    }

    static let files = [
        "hdf5/crop_5.h5", "crops/crop_5.h5", "txt/attributes.json", "txt/crops.json", "txt/data.json",
        "txt/provenance.json",
        "txt/ds_to_download", "txt/zattrs/ds.zattrs",
    ]

    @Test(arguments: files, Damage.allCases)
    func verifyNamesItAndRepairMendsIt(file: String, kind: Damage) async throws {
        #expect(try await job.run(Self.members).exitCode == 0)
        let (clean, before) = (try job.files(), try job.stamps())
        #expect(try await job.bad(Self.members) == [])
        #expect(try job.written(since: before) == [])
        try damage(file, kind)
        #expect(try await job.bad(Self.members) == [file])
        #expect(try await job.repair(Self.members) == [])
        #expect(try job.files() == clean)
        #expect(try job.written(since: before) == [file])
        #expect(try await job.bad(Self.members) == [])
    }

    /// What stands in the place of a text does not hide what else is wrong.
    @Test(arguments: ["txt/crops.json", "txt/zattrs/ds.zattrs"], [false, true])
    func aLinkOrAFolderInATextsPlaceIsNamed(file: String, isFolder: Bool) async throws {
        #expect(try await job.run(Self.members).exitCode == 0)
        let clean = try job.files()
        try job.remove("out/\(file)")
        let place = "\(job.folder)/out/\(file)"
        if isFolder {
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        } else {
            try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "/nowhere")
        }
        try job.flip("crops/crop_5.h5")
        #expect(try await job.bad(Self.members) == ["crops/crop_5.h5", file])
        guard !isFolder else { return }
        #expect(try await job.repair(Self.members) == [])
        #expect(try job.files() == clean)
    }

    @Test(arguments: files, [nil, TaskShare(index: 0, count: 1)])
    func runWithVerifyMendsJustThat(file: String, share: TaskShare?) async throws {
        #expect(try await job.run(Self.members).exitCode == 0)
        let (clean, before) = (try job.files(), try job.stamps())
        try damage(file, .flipped)
        let outcome = try await job.run(Self.members, options: Runner.Options(share: share, verify: true))
        #expect(outcome.exitCode == 0)
        #expect(outcome.done == (file.hasPrefix("txt/") ? 0 : 1))
        #expect(outcome.done + outcome.alreadyDone == 2)
        #expect(try job.files() == clean)
        #expect(try job.written(since: before) == [file])
    }

    /// A run without flags looks at sizes, and at what it has to read.
    @Test(arguments: [Damage.cut, .missing], ["hdf5/crop_5.h5", "crops/crop_5.h5"])
    func aRunMakesAFileAgainAlone(kind: Damage, file: String) async throws {
        _ = try await job.run(Self.members)
        let (clean, before) = (try job.files(), try job.stamps())
        try damage(file, kind)
        let outcome = try await job.run(Self.members)
        #expect(outcome.done == 1 && outcome.alreadyDone == 1)
        #expect(try job.files() == clean)
        #expect(try job.written(since: before) == [file])
    }

    @Test func aDamagedSourceIsMadeAgainBeforeAnythingIsMadeFromIt() async throws {
        _ = try await job.run(Self.members)
        let clean = try job.files()
        // Without compression nothing but its record tells that a voxel is another one.
        try job.flip("hdf5/crop_5.h5", at: 0.98)
        try job.remove("out/crops/crop_5.h5")
        let outcome = try await job.run(Self.members)
        #expect(outcome.failures == [])
        #expect(try job.files() == clean)
        // Where another setting asks for it, too, and its statistics are missing.
        try job.flip("hdf5/crop_6.h5", at: 0.98)
        try job.remove("state/records/crop_6/stat.json")
        var other = Self.members
        other["target_nm"] = 16
        #expect(try await job.run(other).failures == [])
        #expect(try job.files()["hdf5/crop_6.h5"] == clean["hdf5/crop_6.h5"])
        #expect(try job.files()["txt/attributes.json"] == clean["txt/attributes.json"])
    }

    /// Damage that is known stays known until it is mended, also to those who only look at sizes.
    @Test func knownDamageIsNotForgotten() async throws {
        _ = try await job.run(Self.members)
        let clean = try job.files()
        try job.flip("hdf5/crop_5.h5")
        try FileManager.default.moveItem(atPath: "\(job.folder)/bucket/ds", toPath: "\(job.folder)/away")
        try FileManager.default.createDirectory(
            atPath: "\(job.folder)/bucket/ds", withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: "\(job.folder)/bucket/ds/ds.zarr"))
        let only: Runner.Options = {
            var options = Runner.Options(stages: [.stat, .resize], verify: true)
            options.items = ["crop_5"]
            return options
        }()
        let outcome = try await job.run(Self.members, options: only)
        #expect(outcome.exitCode == 75 && outcome.waiting == [.download: 1])
        #expect(try await job.bad(Self.members).contains("hdf5/crop_5.h5"))
        try job.remove("bucket/ds")
        try FileManager.default.moveItem(atPath: "\(job.folder)/away", toPath: "\(job.folder)/bucket/ds")
        #expect(try await job.run(Self.members).done == 1)
        #expect(try job.files() == clean)
    }

    @Test(arguments: ["hdf5/ds.h5", "crops/ds.h5"], Damage.allCases)
    func volumesAreMended(file: String, kind: Damage) async throws {
        let members = Self.members.merging(["mode": "volumes", "select": "all"]) { $1 }
        _ = try await job.run(members)
        let (clean, before) = (try job.files(), try job.stamps())
        try damage(file, kind)
        #expect(try await job.bad(members) == [file])
        #expect(try await job.repair(members) == [])
        #expect(try job.files() == clean)
        #expect(try job.written(since: before) == [file])
    }

    @Test func repairLeavesWhatWasNeverMade() async throws {
        _ = try await job.run(Self.members)
        try job.remove("state/records/crop_6")
        try job.remove("out/hdf5/crop_6.h5")
        try job.remove("out/crops/crop_6.h5")
        try job.flip("crops/crop_5.h5")
        #expect(try await job.repair(Self.members) == [])
        #expect(!job.exists("out/hdf5/crop_6.h5"))
    }

    @Test func aRecordThatCannotBeReadIsNamed() async throws {
        _ = try await job.run(Self.members)
        let (clean, record) = (try job.files(), "state/records/crop_5/resize.json")
        try Data("{".utf8).write(to: URL(filePath: "\(job.folder)/\(record)"))
        #expect(try await job.bad(Self.members) == ["\(job.folder)/\(record)"])
        #expect(try await job.repair(Self.members) == [])
        #expect(try job.files() == clean)
    }

    /// Verbs that look make no folders; `verify` finds the job also where the source was given by a flag.
    @Test func lookingMakesNoFolders() async throws {
        let manifest = try job.manifest(Self.members)
        #expect(try JobContext.looking(at: manifest, stop: StopSignal(), logger: SmallJob.quiet) == nil)
        let items = try await JobContext.planning(manifest, stop: StopSignal(), logger: SmallJob.quiet) { context in
            try JSONValue(parsing: Array(try await PlanReport(context).text.utf8))["items"]
        }
        #expect(items == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: job.folder) == ["bucket"])
        _ = try await job.run(Self.members)
        try job.flip("hdf5/crop_5.h5")
        #expect(try await job.bad(Self.members.merging(["source": "sample:"]) { $1 }) == ["hdf5/crop_5.h5"])
    }
}
