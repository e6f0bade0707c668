public import Elements
public import Geometry
public import HDF5
internal import Resampling
internal import Threads
public import Volumes

/// Raw data by mean or labels by majority, from one array to one output grid, box by box.
public struct Resampler: Sendable {
    private enum Kernel: Sendable {
        case mean(MeanResampler)
        case majority(MajorityResampler)
    }

    /// nil where no voxel of the source is real.
    private let kernel: Kernel?
    private let source: any ChunkSource
    /// The first real voxel of the source, which is the origin of the kernel.
    private let origin: ZYX<Int>
    private let targetShape: ZYX<Int>
    /// The output voxels that real voxels cover, at least in part; nil where there are none.
    private let covered: Box?
    /// The bytes of the voxel that stands where nothing covers the output; nil for zero.
    private let uncovered: [UInt8]?
    /// Bytes of source voxels that one window may take.
    private let windowBytes: Int
    /// Bytes of source chunks that one window may keep in memory. Chunks may be much larger than the needed part of them.
    private let heldBytes: Int

    /// - Parameters:
    ///   - covered: the voxels of `source` that are real; the others are not looked at.
    ///   - unknown: the value of label voxels that nothing covers; 0 where it is nil, or none of the type's.
    public init(
        source: any ChunkSource, grid: Grid, covered: Box, target: Grid, isLabel: Bool, unknown: LabelValue?,
        windowBytes: Int, heldBytes: Int = .max
    ) throws {
        self.source = source
        self.windowBytes = windowBytes
        self.heldBytes = heldBytes
        origin = covered.start
        targetShape = target.shape
        let type = source.elementType
        uncovered = isLabel ? unknown.flatMap { Self.bytes(of: $0, type) } : nil
        // For a source without voxels, the kernel throws.
        guard !covered.isEmpty || Box(shape: grid.shape).isEmpty else {
            (kernel, self.covered) = (nil, nil)
            return
        }
        let real = covered == Box(shape: grid.shape) ? grid : grid.cropped(to: covered)
        if isLabel {
            let resampler = try MajorityResampler(source: real, target: target, elementType: type)
            (kernel, self.covered) = (.majority(resampler), resampler.covered)
        } else {
            let resampler = try MeanResampler(source: real, target: target, elementType: type)
            (kernel, self.covered) = (.mean(resampler), resampler.covered)
        }
    }

    /// The bytes of a value other than zero; nil where it is zero, or none of the type's.
    private static func bytes(of value: LabelValue, _ type: ElementType) -> [UInt8]? {
        func bytes<Value: FixedWidthInteger>(_: Value.Type) -> [UInt8]? {
            guard value != 0, let value = Value(exactly: value) else { return nil }
            return withUnsafeBytes(of: value, Array.init)
        }
        return switch type {
        case .bool, .uint8: bytes(UInt8.self)
        case .int8: bytes(Int8.self)
        case .uint16: bytes(UInt16.self)
        case .int16: bytes(Int16.self)
        case .uint32: bytes(UInt32.self)
        case .int32: bytes(Int32.self)
        case .uint64: bytes(UInt64.self)
        case .int64: bytes(Int64.self)
        case .float16, .float32, .float64: nil
        }
    }

    /// The attributes that say which output voxels are real. There are none where all are, or where the others say themselves that they
    /// are unknown.
    public var coveredAttributes: [(String, AttributeValue)] {
        uncovered == nil ? CoveredBox.attributes(covered, of: targetShape) : []
    }

    /// Voxels of the source that an output box needs.
    private func sourceBox(for output: Box) -> Box? {
        let box: Box? =
            switch kernel {
            case .mean(let kernel): kernel.sourceBox(for: output)
            case .majority(let kernel): kernel.sourceBox(for: output)
            case nil: nil
            }
        return box?.moved(by: origin)
    }

    /// The most bytes that an output chunk of this shape needs, with windows cut to ``windowBytes``.
    public func workBytes(forChunk shape: ZYX<Int>, within whole: ZYX<Int>) -> Int {
        let box = Box(shape: shape.zip(whole, min))
        let needed = (sourceBox(for: box)?.volume ?? 0) * source.elementType.byteCount
        return min(needed, windowBytes) + 2 * source.chunkByteCount + shape.product * source.elementType.byteCount * 3
    }

    /// The voxels of `output`; nil where the source has nothing stored there and nothing is zero.
    public func voxels(_ output: Box) async throws -> ByteBuffer? {
        guard let uncovered, covered.map({ !$0.contains(output) }) ?? true else { return try await resampled(output) }
        let buffer = ByteBuffer(count: output.volume * uncovered.count)
        buffer.fill(with: uncovered)
        if let inside = covered.flatMap({ output.intersection($0) }) {
            let voxels = try await resampled(inside) ?? ByteBuffer(zeroed: inside.volume * uncovered.count)
            voxels.copyOverlap(of: inside, into: buffer, box: output, elementByteCount: uncovered.count)
        }
        return buffer
    }

    private func resampled(_ output: Box) async throws -> ByteBuffer? {
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
        guard let kernel, let needed = sourceBox(for: output) else { return nil }
        if source.fillValue.allSatisfy({ $0 == 0 }), try await source.isUnstored(needed) { return nil }
        let window = try await source.window(needed)
        if window.isUnstored, source.fillValue.allSatisfy({ $0 == 0 }) { return nil }
        let real = needed.moved(by: origin.map { -$0 })
        return await ThreadPool.compute.run {
            let buffer = ByteBuffer(count: output.volume * width)
            window.bytes.withSpan { bytes in
                buffer.withMutableSpan { result in
                    switch kernel {
                    case .mean(let kernel):
                        kernel.resample(bytes, sourceBox: real, output: output, into: &result)
                    case .majority(let kernel):
                        kernel.resample(bytes, sourceBox: real, output: output, into: &result)
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

    /// Two parts of an output box whose source voxels meet between two source chunks; nil where the box cannot be cut there. A part that needs exactly
    /// one whole chunk is made from the chunk's buffer, without a copy.
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
