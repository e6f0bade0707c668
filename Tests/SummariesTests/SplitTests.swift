import Foundation
import JSONText
import JobTestSupport
import Ledger
import Scheduling
import Synchronization
import Testing

@testable import Manifest
@testable import Planning
@testable import Summaries

/// Crops that overlap: what `crops.json` and `split.csv` say of them.
@Suite struct SplitTests {
    private let job: SmallJob

    init() throws {
        job = SmallJob()
        try raw("ds")
        // 5 and 7 overlap by half, 7 and 9 are one box, 6 is alone; 3 lies with 6, and is too coarse.
        try crop(5, at: 0)
        try crop(7, at: 8)
        try crop(9, at: 8)
        try crop(6, at: 40)
        try crop(3, at: 40, voxel: 32)
    }

    private func raw(_ dataset: String, recon: String = "recon-1") throws {
        try job.image(
            "\(dataset)/\(dataset).zarr/\(recon)/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [16, 16, 16],
                    bytes: [UInt8](repeating: 7, count: 4096))
            ])
    }

    /// 16 nm along each axis, or one voxel of 32 nm.
    private func crop(
        _ id: Int, at z: Double, voxel: Double = 8, _ dataset: String = "ds", recon: String = "recon-1",
        classes: [String] = ["mito"]
    ) throws {
        let count = voxel == 8 ? 2 : 1
        for name in classes {
            try job.image(
                "\(dataset)/\(dataset).zarr/\(recon)/labels/groundtruth/crop\(id)/\(name)",
                [
                    SmallJob.Level(
                        voxel: [voxel, voxel, voxel],
                        translation: [z + (voxel - 8) / 2, (voxel - 8) / 2, (voxel - 8) / 2],
                        shape: [count, count, count], bytes: [UInt8](repeating: 1, count: count * count * count))
                ], attributes: SmallJob.instances())
        }
    }

    private func entries() throws -> [String: JSONValue] {
        let value = try JSONValue(parsing: Array(try job.text("out/txt/crops.json").utf8))
        return Dictionary(uniqueKeysWithValues: (value.array ?? []).map { ($0["name"]?.string ?? "", $0) })
    }

    private func group(_ name: String) throws -> Int? { try entries()["\(name).h5"]?["group"]?.integer }

    @Test func groupsCountWhatIsLeftOutAndWhatIsNotAskedFor() async throws {
        let outcome = try await job.run(["only": ["crop_7", "crop_6"]])
        #expect(outcome.failures == [] && outcome.done == 2)
        let entries = try entries()
        #expect(entries.keys.sorted() == ["crop_6.h5", "crop_7.h5"])
        let seven = try #require(entries["crop_7.h5"])
        #expect(seven["group"] == 5 && seven["duplicate_of"] == .null && seven["not_annotated"] == [])
        #expect(
            seven["overlaps_with"] == [["crop_id": 5, "fraction": 0.5], ["crop_id": 9, "fraction": 1]])
        #expect(entries["crop_6.h5"]?["group"] == 3)
        #expect(seven["split"] == nil && !job.exists("out/txt/split.csv"))
        // In the files nothing depends on other crops.
        let alone = try job.files()["crops/crop_7.h5"]
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/ds/ds.zarr/recon-1/labels/groundtruth/crop5")
        #expect(try await job.cleanFiles(["only": ["crop_7"]])["crops/crop_7.h5"] == alone)
    }

    @Test func aSplitKeepsGroupsTogether() async throws {
        for seed in 0..<12 {
            let members: [String: JSONValue] = ["split": ["validation": 0.4, "test": 0.2, "seed": .integer(seed)]]
            let outcome = try await job.run(members)
            let entries = try entries()
            for (name, entry) in entries {
                let side = TrainingSide(
                    dataset: "ds", group: try #require(entry["group"]?.integer),
                    split: Manifest.Split(validation: 0.4, test: 0.2, seed: seed))
                #expect(entry["split"]?.string == side.rawValue, "\(name)")
            }
            #expect(Set(["crop_5.h5", "crop_7.h5", "crop_9.h5"].map { entries[$0]?["split"] }).count == 1)
            let count = try #require(outcome.split)
            #expect(count.sides.map(\.name) == ["train", "validation", "test"])
            for side in count.sides {
                let crops = entries.values.count { $0["split"]?.string == side.name }
                #expect(side.crops == crops && side.voxels == 8 * crops)
            }
            let lines = try job.text("out/txt/split.csv").split(separator: "\n").map(String.init)
            #expect(lines.first == "name,dataset,crop_id,group,split")
            #expect(
                lines.dropFirst()
                    == [5, 6, 7, 9].map { id in
                        let entry = entries["crop_\(id).h5"]
                        return
                            "crop_\(id).h5,ds,\(id),\(entry?["group"]?.integer ?? -1),\(entry?["split"]?.string ?? "")"
                    }[...])
        }
    }

    /// With the key the texts change, and only they; without it they are as they were.
    @Test func theTableComesAndGoesWithTheKey() async throws {
        _ = try await job.run()
        let (before, stamps) = (try job.files(), try job.stamps())
        let members: [String: JSONValue] = ["split": ["validation": 1]]
        let heard = Mutex<[String]>([])
        let outcome = try await job.run(members, log: { line in heard.withLock { $0.append(line) } })
        #expect(outcome.alreadyDone == 4 && outcome.done == 0)
        #expect(
            try job.written(since: stamps) == ["txt/crops.json", "txt/provenance.json", "txt/split.csv"])
        #expect(outcome.split?.text == "split: train empty, validation 4 crops with 32 voxels, test empty")
        #expect(heard.withLock { $0.filter { $0.contains("split:") } }.count == 1)
        #expect(try await job.bad(members) == [])
        #expect(try await job.noted(members) == [])
        // The end line tells of it when nothing was to be done, too.
        let after = try job.stamps()
        #expect(try await job.run(members).split == outcome.split)
        #expect(try job.written(since: after) == [])
        try job.remove("out/txt/split.csv")
        #expect(try await job.bad(members) == ["txt/split.csv"])
        _ = try await job.run(members)
        #expect(try job.stamps().keys.contains("txt/split.csv"))
        #expect(try await job.bad() == [])
        #expect(try await job.run().split == nil)
        #expect(try job.files() == before)
    }

    /// The names of items are made unique across datasets and alignments; their groups are found all the same.
    @Test func equalNamesHaveGroupsOfTheirOwn() async throws {
        try raw("two")
        try raw("two", recon: "recon-2")
        try crop(5, at: 0, "two")
        try crop(4, at: 8, "two", recon: "recon-2")
        try crop(5, at: 8, "two", recon: "recon-2")
        let outcome = try await job.run()
        #expect(outcome.failures == [] && outcome.done == 7)
        #expect(try group("crop_5") == 5 && group("crop_7") == 5)
        #expect(try group("crop_5_two_recon-1") == 5 && group("crop_5_two_recon-2") == 4)
    }

    @Test func regionsHaveNoGroup() async throws {
        let region: JSONValue = ["dataset": "ds", "offset_nm": [0, 0, 0], "shape_nm": [16, 16, 16]]
        _ = try await job.run(["regions": [region], "split": [:]])
        let entry = try #require(try entries()["region_ds_1.h5"])
        #expect(entry["group"] == .null && entry["split"] == .null && entry["duplicate_of"] == .null)
        #expect(try !job.text("out/txt/split.csv").contains("region"))
    }

    @Test func classesThatNobodyHasAnnotatedAreNamed() async throws {
        try crop(11, at: 64, classes: ["mito", "all"])
        _ = try await job.run(["classes": ["mito", "nuc"], "derive": ["nuc": ["from": "all", "ids": [37]]]])
        #expect(try entries()["crop_11.h5"]?["not_annotated"] == ["nuc"])
    }

    /// A class that a crop has no group of is not annotated in it, either.
    @Test func classesWithoutAGroupAreNamed() async throws {
        try crop(11, at: 64, classes: ["mito", "er"])
        _ = try await job.run(["classes": ["mito", "er"]])
        let entries = try entries()
        #expect(entries["crop_11.h5"]?["not_annotated"] == [])
        #expect(entries["crop_7.h5"]?["not_annotated"] == ["er"])
    }

    /// A crop reaches as far as the largest of its labels: so far it holds raw data.
    @Test func aCropOverlapsWithAllOfItsLabels() async throws {
        try crop(11, at: 80)
        let larger = SmallJob.Level(
            voxel: [8, 8, 8], translation: [80, 0, 0], shape: [4, 4, 4], bytes: [UInt8](repeating: 1, count: 64))
        try job.image("ds/ds.zarr/recon-1/labels/groundtruth/crop11/nuc", [larger], attributes: SmallJob.instances())
        try crop(12, at: 96)
        _ = try await job.run(["classes": ["mito", "nuc"]])
        let entries = try entries()
        #expect(entries["crop_12.h5"]?["group"] == 11 && entries["crop_11.h5"]?["group"] == 11)
        #expect(entries["crop_11.h5"]?["overlaps_with"] == [["crop_id": 12, "fraction": 0.125]])
        #expect(entries["crop_12.h5"]?["overlaps_with"] == [["crop_id": 11, "fraction": 1]])
    }

    /// A plan of a version that did not note where crops lie is made again from the answers that were kept.
    @Test func aPlanWithoutPlacesIsMadeAgainWithoutARequest() async throws {
        _ = try await job.run()
        let before = try job.files()
        let path = "plans/ds.plan"
        let state = try ConfinedFolder(creating: "\(job.folder)/state")
        let text = try #require(try state.read(path))
        // The header is JSON with one object for the places.
        let words = String(decoding: text.prefix(64), as: UTF8.self).split(separator: " ")
        let (head, index) = (try #require(Int(words[3])), try #require(Int(words[4])))
        var header = try #require(try JSONValue(parsing: Array(text[64..<(64 + head)])).object)
        #expect(header.removeValue(forKey: "places") != nil)
        let plain = Array(JSONValue.object(header).canonicalText.utf8)
        var start = Array("cristae plan 2 \(plain.count) \(index)".utf8)
        start += [UInt8](repeating: 0x20, count: 63 - start.count) + [0x0A]
        try state.write(start + plain + text[(64 + head)...], to: path)
        let old = try #require(try PlanFile(of: "ds", in: state))
        #expect(old.placesText == nil && old.items.count == 4)
        // Without the bucket there is nothing to ask.
        try FileManager.default.moveItem(atPath: "\(job.folder)/bucket/ds/ds.zarr", toPath: "\(job.folder)/away")
        try FileManager.default.createDirectory(
            atPath: "\(job.folder)/bucket/ds/ds.zarr", withIntermediateDirectories: true)
        let outcome = try await job.run()
        #expect(outcome.failures == [] && outcome.alreadyDone == 4)
        #expect(try PlanFile(of: "ds", in: state)?.places().count == 5)
        #expect(try job.files() == before)
    }

    @Test func aDamagedPlaceIsNotBelieved() async throws {
        _ = try await job.run()
        let state = try ConfinedFolder(creating: "\(job.folder)/state")
        var text = try #require(try state.read("plans/ds.plan"))
        text[text.count - 3] ^= 1
        try state.write(text, to: "plans/ds.plan")
        #expect(try PlanFile(of: "ds", in: state) == nil)
        #expect(try await job.run().alreadyDone == 4)
        #expect(try group("crop_7") == 5)
    }
}
