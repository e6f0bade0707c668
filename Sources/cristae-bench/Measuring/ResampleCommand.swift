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
        let target = OutputGrid.exact(covering: source, targetVoxelSize: ZYX(repeating: 8 * factor))
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
        let planeBytes = target.shape.y * target.shape.x * bytes
        let boxes = stride(from: 0, to: target.shape.z, by: Self.planes).map { z in
            Box(
                start: ZYX(z, 0, 0),
                stop: ZYX(min(z + Self.planes, target.shape.z), target.shape.y, target.shape.x))
        }
        let (start, cpu) = (ContinuousClock.now, Self.cpuSeconds)
        let result = ByteBuffer(count: target.shape.z * planeBytes)
        Self.useLargePages(result)
        await withTaskGroup(of: Void.self) { group in
            for box in boxes {
                group.addTask {
                    await ThreadPool.compute.run {
                        let range = box.start.z * planeBytes..<box.stop.z * planeBytes
                        result.withUnsafeMutableBytes { bytes in
                            let part = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
                            var span = part.mutableBytes
                            array.voxels.withSpan { resample($0, box, &span) }
                        }
                    }
                }
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(#"{"seconds": \#(seconds), "cpu_seconds": \#(Self.cpuSeconds - cpu), "voxels": \#(array.shape.product)}"#)
    }

    /// Asks for large pages, as NumPy does for the arrays of the peers: most of the time of a fast kernel would go into
    /// page faults otherwise.
    private static func useLargePages(_ buffer: ByteBuffer) {
        #if os(Linux)
            let pageBytes = 2 << 20
            buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                let start = base.alignedUp(toMultipleOf: pageBytes)
                let end = (base + bytes.count).alignedDown(toMultipleOf: pageBytes)
                if start < end { madvise(start, end - start, MADV_HUGEPAGE) }
            }
        #endif
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
    }
}
