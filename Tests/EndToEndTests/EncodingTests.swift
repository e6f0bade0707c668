import Elements
import Foundation
import HDF5
import JSONText
import Testing

extension EndToEnd {
    /// The same array by a job and by `cristae convert`.
    ///
    /// Only the default level of gzip differs: a job takes 1 for raw data and 6 for labels, `convert` 4 for integers of one or two
    /// bytes and for floats, and 6 for others.
    @Suite struct EncodingTests {
        @Test(arguments: [
            ["gzip", "--level", "1"], ["zstd"], ["zstd", "--level", "3"], ["blosc"], ["none"], ["source"],
        ])
        func aJobEncodesAsConvertDoes(compression: [String]) async throws {
            let path = "recon-1/em/fibsem-uint8/s0"
            let bucket = try await VolumeTests.replica.value.appending(path: VolumeTests.bucket)
            let job = try Job([
                "source": .string("file://\(bucket.path)"), "mode": "volumes", "select": "all", "target_nm": 4,
                "datasets": ["vol-zarr"], "classes": ["mito"], "convert": ["compression": .string(compression[0])],
            ])
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let array = bucket.appending(path: "vol-zarr/vol-zarr.zarr/\(path)").path
            let file = job.folder.appending(path: "s0.h5").path
            let conversion = try await job.run(["convert", array, file, "--compression"] + compression)
            #expect(conversion.exitCode == 0, "\(conversion.summary)")

            let made = try await HDF5Reader(opening: job.out.appending(path: "hdf5/vol-zarr.h5").path)
            let converted = try await HDF5Reader(opening: file)
            let (first, second) = (
                try #require(try await made.dataset(path)), try #require(try await converted.dataset("s0"))
            )
            #expect(first.shape == [150, 130, 170] && first.shape == second.shape)
            #expect(first.chunkShape == [64, 64, 64] && first.chunkShape == second.chunkShape)
            #expect(first.elementType == second.elementType)
            #expect(first.filters == second.filters)
            #expect(first.filters.isEmpty == (compression == ["none"]))
            var stored = 0
            for z in [0, 64, 128] {
                for (y, x) in [
                    (0, 0), (0, 64), (0, 128), (64, 0), (64, 64), (64, 128), (128, 0), (128, 64), (128, 128),
                ] {
                    let one = try await made.readChunk(first.handle, offset: [z, y, x])
                    let other = try await converted.readChunk(second.handle, offset: [z, y, x])
                    #expect(one?.bytes.array == other?.bytes.array, "\([z, y, x])")
                    #expect(one?.filterMask == other?.filterMask)
                    stored += one == nil ? 0 : 1
                }
            }
            #expect(stored > 10)
            await made.close()
            await converted.close()
        }
    }
}
