import Arrays
import Foundation
import JSONText
import JobTestSupport
import Scheduling
import TestSupport
import Testing

@testable import Manifest

/// Names are bytes: whatever Swift takes for the same text, or for a character.
@Suite struct NameTests {
    private let job: SmallJob

    init() throws { job = SmallJob() }

    /// A dataset with one raw image of 4×4×4 voxels, all `value`, and a crop for each name.
    private func dataset(_ name: String, _ value: UInt8, crops: [String] = ["crop5"], classes: [String] = ["mito"])
        throws
    {
        let recon = "\(name)/\(name.count > 100 ? "x" : name).zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4],
                    bytes: Array(repeating: value, count: 64))
            ])
        for (number, crop) in crops.enumerated() {
            for label in classes {
                try job.image(
                    "\(recon)/labels/groundtruth/\(crop)/\(label)",
                    [
                        SmallJob.Level(
                            voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2],
                            bytes: Array(repeating: UInt8(number + 1), count: 8))
                    ])
            }
        }
    }

    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/out/\(folder)").sorted()
    }

    /// The same word, its accent written in two ways.
    private let twins = ["caf\u{E9}", "cafe\u{301}"]

    @Test func datasetsThatDifferOnlyInBytesAreTwo() async throws {
        for (number, name) in twins.enumerated() { try dataset(name, UInt8(number + 10)) }
        let heard = Heard()
        let outcome = try await job.run(log: heard.add)
        #expect(outcome.failures == [])
        #expect(outcome.items == 2 && outcome.done == 2)
        var values: Set<UInt8> = []
        for file in try files("hdf5") { values.formUnion(try await job.dataset("/raw_crop", of: "hdf5/\(file)").bytes) }
        #expect(values == [10, 11])
        #expect(heard.all.contains { $0.contains("differ only in case or in how accents are written") })
        #expect(try await job.run().alreadyDone == 2)
    }

    /// A name that begins with a mark joins the blank before it, for who counts characters.
    @Test func aDatasetMayBeginWithACombiningMark() async throws {
        try dataset("\u{301}xy", 10)
        let outcome = try await job.run()
        #expect(outcome.failures == [] && outcome.done == 1)
    }

    /// It cannot be had, but it is not left out in silence.
    @Test func aNameWithAControlCharacterIsTold() async throws {
        try dataset("ds", 10)
        try dataset("a\nb", 11)
        for _ in 0..<2 {
            let heard = Heard()
            let outcome = try await job.run(log: heard.add)
            #expect(outcome.failures == [] && outcome.items == 1)
            #expect(heard.all.contains { $0.contains(#""a\nb""#) && $0.contains("left out") })
        }
    }

    @Test func volumesOfSuchDatasetsAreTwo() async throws {
        for (number, name) in twins.enumerated() { try dataset(name, UInt8(number + 10)) }
        let outcome = try await job.run(["mode": "volumes"])
        #expect(outcome.failures == [] && outcome.done == 2)
        #expect(try files("hdf5").count == 2)
    }

    @Test func aClassIsTheOneWithItsBytes() async throws {
        try dataset("ds", 1, classes: [twins[1]])
        #expect(try await job.run(["classes": [.string(twins[0])]]).leftOut == 1)
        #expect(try await job.run(["classes": [.string(twins[1])]]).items == 1)
    }

    /// In the text outputs one of the two would be lost.
    @Test func twoSuchClassesInACropAreRefused() async throws {
        try dataset("ds", 1, classes: twins)
        let outcome = try await job.run(["classes": ["*"]])
        #expect(outcome.failures.count == 1)
        #expect(outcome.failures.first?.reason.contains("differ only in how accents are written") == true)
    }

    @Test(arguments: [230, 255])
    func aNameThatIsTooLongFailsItsDatasetAlone(count: Int) async throws {
        try dataset(String(repeating: "n", count: count), 1)
        try dataset("ds", 2)
        let outcome = try await job.run()
        #expect(outcome.done == 1)
        #expect(outcome.failures.count == 1)
        #expect(outcome.failures.first?.reason.contains("\(count) bytes") == true)
    }

    @Test(arguments: ["/\u{301}x", "a/\u{301}x", "..\u{2F}\u{301}"])
    func aSlashThatIsPartOfACharacterIsRefused(name: String) async throws {
        await #expect(throws: ManifestError.self) { try await job.run(["datasets": [.string(name)]]) }
    }

    /// Two datasets have a crop 5, and one of them has it three times over: each is an item with a file of its own.
    @Test func cropsOfTheSameIdAreItemsOfTheirOwn() async throws {
        try dataset("a", 10)
        try dataset("b", 11, crops: ["crop5", "crop_5", "crop05"])
        let outcome = try await job.run()
        #expect(outcome.failures == [])
        #expect(outcome.items == 4 && outcome.done == 4)
        let files = try files("hdf5")
        #expect(files.count == 4 && files.contains("crop_5.h5"))
        var found: [[UInt8]] = []
        for file in files {
            let raw = try await job.dataset("/raw_crop", of: "hdf5/\(file)").bytes
            let mito = try await job.dataset("/label_crop/mito", of: "hdf5/\(file)").bytes
            found.append([raw[0], mito[0]])
        }
        #expect(Set(found) == [[10, 1], [11, 1], [11, 2], [11, 3]])
        #expect(try files.count == self.files("crops").count)
        #expect(try await job.run().alreadyDone == 4)
    }
}
