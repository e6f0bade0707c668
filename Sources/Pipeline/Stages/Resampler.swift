internal import Elements
internal import Geometry
internal import Resampling
internal import Threads

/// Raw data by mean or labels by majority, from one array to one output grid, box by box.
struct Resampler: Sendable {
    private enum Kernel: Sendable {
        case mean(MeanResampler)
        case majority(MajorityResampler)
    }

    private let kernel: Kernel
    private let source: any ChunkSource
    /// Bytes of source voxels that one window may take.
    private let windowBytes: Int

    init(source: any ChunkSource, grid: Grid, target: Grid, isLabel: Bool, windowBytes: Int) throws {
        self.source = source
        self.windowBytes = windowBytes
        let type = source.elementType
        kernel =
            isLabel
            ? .majority(try MajorityResampler(source: grid, target: target, elementType: type))
            : .mean(try MeanResampler(source: grid, target: target, elementType: type))
    }

    private func sourceBox(for output: Box) -> Box? {
        switch kernel {
        case .mean(let kernel): kernel.sourceBox(for: output)
        case .majority(let kernel): kernel.sourceBox(for: output)
        }
    }

    /// The most bytes of source voxels that an output chunk of this shape needs, windows being cut to what is allowed.
    func workBytes(forChunk shape: ZYX<Int>, within whole: ZYX<Int>) -> Int {
        let box = Box(shape: shape.zip(whole, min))
        let needed = (sourceBox(for: box)?.volume ?? 0) * source.elementType.byteCount
        return min(needed, windowBytes) + shape.product * source.elementType.byteCount * 3
    }

    /// The voxels of `output`; nil where the source has nothing stored there and nothing is zero.
    func voxels(_ output: Box) async throws -> ByteBuffer? {
        let width = source.elementType.byteCount
        let parts = split(output)
        if parts.count == 1 { return try await resample(output) }
        let buffer = ByteBuffer(zeroed: output.volume * width)
        var isUnstored = true
        for part in parts {
            guard let voxels = try await resample(part) else { continue }
            isUnstored = false
            voxels.copyOverlap(of: part, into: buffer, box: output, elementByteCount: width)
        }
        return isUnstored ? nil : buffer
    }

    private func resample(_ output: Box) async throws -> ByteBuffer? {
        let width = source.elementType.byteCount
        guard let needed = sourceBox(for: output) else { return nil }
        if source.fillValue.allSatisfy({ $0 == 0 }), try await source.isUnstored(needed) { return nil }
        let window = try await source.window(needed)
        if window.isUnstored, source.fillValue.allSatisfy({ $0 == 0 }) { return nil }
        let kernel = kernel
        return await ThreadPool.compute.run {
            let buffer = ByteBuffer(count: output.volume * width)
            window.bytes.withSpan { bytes in
                buffer.withMutableSpan { result in
                    switch kernel {
                    case .mean(let kernel):
                        kernel.resample(bytes, sourceBox: needed, output: output, into: &result)
                    case .majority(let kernel):
                        kernel.resample(bytes, sourceBox: needed, output: output, into: &result)
                    }
                }
            }
            return buffer
        }
    }

    /// Cuts an output box so that the source voxels of each part fit into a window. The result does not depend on the cut.
    private func split(_ output: Box) -> [Box] {
        var done: [Box] = []
        var open = [output]
        while let box = open.popLast() {
            let needed = (sourceBox(for: box)?.volume ?? 0) * source.elementType.byteCount
            guard needed > windowBytes, let axis = (0..<3).max(by: { box.shape[$0] < box.shape[$1] }),
                box.shape[axis] > 1
            else {
                done.append(box)
                continue
            }
            var (first, second) = (box, box)
            let middle = box.start[axis] + box.shape[axis] / 2
            first.stop[axis] = middle
            second.start[axis] = middle
            open += [second, first]
        }
        return done
    }
}
