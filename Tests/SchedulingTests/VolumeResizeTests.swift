import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Testing

/// Volumes and the crops in them at the target voxel size.
@Suite struct VolumeResizeTests {
    private let job: SmallJob
    private let recon = "ds/ds.zarr/recon-1"

    init() throws {
        job = SmallJob()
        try job.rawImage(recon)
        try job.image(
            "\(recon)/labels/groundtruth/crop5/mito",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: Array(1...8))])
    }

    /// A crop keeps to its box: it does not become as large as the volume.
    @Test func aCropStaysInItsBox() async throws {
        #expect(try await job.run(["mode": "volumes", "target_nm": 8]).failures == [])
        let raw = try await job.dataset("/recon-1/em/fibsem-uint8", of: "crops/ds.h5")
        #expect(raw.shape == [4, 4, 4])
        let mito = try await job.dataset("/recon-1/labels/groundtruth/crop5/mito", of: "crops/ds.h5")
        #expect(mito.shape == [2, 2, 2])
        #expect(mito.bytes == Array(1...8))
        #expect(mito.attributes["translation"] == .doubles([8, 8, 8]))
    }

    /// Twice as fine is allowed, more is not.
    @Test(arguments: [(4.0, true), (3.9, false)])
    func upsamplingHasALimit(target: Double, isAllowed: Bool) async throws {
        let outcome = try await job.run([
            "mode": "volumes", "target_nm": .number(target), "resize": ["max_upsampling": 2],
        ])
        #expect(outcome.failures == [] && outcome.done == (isAllowed ? 1 : 0) && outcome.leftOut == (isAllowed ? 0 : 1))
    }
}
