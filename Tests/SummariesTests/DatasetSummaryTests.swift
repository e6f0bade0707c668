import Elements
import Foundation
import HDF5
import JSONText
import JobTestSupport
import Ledger
import Stores
import TestSupport
import Testing

@testable import Arrays
@testable import CropFiles
@testable import Job
@testable import Scheduling

/// What the texts of a job say that a training needs to normalise, against the voxels of its files.
@Suite struct DatasetSummaryTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    /// Two crops of 16-bit raw data, the second of which reaches beyond them, and one of another dataset.
    init() throws {
        job = SmallJob()
        let values = (0..<1000).map { (number: Int) -> UInt16 in
            UInt16(number * 7919 % 5000) + (number % 3 == 0 ? 0 : 900)
        }
        try job.image(
            "\(recon)/em/fibsem-uint16",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [10, 10, 10], dtype: "<u2", fill: 60_000,
                    bytes: values.flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) })
            ])
        try job.image(
            "other/other.zarr/recon-1/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: (0..<64).map { UInt8(3 * $0) })
            ])
        try label(recon, 5, at: [8, 16, 8], [4, 3, 5])
        try label(recon, 6, at: [48, 40, 16], [6, 4, 5])
        try label("other/other.zarr/recon-1", 7, at: [0, 0, 0], [4, 4, 4])
    }

    private func label(_ recon: String, _ crop: Int, at translation: [Double], _ shape: [Int]) throws {
        let bytes = (0..<shape.reduce(1, *)).map { $0 % 5 == 0 ? 255 : UInt8($0 % 4) }
        try job.image(
            "\(recon)/labels/groundtruth/crop\(crop)/mito",
            [SmallJob.Level(voxel: [8, 8, 8], translation: translation, shape: shape, bytes: bytes)],
            attributes: SmallJob.instances())
    }

    private func json(_ file: String) throws -> JSONValue {
        try JSONValue(parsing: try job.text("out/txt/\(file)").utf8)
    }

    /// The raw voxels of a file that are real.
    private func raw(_ file: String) async throws -> [Double] {
        let (bytes, shape, attributes) = try await job.dataset("/raw_crop", of: file)
        let width = bytes.count / shape.reduce(1, *)
        func corner(_ name: String, or other: [Int]) -> [Int] {
            guard case .integers(let numbers)? = attributes[name] else { return other }
            return numbers.map { Int($0) }
        }
        let (start, stop) = (corner("covered_start", or: [0, 0, 0]), corner("covered_stop", or: shape))
        var values: [Double] = []
        for z in start[0]..<stop[0] {
            for y in start[1]..<stop[1] {
                for x in start[2]..<stop[2] {
                    let place = width * ((z * shape[1] + y) * shape[2] + x)
                    values.append(bytes[place..<place + width].reversed().reduce(0.0) { $0 * 256 + Double($1) })
                }
            }
        }
        return values
    }

    private func check(_ raw: JSONValue?, _ values: [Double]) throws {
        let raw = try #require(raw)
        let sorted = values.sorted()
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        #expect(raw["min"]?.double == sorted.first && raw["max"]?.double == sorted.last)
        #expect(abs((raw["mean"]?.double ?? 0) - mean) < 1e-9)
        #expect(abs((raw["std"]?.double ?? 0) - (squares / Double(values.count)).squareRoot()) < 1e-9)
        let place = 0.25 * Double(values.count - 1)
        let (low, high) = (sorted[Int(place)], sorted[Int(place) + 1])
        #expect(
            abs((raw["percentiles"]?["25"]?.double ?? 0) - (low + (high - low) * (place - Double(Int(place))))) < 1e-9)
        let counts = (raw["histogram"]?["counts"]?.array ?? []).compactMap(\.integer)
        #expect(counts.count == 256 && counts.reduce(0, +) == values.count)
        #expect(raw["value_counts"] == nil)
    }

    private func run() async throws {
        let outcome = try await job.run(["datasets": ["ds", "other"]])
        #expect(outcome.exitCode == 0, "\(outcome.failures)")
    }

    @Test func textsSayWhatIsInTheFiles() async throws {
        try await run()
        for (text, folder) in [("attributes.json", "hdf5"), ("crops.json", "crops")] {
            let entries = try #require(try json(text).array)
            #expect(entries.count == 3)
            for entry in entries {
                let values = try await raw("\(folder)/\(entry["name"]?.string ?? "")")
                try check(entry["raw"], values)
                #expect(entry["statistics"] == nil && entry["raw"]?["chunks"] == 1)
                let label = entry["labels"]?["mito"]
                let (voxels, unknown) = (label?["voxels"]?.integer ?? 0, label?["unknown"]?.integer ?? 0)
                #expect(voxels > 0 && unknown > 0)
                #expect(label?["annotated_fraction"]?.double == Double(voxels - unknown) / Double(voxels))
                #expect(label?["evidence"] == "stored" && label?["label_quality"] != nil)
            }
        }
        // The fill value counts nowhere.
        #expect(try await raw("hdf5/crop_6.h5").count == 4 * 4 * 5)
        #expect(try json("attributes.json")[1]?["raw"]?["max"]?.integer ?? 60_000 < 6000)
    }

    @Test func datasetsAreTheirCropsTogether() async throws {
        try await run()
        let all = try #require(try json("datasets.json").array)
        #expect(all.map { $0["name"] } == ["ds", "other"])
        #expect(all.map { $0["crops"] } == [2, 1])
        try check(all[0]["raw"], try await raw("crops/crop_5.h5") + raw("crops/crop_6.h5"))
        try check(all[1]["raw"], try await raw("crops/crop_7.h5"))
        #expect(all[0]["raw"]?["dtype"] == "uint16" && all[0]["raw"]?["chunks"] == 2)
        let crops = try #require(try json("crops.json").array).filter { $0["dataset"] == "ds" }
        let label = try #require(all[0]["labels"]?["mito"])
        for key in ["voxels", "labelled", "absent", "unknown", "instances"] {
            #expect(label[key]?.integer == crops.reduce(0) { $0 + ($1["labels"]?["mito"]?[key]?.integer ?? 0) })
        }
        #expect(label["crops"] == 2 && label["voxels"]?.integer ?? 0 > 100)
        let (voxels, unknown) = (label["voxels"]?.integer ?? 0, label["unknown"]?.integer ?? 0)
        #expect(label["annotated_fraction"]?.double == Double(voxels - unknown) / Double(voxels))
        // A dataset that is not in the job any more has no entry.
        _ = try await job.run(["datasets": ["other"]])
        #expect(try json("datasets.json").array?.map { $0["name"] } == ["other"])
    }

    @Test func volumesAreInIt() async throws {
        #expect(try await job.run(["mode": "volumes"]).exitCode == 0)
        let all = try #require(try json("datasets.json").array)
        #expect(all.map { $0["raw"]?["dtype"] } == ["uint16", "uint8"])
        #expect(all[1]["raw"]?["percentiles"]?["50"]?.double == 94.5)
        let raw = try #require(try json("attributes.json")[0]?["raw"]?.object?.first?.value)
        #expect(raw["std"]?.double ?? 0 > 0 && raw["value_counts"] == nil)
    }

    /// `cristae stat` prints the same numbers.
    @Test func statSaysTheSame() async throws {
        try await run()
        let settings = VerbSettings(memory: 256 << 20, voxelSize: nil, stop: StopSignal())
        let found = try await StatVerb(settings).entries(of: ["\(job.folder)/out/crops/crop_6.h5"])
        #expect(found.failures == [])
        // As it is printed: a whole number is no other one than the same with a point.
        let stat = try #require(try JSONValue(parsing: found.json.canonicalText.utf8)[0])
        let crop = try #require(try json("crops.json")[1])
        for key in ["min", "max", "mean", "std", "percentiles", "histogram", "constant_fraction", "dtype"] {
            #expect(stat["raw"]?[key] != nil && stat["raw"]?[key] == crop["raw"]?[key], "\(key)")
        }
        #expect(stat["raw"]?["value_counts"] == nil)
        for key in ["evidence", "label_quality", "annotated_fraction"] {
            #expect(
                stat["labels"]?["mito"]?[key] != nil && stat["labels"]?["mito"]?[key] == crop["labels"]?["mito"]?[key])
        }
    }

    // MARK: States of earlier versions

    /// Makes the records of statistics those of the version before there were percentiles. Blocks.
    private func makeOld(_ items: [String]) throws {
        let context = try job.context(["datasets": ["ds", "other"]])
        func old(_ entry: JSONValue) -> JSONValue {
            guard var members = entry.object, var raw = members["raw"]?.object else { return entry }
            for key in ["std", "percentiles", "histogram", "constant_fraction", "value_counts"] { raw[key] = nil }
            members["statistics"] = nil
            members["raw"] = .object(raw)
            return .object(members)
        }
        for item in items {
            let convert = try #require(try context.state.records.record(item: item, stage: "convert"))
            for stage in ["stat", "resize"] {
                let record = try #require(try context.state.records.record(item: item, stage: stage))
                let files = JSONValue.array(convert.outputs.map { .string($0.digest.sha256) })
                // Of crops that reach beyond their raw data, a rule is in the fingerprint.
                let rules: [String: JSONValue] = item == "crop_6" ? ["covered": 1] : [:]
                let fingerprint =
                    stage == "stat"
                    ? StageSettings(version: 1, members: [:]).fingerprint(of: rules.merging(["files": files]) { $1 })
                    : record.fingerprint
                try context.state.records.write(
                    Record(
                        item: item, stage: stage, fingerprint: fingerprint, outputs: record.outputs,
                        result: old(record.result)))
            }
        }
        try FileManager.default.removeItem(atPath: "\(job.folder)/state/done")
        try job.remove("state/rules.json")
        // The texts of that version, and its note of them.
        for text in ["datasets", "left_out", "provenance"] { try job.remove("out/txt/\(text).json") }
        let path = "\(job.folder)/state/summaries.json"
        var stamp = try #require(try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: path))).object)
        let files = stamp.removeValue(forKey: "files")
        let digests = ["attributes", "crops", "data"].compactMap { files?["txt/\($0).json"] }
        stamp["digests"] = .array(digests)
        stamp["sizes"] = .array(digests.compactMap { $0["size"] })
        try Data(JSONValue.object(stamp).prettyText.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test func filesOfEarlierVersionsAreMeasuredAgainAndNotMadeAgain() async throws {
        try await run()
        let before = try job.files()
        let items = ["crop_5", "crop_6", "crop_7"]
        try makeOld(items)
        // Before a run, nothing is bad, and nothing belongs to another job.
        let members: [String: JSONValue] = ["datasets": ["ds", "other"]]
        #expect(try await job.bad(members) == [])
        #expect(try await job.pruned(members) == [])
        let stamps = try job.stamps().filter { $0.key.hasSuffix(".h5") }
        // Neither objects nor packs are there any more: nothing can be fetched.
        try FileManager.default.moveItem(atPath: "\(job.folder)/bucket", toPath: "\(job.folder)/gone")
        try FileManager.default.createDirectory(atPath: "\(job.folder)/bucket", withIntermediateDirectories: true)
        let heard = Heard()
        let context = try job.context(members, log: heard.add)
        let outcome = try await Runner(context).run()
        #expect(outcome.exitCode == 0 && outcome.done == 3, "\(outcome.failures)")
        #expect(context.counter.snapshot.requests == 0)
        #expect(heard.all.filter { $0.contains("of 3 items") && $0.contains("3 are measured") }.count == 1)
        #expect(try job.files() == before)
        #expect(try job.stamps().filter { $0.key.hasSuffix(".h5") } == stamps)
        #expect(try await job.run(members).alreadyDone == 3)
    }

    /// A file that is not what its record says is made again, not measured.
    @Test func aDamagedFileIsMadeAgain() async throws {
        try await run()
        let before = try job.files()
        try makeOld(["crop_5"])
        try job.flip("crops/crop_5.h5")
        try await run()
        #expect(try job.files() == before)
    }
}
