import Foundation
import JSONText
import JobTestSupport
import Scheduling
import Stores
import TestSupport
import Testing

@testable import Arrays
@testable import Conversion

/// Raw data of which nothing is stored, or which lie elsewhere than their metadata say.
@Suite struct RawCoverageTests {
    private let job: SmallJob
    private let raw = "ds/ds.zarr/recon-1/em/fibsem-uint8"
    private let mito = "ds/ds.zarr/recon-1/labels/groundtruth/crop5/mito"
    private let ramp = (0..<64).map { UInt8($0) }
    /// Raw values of the 2×2×2 voxels at [1, 1, 1].
    private let inner: [UInt8] = [21, 22, 25, 26, 37, 38, 41, 42]

    init() throws { job = SmallJob() }

    private func write(raw bytes: [UInt8]?) throws {
        try job.image(
            raw, [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: bytes)])
        try job.image(
            mito,
            [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: Array(1...8))])
    }

    /// Takes the separator out of an array's metadata; `isFlat` moves its chunk to where it then belongs.
    private func withoutSeparator(_ key: String, isFlat: Bool) throws {
        let folder = "\(job.folder)/bucket/\(key)/s0"
        var metadata = try #require(
            try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/.zarray")))).object)
        metadata["dimension_separator"] = nil
        try job.write(.object(metadata), "\(key)/s0/.zarray")
        guard isFlat else { return }
        try FileManager.default.moveItem(atPath: "\(folder)/0/0/0", toPath: "\(folder)/0.0.0")
        try FileManager.default.removeItem(atPath: "\(folder)/0")
    }

    private func entry(_ file: String) throws -> JSONValue {
        try #require(try JSONValue(parsing: try job.text("out/txt/\(file)").utf8)[0])
    }

    @Test(arguments: [true, false])
    func theNumberOfStoredChunksIsSaid(isStored: Bool) async throws {
        try write(raw: isStored ? ramp : nil)
        let heard = Heard()
        let outcome = try await job.run(log: heard.add)
        #expect(outcome.failures == [])
        let warnings = heard.all.filter { $0.hasPrefix("warning") && $0.contains("is stored") }
        #expect(warnings.count == (isStored ? 0 : 1))
        if !isStored {
            #expect(warnings.first?.contains("crop_5: none of the 1 chunks of its raw data is stored") == true)
            #expect(warnings.first?.contains("\(raw)/s0") == true)
        }
        for file in ["attributes.json", "crops.json"] {
            let entry = try entry(file)
            #expect(entry["raw"]?["chunks"] == 1)
            #expect(entry["raw"]?["stored_chunks"] == .integer(isStored ? 1 : 0))
        }
    }

    /// Chunks that lie at 0/0/0 while nothing says so are found, and those at 0.0.0, where they belong, too.
    @Test(arguments: [true, false])
    func chunksAreFoundWhereTheyLie(isFlat: Bool) async throws {
        try write(raw: ramp)
        try withoutSeparator(raw, isFlat: isFlat)
        try withoutSeparator(mito, isFlat: isFlat)
        let heard = Heard()
        let outcome = try await job.run(["convert": ["keep_packs": true]], log: heard.add)
        #expect(outcome.failures == [])
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5").bytes == inner)
        #expect(try await job.dataset("/label_crop/mito", of: "hdf5/crop_5.h5").bytes == Array(1...8))
        #expect(heard.all.count { $0.contains("dimension_separator") } == (isFlat ? 0 : 2))
        // Whoever opens the pack as a Zarr store finds them, too.
        let pack = try #require(
            try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/state/packs")
                .first { $0.hasSuffix(".zip") })
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(job.folder)/state/packs/\(pack)"))
        #expect((bytes.range(of: Data("dimension_separator".utf8)) != nil) == !isFlat)
        #expect(try await job.run(["convert": ["keep_packs": true]]).alreadyDone == 1)
    }

    @Test func volumesToo() async throws {
        try write(raw: ramp)
        try withoutSeparator(raw, isFlat: false)
        #expect(try await job.run(["mode": "volumes"]).failures == [])
        #expect(try await job.dataset("/recon-1/em/fibsem-uint8/s0", of: "hdf5/ds.h5").bytes == ramp)
    }

    @Test(arguments: [true, false])
    func convertToo(isFlat: Bool) async throws {
        try write(raw: ramp)
        try withoutSeparator(raw, isFlat: isFlat)
        let heard = Heard()
        _ = try await StoreConversion(
            source: StoreConversion.url(of: "\(job.folder)/bucket/\(raw)/s0"), storeOptions: StoreOptions(),
            options: ConversionOptions(output: "\(job.folder)/out/x.h5", stop: StopSignal(), warn: heard.add)
        ).run()
        #expect(try await job.dataset("/s0", of: "x.h5").bytes == ramp)
        #expect(heard.all.count == (isFlat ? 0 : 1))
    }
}
