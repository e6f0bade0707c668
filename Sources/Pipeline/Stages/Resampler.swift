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
    /// Bytes of source chunks that one window may hold: chunks may be much larger than the part of them that is needed.
    private let heldBytes: Int

    init(
        source: any ChunkSource, grid: Grid, target: Grid, isLabel: Bool, windowBytes: Int, heldBytes: Int = .max
    ) throws {
        self.source = source
        self.windowBytes = windowBytes
        self.heldBytes = heldBytes
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
        return min(needed, windowBytes) + 2 * source.chunkByteCount + shape.product * source.elementType.byteCount * 3
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
            if let (first, second) = cutBetweenChunks(box) {
                open += [second, first]
            } else if let axis = axisToCut(box) {
                let (first, second) = Self.cut(box, axis, at: box.start[axis] + box.shape[axis] / 2)
                open += [second, first]
            } else {
                done.append(box)
            }
        }
        return done
    }

    private static func cut(_ box: Box, _ axis: Int, at position: Int) -> (Box, Box) {
        var (first, second) = (box, box)
        first.stop[axis] = position
        second.start[axis] = position
        return (first, second)
    }

    /// Two parts of an output box whose source voxels meet where two source chunks do; nil where there are none such. A part that needs a
    /// single chunk in full is made from the chunk's own memory.
    private func cutBetweenChunks(_ output: Box) -> (Box, Box)? {
        guard let needed = sourceBox(for: output) else { return nil }
        for axis in 0..<3 where output.shape[axis] > 1 {
            let edge = source.chunkShape[axis]
            let middle = needed.start[axis] + (needed.shape[axis] + 1) / 2
            let boundary = (middle + edge / 2) / edge * edge
            guard boundary > needed.start[axis], boundary < needed.stop[axis] else { continue }
            let (share, overflow) = (boundary - needed.start[axis]).multipliedReportingOverflow(by: output.shape[axis])
            let position = output.start[axis] + share / needed.shape[axis]
            guard !overflow, position > output.start[axis], position < output.stop[axis] else { continue }
            let (first, second) = Self.cut(output, axis, at: position)
            if sourceBox(for: first)?.stop[axis] == boundary, sourceBox(for: second)?.start[axis] == boundary {
                return (first, second)
            }
        }
        return nil
    }

    /// The axis along which an output box is to be cut; nil where it may stay whole, or cannot be cut.
    private func axisToCut(_ box: Box) -> Int? {
        guard let needed = sourceBox(for: box) else { return nil }
        if needed.volume * source.elementType.byteCount > windowBytes {
            guard let axis = (0..<3).max(by: { box.shape[$0] < box.shape[$1] }), box.shape[axis] > 1 else { return nil }
            return axis
        }
        guard heldBytes < .max else { return nil }
        let chunks = needed.blocks(of: source.chunkShape).shape
        let (held, overflow) = chunks.product.multipliedReportingOverflow(by: source.chunkByteCount)
        guard overflow || held > heldBytes else { return nil }
        return (0..<3).filter { box.shape[$0] > 1 && chunks[$0] > 1 }.max { chunks[$0] < chunks[$1] }
    }
}
