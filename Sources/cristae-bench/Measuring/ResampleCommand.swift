import ArgumentParser
import Elements
import Foundation
import Geometry
import Resampling
import Threads
import Volumes

/// Resizes a volume in memory, as the peers do it: no file is read or written while the time runs.
struct ResampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resample", abstract: "Resize a NumPy file in memory and print the time as JSON.")

    @Argument(help: "The volume.") var file: String
    @Flag(help: "Majority instead of mean.") var labels = false
    @Option(help: "How many times larger an output voxel is.") var factor = 2.0

    /// Output voxels along an axis of what one thread does at a time; chunks of the output have this size.
    private static let block = 64

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
        let edge = ZYX(repeating: Self.block)
        var boxes: [Box] = []
        Box(shape: target.shape).blocks(of: edge).forEachIndex { position in
            let start = position.zip(edge, *)
            boxes.append(Box(start: start, stop: start.zip(edge, +).zip(target.shape, min)))
        }
        let output = Box(shape: target.shape)
        let result = ByteBuffer(count: target.shape.product * array.elementType.byteCount)
        let (start, cpu) = (ContinuousClock.now, Self.cpuSeconds)
        let bytes = array.elementType.byteCount
        await withTaskGroup(of: Void.self) { group in
            for box in boxes {
                group.addTask {
                    await ThreadPool.compute.run {
                        let part = ByteBuffer(count: box.volume * bytes)
                        array.voxels.withSpan { voxels in part.withMutableSpan { resample(voxels, box, &$0) } }
                        part.withSpan { part in
                            result.withMutableSpan {
                                copyOverlap(chunk: part, chunkBox: box, into: &$0, box: output, elementByteCount: bytes)
                            }
                        }
                    }
                }
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(#"{"seconds": \#(seconds), "cpu_seconds": \#(Self.cpuSeconds - cpu), "voxels": \#(array.shape.product)}"#)
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
    }
}
