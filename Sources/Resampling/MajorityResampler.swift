public import Elements
public import Geometry

/// Resizes labels in physical space: an output voxel takes the value that fills most of it.
///
/// Each axis goes its own way. Where the target voxel is not smaller than the source voxel (or equal within 1e-6
/// relative), a source voxel votes with the length of its overlap; where it is smaller, the source voxel that contains
/// the output centre votes, or both neighbours where the centre lies on their boundary. The value with the largest
/// overlap volume wins, of those which tie the numerically smallest; no value is ever invented. Over the edge what is
/// covered counts; an output voxel that the source does not cover at all is 0.
///
/// Votes are exact integers: edges are snapped to 1e-6 nm (coarser by a factor of 1000 for an axis where volumes would
/// not fit 64 bits), so float noise in the grids does not flip ties.
///
/// The result of a voxel depends on nothing but the grids and the voxels it overlaps, never on how the work was cut.
public struct MajorityResampler: Sendable {
    public let source: Grid
    public let target: Grid
    public let elementType: ElementType

    private let windows: GridWindows

    /// Both grids in nm.
    ///
    /// - Throws: ``ResamplingError`` if `elementType` is not an integer type or a grid is not one: voxel sizes and
    ///   translations must be finite, voxel sizes positive, shapes 1 to 2^22 voxels an axis.
    public init(source: Grid, target: Grid, elementType: ElementType) throws(ResamplingError) {
        guard elementType.isInteger else { throw .unsupportedElementType(elementType.rawValue) }
        self.source = source
        self.target = target
        self.elementType = elementType
        let lines = try ZYX(0, 1, 2).map { (axis: Int) throws(ResamplingError) in
            try AxisWindows.lines(source: source, target: target, axis: axis)
        }
        var units = try ZYX(0, 1, 2).map { (axis: Int) throws(ResamplingError) in
            try AxisWindows.unitsPerNanometre(source: lines[axis].source, target: lines[axis].target, axis: axis)
        }
        func windows(_ axis: Int) -> AxisWindows {
            AxisWindows(
                source: lines[axis].source, target: lines[axis].target, upwards: .nearest,
                unitsPerNanometre: units[axis])
        }
        var axes = ZYX(0, 1, 2).map(windows)
        // A vote sums up to the product of the three; half of what fits leaves room.
        while axes.map({ Double($0.largestSum) }).array.reduce(1, *) > 0x1p62 {
            let widest = [0, 1, 2].max { axes[$0].largestSum < axes[$1].largestSum } ?? 0
            units[widest] /= 1000
            let finest = min(lines[widest].source.voxelSize, lines[widest].target.voxelSize)
            guard finest * units[widest] >= 1 else {
                let reach = max(lines[widest].source.reach, lines[widest].target.reach)
                throw .unrepresentableGrid(axis: widest, voxelSize: finest, reach: reach)
            }
            axes[widest] = windows(widest)
        }
        self.windows = GridWindows(axes: axes)
    }

    /// The source voxels that an output box needs, clipped to the source; nil if it covers nothing.
    public func sourceBox(for output: Box) -> Box? { windows.sourceBox(for: output) }

    /// Computes the output voxels of `output` from the voxels of `sourceBox`.
    ///
    /// - Parameters:
    ///   - source: The voxels of `sourceBox`, C order, without gaps, in the machine's byte order.
    ///   - sourceBox: Any box that contains `sourceBox(for: output)`.
    ///   - output: A box of the target grid.
    ///   - destination: Room for exactly the voxels of `output`.
    public func resample(_ source: RawSpan, sourceBox: Box, output: Box, into destination: inout MutableRawSpan) {
        let part = windows.checkedPart(
            of: output, sourceBox: sourceBox, sourceBytes: source.byteCount, outputBytes: destination.byteCount,
            elementBytes: elementType.byteCount)
        destination.withUnsafeMutableBytes { destination in
            guard let output = ByteTarget(destination, box: output, coveredPart: part), let part else { return }
            source.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                let source = ByteSource(base: base, box: sourceBox)
                switch elementType {
                case .bool, .uint8: run(UInt8.self, part, source, output)
                case .int8: run(Int8.self, part, source, output)
                case .uint16: run(UInt16.self, part, source, output)
                case .int16: run(Int16.self, part, source, output)
                case .uint32: run(UInt32.self, part, source, output)
                case .int32: run(Int32.self, part, source, output)
                case .uint64: run(UInt64.self, part, source, output)
                case .int64: run(Int64.self, part, source, output)
                case .float16, .float32, .float64:
                    preconditionFailure("labels of \(elementType.rawValue) were refused by the initialiser")
                }
            }
        }
    }

    private func run<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type, _ part: Box, _ source: ByteSource, _ output: ByteTarget
    ) {
        let halving = HalvingMajorityKernel<Value>(windows: windows)
        let isCopy = windows.step == ZYX(repeating: 1)
        let (inner, others) = part.parts(around: isCopy || halving != nil ? windows.regular : nil)
        if let inner, let halving {
            halving.run(inner, source: source.voxels(), output: output.voxels())
        } else if let inner {
            windows.copy(inner, source: source.voxels(as: Value.self), output: output.voxels())
        }
        let kernel = MajorityKernel<Value>(windows: windows)
        for other in others { kernel.run(other, source: source.voxels(), output: output.voxels()) }
    }
}
