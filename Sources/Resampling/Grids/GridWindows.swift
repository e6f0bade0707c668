internal import Geometry

/// The windows of the three axes, and how an output box falls into parts that one kernel each can do.
struct GridWindows: Sendable {
    let target: Box
    let axes: ZYX<AxisWindows>

    init(axes: ZYX<AxisWindows>) {
        self.axes = axes
        target = Box(shape: axes.map(\.count))
    }

    /// The output voxels that the source covers at least in part; nil where there are none.
    var covered: Box? {
        guard axes.allSatisfy({ !$0.covered.isEmpty }) else { return nil }
        return Box(start: axes.map(\.covered.lowerBound), stop: axes.map(\.covered.upperBound))
    }

    /// The output voxels whose windows are whole blocks of equally weighted source voxels; nil where there are none.
    var regular: Box? {
        guard axes.allSatisfy({ !$0.regular.isEmpty }) else { return nil }
        return Box(start: axes.map(\.regular.lowerBound), stop: axes.map(\.regular.upperBound))
    }

    /// The shape of the blocks of ``regular``.
    var step: ZYX<Int> { axes.map(\.step) }

    func sourceBox(for output: Box) -> Box? {
        guard let z = axes.z.sourceRange(for: output.range(0)), let y = axes.y.sourceRange(for: output.range(1)),
            let x = axes.x.sourceRange(for: output.range(2))
        else { return nil }
        return Box(
            start: ZYX(z.lowerBound, y.lowerBound, x.lowerBound), stop: ZYX(z.upperBound, y.upperBound, x.upperBound))
    }

    /// Checks what a caller of a resampler promised, and gives the covered part of `output`.
    func checkedPart(of output: Box, sourceBox: Box, sourceBytes: Int, outputBytes: Int, elementBytes: Int) -> Box? {
        precondition(
            output.isEmpty || target.contains(output), "the output box \(output) is not in the target \(target)")
        precondition(
            outputBytes == output.volume * elementBytes,
            "\(outputBytes) bytes for the output box \(output) of \(elementBytes) byte voxels")
        guard let covered, let part = output.intersection(covered), let needed = self.sourceBox(for: part) else {
            return nil
        }
        precondition(
            sourceBox.contains(needed) && sourceBytes == sourceBox.volume * elementBytes,
            "\(sourceBytes) bytes for the source box \(sourceBox) of \(elementBytes) byte voxels, \(needed) is needed")
        return part
    }
}

extension Box {
    /// The intersection with `inner`, and the up to 26 boxes around it that fill the rest.
    func parts(around inner: Box?) -> (inner: Box?, others: [Box]) {
        guard let inner = inner.flatMap({ intersection($0) }) else { return (nil, [self]) }
        func cuts(_ axis: Int) -> [Range<Int>] {
            [start[axis]..<inner.start[axis], inner.range(axis), inner.stop[axis]..<stop[axis]].filter { !$0.isEmpty }
        }
        var others: [Box] = []
        for z in cuts(0) {
            for y in cuts(1) {
                for x in cuts(2) {
                    let part = Box(
                        start: ZYX(z.lowerBound, y.lowerBound, x.lowerBound),
                        stop: ZYX(z.upperBound, y.upperBound, x.upperBound))
                    if part != inner { others.append(part) }
                }
            }
        }
        return (inner, others)
    }
}
