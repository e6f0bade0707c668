import Foundation
import HDF5
import JSONText
import JobTestSupport
import Ledger
import Scheduling
import Synchronization
import TestSupport
import Testing

@testable import Arrays
@testable import CropFiles
@testable import Job
@testable import Planning

/// What 255 is in stored instance arrays that declare it as unknown. Labels of 2×2×2 voxels of 8 nm, uint16.
@Suite struct UnknownIdentifierTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    /// The lines of a log that tell of ids beyond 255.
    private let lines = Heard { $0.contains("beyond 255") }

    init() throws {
        job = SmallJob()
        try job.rawImage(recon)
    }

    /// - Parameter count: of unknown voxels, as the level's own attributes have it; nil where there are none.
    private func label(
        _ ids: [UInt16], count: JSONValue?, unknown: Int = 255, at key: String = "labels/groundtruth/crop5/mito"
    ) throws {
        let key = "\(recon)/\(key)"
        try job.image(
            key,
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [2, 2, 2], dtype: "<u2",
                    bytes: ids.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
            ], attributes: SmallJob.instances(unknown: unknown))
        guard let count else { return }
        let counts: JSONValue = count == .null ? .null : ["absent": 1, "unknown": count]
        try job.write(["cellmap": ["annotation": ["complement_counts": counts]]], "\(key)/s0/.zattrs")
    }

    private func mito(_ text: String) throws -> JSONValue {
        let entry = try #require(try JSONValue(parsing: try job.text("out/txt/\(text)").utf8)[0])
        return try #require(entry["labels"]?["mito"])
    }

    private static let beyond: [UInt16] = [0, 0, 255, 255, 255, 256, 454, 1]

    @Test func whereNoVoxelIsUnknownItIsAnObject() async throws {
        try label(Self.beyond, count: 0)
        #expect(try await job.run(log: lines.add).failures == [])
        for (file, text) in [("hdf5", "attributes.json"), ("crops", "crops.json")] {
            let found = try await job.dataset("/label_crop/mito", of: "\(file)/crop_5.h5")
            #expect(found.attributes["unknown"] == nil && found.attributes["absent"] == .integer(0))
            let entry = try mito(text)
            #expect(entry["instances"] == 4 && entry["unknown"] == 0 && entry["labelled"] == 6)
            // So do the tools that know nothing of the job.
            let settings = VerbSettings(memory: 1 << 30, voxelSize: nil, stop: StopSignal())
            let stat = try await StatVerb(settings).entries(of: ["\(job.folder)/out/\(file)/crop_5.h5"]).json
            #expect(stat[0]?["labels"]?["mito"]?["instances"] == 4)
            #expect(stat[0]?["labels"]?["mito"]?["unknown"] == 0)
        }
        #expect(lines.all == [])
    }

    /// Often the finest level alone is counted; here the coarser one is taken.
    @Test(arguments: [(0, nil), (2, nil), (nil, nil), (0, 1)] as [(Int?, Int?)])
    func theFinestLevelCountsForTheOthers(finest: Int?, own: Int?) async throws {
        let key = "\(recon)/labels/groundtruth/crop5/mito"
        func level(_ voxel: Double, _ ids: [UInt16]) -> SmallJob.Level {
            let (width, edge) = (ids.count == 8 ? 2 : 4, 4 + voxel / 2)
            return SmallJob.Level(
                voxel: [voxel, voxel, voxel], translation: [edge, edge, edge], shape: [width, width, width],
                dtype: "<u2", bytes: ids.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
        }
        try job.image(
            key, [level(4, [UInt16](repeating: 454, count: 64)), level(8, Self.beyond)],
            attributes: SmallJob.instances())
        for (number, count) in [finest, own].enumerated() {
            guard let count else { continue }
            try job.write(
                ["cellmap": ["annotation": ["complement_counts": ["unknown": .integer(count)]]]],
                "\(key)/s\(number)/.zattrs")
        }
        #expect(try await job.run(log: lines.add).failures == [])
        let found = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        let isObject = finest == 0 && own == nil
        #expect(found.attributes["unknown"] == (isObject ? nil : .integer(255)))
        #expect(try mito("attributes.json")["instances"] == (isObject ? 4 : 3))
        // Where there is no count at all, that is told.
        #expect(lines.all.count == (finest == nil ? 1 : 0))
    }

    /// Twice the voxel size: three of the eight voxels are 255, more than of any other value.
    @Test func asAnObjectItWinsTheVote() async throws {
        try label(Self.beyond, count: 0)
        #expect(try await job.run(["target_nm": 16, "levels": "finest"]).failures == [])
        let found = try await job.dataset("/label_crop/mito", of: "crops/crop_5.h5")
        #expect(found.bytes == [255, 0] && found.attributes["unknown"] == nil)
        #expect(try mito("crops.json")["instances"] == 1)
    }

    @Test(arguments: [nil, .null] as [JSONValue?]) func withoutACountItStaysUnknown(count: JSONValue?) async throws {
        try label(Self.beyond, count: count)
        #expect(try await job.run(log: lines.add).failures == [])
        let entry = try mito("attributes.json")
        #expect(entry["instances"] == 3 && entry["unknown"] == 3)
        #expect(lines.all.count == 1)
        let line = try #require(lines.all.first)
        #expect(line.contains("crop_5") && line.contains("mito") && line.contains("crop5/mito/s0"))
    }

    /// A count above 0; no ids beyond; another value for unknown: nothing is in question.
    @Test(arguments: [(beyond, 3, 255), ([0, 0, 255, 255, 255, 1, 2, 1], 0, 255), (beyond, 0, 454)])
    func elseItIsWhatIsDeclared(ids: [UInt16], count: Int, unknown: Int) async throws {
        try label(ids, count: .integer(count), unknown: unknown)
        #expect(try await job.run(log: lines.add).failures == [])
        let found = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(found.attributes["unknown"] == .integer(Int64(unknown)))
        #expect(try mito("attributes.json")["unknown"] == .integer(ids.count { Int($0) == unknown }))
        #expect(lines.all == [])
    }

    /// Objects of the source that are 255 are other objects, not unknown.
    @Test func inTheSourceOfADerivedClassItIsAbsent() async throws {
        try label(Self.beyond, count: 0, at: "labels/groundtruth/crop5/all")
        #expect(try await job.run(["derive": ["mito": ["from": "all", "ids": [1]]]]).failures == [])
        let found = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(found.bytes == [255, 255, 0, 0, 0, 0, 0, 1])
    }

    @Test func aRegionFollowsTheSameRule() async throws {
        try label(Self.beyond, count: 0, at: "labels/inference/segmentations/mito")
        let region: JSONValue = ["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": [16, 16, 16]]
        #expect(try await job.run(["regions": [region]]).failures == [])
        let found = try await job.dataset("/label_crop/mito", of: "hdf5/region_ds_1.h5")
        #expect(found.attributes["unknown"] == nil && found.attributes["absent"] == .integer(0))
    }

    @Test(arguments: ["gzip", "source"], [0, 3, nil] as [Int?])
    func aVolumeFollowsTheSameRule(compression: String, count: Int?) async throws {
        try label(Self.beyond, count: count.map { .integer($0) })
        let outcome = try await job.run(
            ["mode": "volumes", "convert": ["compression": .string(compression)]], log: lines.add)
        #expect(outcome.failures == [])
        let isObject = count == 0
        let path = "/recon-1/labels/groundtruth/crop5/mito"
        for (file, path) in [("hdf5", "\(path)/s0"), ("crops", path)] {
            let found = try await job.dataset(path, of: "\(file)/ds.h5")
            #expect((found.attributes["unknown"] == nil) == isObject)
        }
        let entry = try #require(try JSONValue(parsing: try job.text("out/txt/crops.json").utf8)[0])
        #expect(entry["labels"]?["\(path.dropFirst())"]?["instances"] == (isObject ? 4 : 3))
        #expect(lines.all.count == (count == nil ? 1 : 0))
    }

    /// The store corrects a count: only the item concerned is made anew.
    @Test func aCorrectedCountMakesTheItemAnew() async throws {
        try label(Self.beyond, count: 3)
        try label(Self.beyond, count: 3, at: "labels/groundtruth/crop6/mito")
        #expect(try await job.run().failures == [])
        let before = try job.stamps()
        try label(Self.beyond, count: 0)
        #expect(try await job.run(refresh: true).failures == [])
        #expect(try mito("attributes.json")["unknown"] == 0)
        let written = try job.written(since: before).filter { !$0.hasPrefix("txt/") }
        #expect(written == ["crops/crop_5.h5", "hdf5/crop_5.h5"])
    }

    /// Where no voxel is 255, what is declared stays: it is nobody's id.
    @Test func withoutAVoxelOf255NothingIsInQuestion() async throws {
        try label([0, 0, 1, 2, 300, 454, 0, 0], count: 0)
        _ = try await job.run()
        let found = try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5")
        #expect(found.attributes["unknown"] == .integer(255))
    }

    // MARK: Earlier versions

    /// Gives a finished state the records of before 255 could be an object.
    private func age(_ members: [String: JSONValue]) async throws {
        let context = try job.context(members)
        for item in try await Discover(context).run().plans.flatMap(\.items) {
            let plan = try PlanFile.item(item, in: context.state.folder)
            func record(_ stage: String) throws -> Record {
                try #require(try context.state.records.record(item: item.name, stage: stage))
            }
            func write(_ old: Record, _ stage: String, _ fingerprint: Fingerprint) throws {
                try context.state.records.write(
                    Record(
                        item: item.name, stage: stage, fingerprint: fingerprint, outputs: old.outputs,
                        result: old.result))
            }
            let (download, convert) = (try record("download"), try record("convert"))
            if plan.kind == .volume {
                let stage = ItemFingerprints(plan, context)
                #expect(download.fingerprint == stage.volumeLog())
                try write(download, "download", stage.volumeLog(knowsUnknown: false))
            }
            let stage = ItemFingerprints(plan, context)
            #expect(try convert.fingerprint == stage.convert(download: download))
            try write(convert, "convert", try stage.convert(download: download, knowsUnknown: false))
        }
        try? FileManager.default.removeItem(atPath: "\(job.folder)/state/done")
    }

    @Test func onlyWhatHolds255IsMadeAgain() async throws {
        try label(Self.beyond, count: 0)
        try label([0, 0, 1, 2, 300, 454, 0, 0], count: 0, at: "labels/groundtruth/crop6/mito")
        try label(Self.beyond, count: 3, at: "labels/groundtruth/crop7/mito")
        #expect(try await job.run().done == 3)
        let files = try job.files()
        // As the statistics of before had it.
        let records = try job.context().state.records
        let stat = try #require(try records.record(item: "crop_5", stage: "stat"))
        let text = stat.result.canonicalText.replacing("\"unknown\":0", with: "\"unknown\":3")
        try records.write(
            Record(
                item: "crop_5", stage: "stat", fingerprint: stat.fingerprint, outputs: [],
                result: try JSONValue(parsing: text.utf8)))
        try await age([:])
        let stamps = try job.stamps()
        let outcome = try await job.run()
        #expect(outcome.alreadyDone == 2 && outcome.done == 1)
        #expect(try job.written(since: stamps).allSatisfy { $0.contains("crop_5") || $0.hasPrefix("txt/") })
        #expect(try job.files().filter { !$0.key.hasPrefix("txt/") } == files.filter { !$0.key.hasPrefix("txt/") })
    }

    @Test(arguments: [false, true]) func aVolumeIsMadeAgainForItsMasks(isDerived: Bool) async throws {
        try label([0, 0, 1, 2, 300, 454, 0, 0], count: 0, at: "labels/groundtruth/crop5/\(isDerived ? "all" : "mito")")
        let members: [String: JSONValue] = [
            "mode": "volumes", "derive": ["mito": ["from": "all", "ids": [1]]],
        ]
        #expect(try await job.run(members).done == 1)
        try await age(members)
        let outcome = try await job.run(members)
        #expect(outcome.alreadyDone == (isDerived ? 0 : 1) && outcome.done == (isDerived ? 1 : 0))
    }
}
