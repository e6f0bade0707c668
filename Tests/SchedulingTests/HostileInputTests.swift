import Arrays
import Elements
import Foundation
import JSONText
import JobTestSupport
import Ledger
import TestSupport
import Testing

@testable import Conversion
@testable import Job
@testable import Manifest
@testable import Scheduling

/// Numbers, files and paths that nobody sane would give.
@Suite struct HostileInputTests {
    private func image(
        _ job: SmallJob, _ key: String, shape: [Int], chunks: [Int]? = nil, at start: Double = 0, voxel: Double = 8,
        bytes: [UInt8]? = nil
    ) throws {
        try job.image(
            key,
            [
                SmallJob.Level(
                    voxel: [voxel, voxel, voxel], translation: [start, start, start], shape: shape, bytes: bytes)
            ])
        guard let chunks else { return }
        let path = "\(job.folder)/bucket/\(key)/s0/.zarray"
        var metadata = try #require(try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path)))).object)
        metadata["chunks"] = .array(chunks.map { .integer($0) })
        try job.write(.object(metadata), "\(key)/s0/.zarray")
    }

    private let recon = "ds/ds.zarr/recon-1"

    /// The padding is more voxels than there are numbers.
    @Test func aPaddingOfAnyNumberOfVoxels() async throws {
        let job = SmallJob()
        let ramp = (0..<64).map { UInt8($0) }
        try image(job, "\(recon)/em/fibsem-uint8", shape: [4, 4, 4], voxel: 1e-14, bytes: ramp)
        try image(
            job, "\(recon)/labels/groundtruth/crop5/mito", shape: [2, 2, 2], at: 1e-14, voxel: 1e-14,
            bytes: [1, 1, 1, 1, 1, 1, 1, 1])
        let outcome = try await job.run(["padding_nm": 1_000_000], stages: [.discover, .download, .convert])
        #expect(outcome.failures == [])
        #expect(try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5").bytes == ramp)
    }

    @Test(arguments: [
        ["SLURM_ARRAY_TASK_ID": "9223372036854775807", "SLURM_ARRAY_TASK_MIN": "-9223372036854775808"],
        ["SLURM_ARRAY_TASK_ID": "-9223372036854775808"],
        [
            "SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "-9223372036854775808",
            "SLURM_ARRAY_TASK_MAX": "9223372036854775807", "SLURM_ARRAY_TASK_STEP": "-9223372036854775808",
        ],
        ["SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "9223372036854775807"],
        ["SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "2147483647"],
        ["SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "-9223372036854775808"],
        ["JOB_COMPLETION_INDEX": "9223372036854775807", "JOB_COMPLETIONS": "9223372036854775807"],
        ["JOB_COMPLETION_INDEX": "3", "JOB_COMPLETIONS": "99999999999"],
        ["JOB_COMPLETION_INDEX": "3", "JOB_COMPLETIONS": "2147483647"],
    ])
    func anyTaskNumbers(environment: [String: String]) {
        guard let share = TaskShare(environment: environment) else { return }
        #expect((1...1_000_000).contains(share.count) && (0..<share.count).contains(share.index))
    }

    @Test(arguments: ["1e400", "-1e308", "nan", "inf", "9223372036854775807", "0x1p1000", ""])
    func anyEndOfAJob(text: String) {
        for start in ["0", "nan", "-1e308", "1e308", text] {
            let budget = TimeBudget(
                environment: ["SLURM_JOB_END_TIME": text, "SLURM_JOB_START_TIME": start], now: 1.7e9)
            #expect(budget.map { (0..<1e8).contains($0.seconds) } ?? true)
        }
    }

    /// What stands beyond the array in an edge chunk is none of its voxels, also where the crop reaches beyond.
    @Test func garbageBeyondTheArrayIsNotRead() async throws {
        let job = SmallJob()
        // 3×3×3 voxels in a chunk of 4×4×4, whose rest is 99.
        let chunk = (0..<64).map { index -> UInt8 in
            let inside = index % 4 < 3 && index / 4 % 4 < 3 && index / 16 < 3
            return inside ? 7 : 99
        }
        try image(job, "\(recon)/em/fibsem-uint8", shape: [3, 3, 3], chunks: [4, 4, 4], bytes: chunk)
        try image(
            job, "\(recon)/labels/groundtruth/crop5/mito", shape: [2, 2, 2], at: 16, bytes: [1, 1, 1, 1, 1, 1, 1, 1])
        #expect(try await job.run().failures == [])
        let raw = try await job.dataset("/raw_crop", of: "hdf5/crop_5.h5")
        #expect(raw.shape == [2, 2, 2])
        #expect(raw.bytes == [7, 0, 0, 0, 0, 0, 0, 0])
    }

    /// A chunk is in memory more than once: a quarter of the memory is the most it may have.
    @Test(arguments: [([512, 256, 256], true), ([512, 256, 257], false)])
    func chunksUpToAQuarterOfTheMemory(chunks: [Int], isTaken: Bool) async throws {
        let job = SmallJob()
        try image(job, "\(recon)/em/fibsem-uint8", shape: [4, 4, 4], chunks: chunks)
        try image(
            job, "\(recon)/labels/groundtruth/crop5/mito", shape: [2, 2, 2], at: 8, bytes: [1, 1, 1, 1, 1, 1, 1, 1])
        let outcome = try await job.run(["limits": ["memory": "128MiB"]])
        #expect(outcome.failures.isEmpty == isTaken)
        if !isTaken { #expect(outcome.failures.first?.reason.contains("limits.memory") == true) }
    }

    // MARK: Files

    private func withFIFO(_ body: (String) async throws -> Void) async throws {
        let scratch = Scratch()
        try #require(mkfifo(scratch.file("fifo"), 0o600) == 0)
        try await body(scratch.file("fifo"))
    }

    /// Whoever waits for somebody to write waits for ever.
    @Test(.timeLimit(.minutes(5))) func aFIFOIsNoManifestAndNoFileToConvert() async throws {
        try await withFIFO { path in
            let error = #expect(throws: ManifestError.self) { try Manifest.load(path: path) }
            #expect(error?.found == "a FIFO")
            #expect(!FileConversion.isHDF5(path))
        }
        let device = #expect(throws: ManifestError.self) { try Manifest.load(path: "/dev/null") }
        #expect(device?.found == "a device")
    }

    /// A rename would take the place of what is there.
    @Test func whatIsNoRegularFileIsNotReplaced() async throws {
        try await withFIFO { path in
            let folder = String(path.dropLast(5))
            let place = try ConfinedFolder(creating: folder)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/link", withDestinationPath: "/dev/null")
            try FileManager.default.createDirectory(atPath: "\(folder)/folder", withIntermediateDirectories: true)
            for name in ["fifo", "link", "folder"] {
                let error = #expect(throws: LedgerError.self) { try place.write([1], to: name) }
                #expect(error?.code == .cannotWrite)
                #expect(error?.message.contains("not a regular file") == true)
            }
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/link") == "/dev/null")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3, "nothing is left behind")
        }
    }

    /// The file system keeps times that are more nanoseconds than a number has.
    @Test func aFileOfAnyTime() async throws {
        let job = SmallJob()
        let place = try ConfinedFolder(creating: job.folder)
        try place.write([1], to: "x")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1e10)], ofItemAtPath: "\(job.folder)/x")
        #expect(try #require(try place.changed("x")) > 0)
    }
}
