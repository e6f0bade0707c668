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
/// Votes are exact integers of up to 128 bits, whatever the voxel sizes (``AxisLattice``), so float noise in the grids does not flip
/// ties. Only an axis whose voxels have more than 2^31 units is rounded.
///
/// The result of a voxel depends on nothing but the grids and the voxels it overlaps, never on how the work was cut.
public struct MajorityResampler: Sendable {
    public let source: Grid
    public let target: Grid
    public let elementType: ElementType

    private let windows: GridWindows
    /// Whether votes need more than 64 bits.
    private let isWide: Bool

    /// Both grids in nm.
    ///
    /// - Throws: ``ResamplingError`` if `elementType` is not an integer type or a grid is not one: voxel sizes and
    ///   translations must be finite, voxel sizes positive, shapes 1 to 2^22 voxels an axis.
    public init(source: Grid, target: Grid, elementType: ElementType) throws(ResamplingError) {
        guard elementType.isInteger else { throw .unsupportedElementType(elementType.rawValue) }
        self.source = source
        self.target = target
        self.elementType = elementType
        let axes = try ZYX(0, 1, 2).map { (axis: Int) throws(ResamplingError) in
            try Self.windows(source: source, target: target, axis: axis)
        }
        self.windows = GridWindows(axes: axes)
        isWide = axes.map { Double($0.largestSum) }.array.reduce(1, *) > AxisLattice.mostVotes
    }

    private static func windows(source: Grid, target: Grid, axis: Int) throws(ResamplingError) -> AxisWindows {
        let lines = try AxisWindows.lines(source: source, target: target, axis: axis)
        var units = try AxisWindows.unitsPerNanometre(source: lines.source, target: lines.target, axis: axis)
        var lattice = AxisLattice(source: lines.source, target: lines.target, unitsPerNanometre: units)
        var windows = AxisWindows(lattice, upwards: .nearest)
        while windows.largestSum > AxisLattice.mostUnitsPerVoxel {
            units /= 1000
            let finest = min(lines.source.voxelSize, lines.target.voxelSize)
            guard finest * units >= 1 else {
                let reach = max(lines.source.reach, lines.target.reach)
                throw .unrepresentableGrid(axis: axis, voxelSize: finest, reach: reach)
            }
            lattice = AxisLattice(
                source: lines.source, target: lines.target, unitsPerNanometre: units, isExact: false)
            windows = AxisWindows(lattice, upwards: .nearest)
        }
        return windows
    }

    /// The output voxels that the source covers at least in part; nil where there are none.
    public var covered: Box? { windows.covered }

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
        windows.withBytes(
            of: source, sourceBox: sourceBox, output: output, into: &destination, elementBytes: elementType.byteCount
        ) { part, source, output in
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
        for other in others {
            if isWide {
                MajorityKernel<Value, Int128>(windows: windows)
                    .run(other, source: source.voxels(), output: output.voxels())
            } else {
                MajorityKernel<Value, Int64>(windows: windows)
                    .run(other, source: source.voxels(), output: output.voxels())
            }
        }
    }
}
