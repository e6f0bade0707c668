import ArgumentParser
import Elements
import Foundation
import Geometry
import Resampling
import Threads

/// Resizes a volume in memory, as the peers do it: no file is read or written while the time runs.
struct ResampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resample", abstract: "Resize a NumPy file in memory and print the time as JSON.")

    @Argument(help: "The volume.") var file: String
    @Flag(help: "Majority instead of mean.") var labels = false
    @Option(help: "How many times larger an output voxel is.") var factor = 2.0

    /// Output planes that one thread makes at a time: they follow one another in the result, where a kernel puts them.
    private static let planes = 8

    func run() async throws {
        let array = try ArrayFile(file)
        let source = Grid(shape: array.shape, voxelSize: ZYX(repeating: 8), edge: ZYX(repeating: 0))
        let target = OutputGrid.exact(covering: [source], targetVoxelSize: ZYX(repeating: 8 * factor))
        let resample: @Sendable (RawSpan, Box, inout MutableRawSpan) -> Void
        let whole = Box(shape: array.shape)
        if labels {
            let kernel = try MajorityResampler(source: source, target: target, elementType: array.elementType)
            resample = { kernel.resample($0, sourceBox: whole, output: $1, into: &$2) }
        } else {
            let kernel = try MeanResampler(source: source, target: target, elementType: array.elementType)
            resample = { kernel.resample($0, sourceBox: whole, output: $1, into: &$2) }
        }
        let bytes = array.elementType.byteCount
        let voxels = array.voxels
        @Sendable func run(_ shape: ZYX<Int>) async -> ByteBuffer {
            let planeBytes = shape.y * shape.x * bytes
            let boxes = stride(from: 0, to: shape.z, by: Self.planes).map { z in
                Box(start: ZYX(z, 0, 0), stop: ZYX(min(z + Self.planes, shape.z), shape.y, shape.x))
            }
            let result = ByteBuffer(count: shape.z * planeBytes)
            ArrayFile.useLargePages(result)
            await withTaskGroup(of: Void.self) { group in
                for box in boxes {
                    group.addTask(executorPreference: ThreadPool.compute) {
                        let range = box.start.z * planeBytes..<box.stop.z * planeBytes
                        result.withUnsafeMutableBytes { bytes in
                            let part = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
                            var span = part.mutableBytes
                            voxels.withSpan { resample($0, box, &span) }
                        }
                    }
                }
            }
            return result
        }
        // As the peers: code and threads are there before the time runs.
        _ = await run(target.shape.map { min($0, 16) })
        let (start, cpu) = (ContinuousClock.now, Self.cpuSeconds)
        let result = await run(target.shape)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        withExtendedLifetime(result) {}
        print(#"{"seconds": \#(seconds), "cpu_seconds": \#(Self.cpuSeconds - cpu), "voxels": \#(array.shape.product)}"#)
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
    }
}
