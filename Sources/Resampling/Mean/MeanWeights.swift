/// The weights of ``AxisWindows`` as floating point numbers.
///
/// They are the integers divided by one power of two for the axis, at least the largest sum: whole-number arithmetic
/// stays exact in a `Double`, and sums of large voxels do not overflow. A mean is a weighted sum divided by
/// the sum of its weights, so that only the division rounds.
struct MeanWeights: Sendable {
    let windows: AxisWindows
    let weights: [Double]
    /// The sum of weights of each output voxel, at most 1.
    let totals: [Double]

    init(windows: AxisWindows) {
        self.windows = windows
        let bits = Int64.bitWidth - (windows.largestSum - 1).leadingZeroBitCount
        let scale = Double(sign: .plus, exponent: -bits, significand: 1)
        weights = windows.weights.map { Double($0) * scale }
        totals = (0..<windows.count).map { output in
            Double(windows.weights[windows.offsets[output]..<windows.offsets[output + 1]].reduce(0, +)) * scale
        }
    }
}
