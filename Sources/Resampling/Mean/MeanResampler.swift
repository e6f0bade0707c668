public import Elements
public import Geometry

/// Resizes raw data in physical space: the mean over the exact overlap of voxel boxes, or linear interpolation.
///
/// Each axis goes its own way. Where the target voxel is not smaller than the source voxel (or equal within 1e-6
/// relative), a source voxel weighs as much as it overlaps the output voxel; where it is smaller, the two nearest
/// source centres weigh linearly, clamped at the ends. Weights are normalised by what the source covers; an output voxel
/// which it does not cover at all is 0.
///
/// Sums are exact whole-number arithmetic as far as a `Double` goes (2^53): integers up to 32 bits are within 0.5 of the
/// mean, ties go to even. 64-bit integers beyond 2^53 lose their low bits, except where a voxel is only copied. Floats
/// are not rounded, and NaN spreads to whatever overlaps it. Voxel edges are exact (``AxisLattice``).
///
/// The result of a voxel depends on nothing but the grids and the voxels it overlaps, never on how the work was cut.
public struct MeanResampler: Sendable {
    public let source: Grid
    public let target: Grid
    public let elementType: ElementType

    private let windows: GridWindows
    private let weights: ZYX<MeanWeights>
    /// Whether sums over z are whole numbers (scaled by a power of two) that a `Float` holds exactly.
    private let fitsFloat: Bool

    /// Both grids in nm.
    ///
    /// - Throws: ``ResamplingError`` if a grid is not one: voxel sizes and translations must be finite, voxel sizes
    ///   positive, shapes 1 to 2^22 voxels an axis.
    public init(source: Grid, target: Grid, elementType: ElementType) throws(ResamplingError) {
        self.source = source
        self.target = target
        self.elementType = elementType
        let axes = try ZYX(0, 1, 2).map { (axis: Int) throws(ResamplingError) -> AxisWindows in
            let lines = try AxisWindows.lines(source: source, target: target, axis: axis)
            let units = try AxisWindows.unitsPerNanometre(source: lines.source, target: lines.target, axis: axis)
            return AxisWindows(
                AxisLattice(source: lines.source, target: lines.target, unitsPerNanometre: units), upwards: .linear)
        }
        windows = GridWindows(axes: axes)
        weights = axes.map(MeanWeights.init)
        fitsFloat =
            elementType.isInteger && elementType.byteCount <= 2
            && axes.z.largestSum <= Int64(1) << (24 - 8 * elementType.byteCount)
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
            case .bool, .uint8: runBlocks(UInt8.self, UInt16.self, part, source, output)
            case .int8: run(Int8.self, part, source, output)
            case .uint16: runBlocks(UInt16.self, UInt32.self, part, source, output)
            case .int16: run(Int16.self, part, source, output)
            case .uint32: run(UInt32.self, part, source, output)
            case .int32: run(Int32.self, part, source, output)
            case .uint64: run(UInt64.self, part, source, output)
            case .int64: run(Int64.self, part, source, output)
            case .float16: run(Float16.self, part, source, output)
            case .float32: run(Float.self, part, source, output)
            case .float64: run(Double.self, part, source, output)
            }
        }
    }

    private func runBlocks<Value: MeanElement & FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger>(
        _ type: Value.Type, _: Sum.Type, _ part: Box, _ source: ByteSource, _ output: ByteTarget
    ) {
        guard let kernel = BlockMeanKernel<Value, Sum>(windows: windows) else {
            return run(type, part, source, output)
        }
        let (inner, others) = part.parts(around: windows.regular)
        if let inner, let halving = HalvingMeanKernel<Value>(windows: windows) {
            halving.run(inner, source: source.voxels(), output: output.voxels())
        } else if let inner {
            kernel.run(inner, source: source.voxels(), output: output.voxels())
        }
        for other in others { run(type, other, source, output) }
    }

    private func run<Value: MeanElement>(
        _: Value.Type, _ part: Box, _ source: ByteSource, _ output: ByteTarget
    ) {
        let isCopy = windows.step == ZYX(repeating: 1)
        let (inner, others) = part.parts(around: isCopy ? windows.regular : nil)
        if let inner { windows.copy(inner, source: source.voxels(as: Value.self), output: output.voxels()) }
        for other in others {
            if fitsFloat {
                MeanKernel<Value, Float>(weights: weights).run(other, source: source.voxels(), output: output.voxels())
            } else {
                MeanKernel<Value, Double>(weights: weights).run(other, source: source.voxels(), output: output.voxels())
            }
        }
    }
}
