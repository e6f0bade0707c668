/// A source row and the weight of its voxels along z and y.
struct WeightedRow<Value: BitwiseCopyable> {
    let voxels: SourceRow<Value>
    let weight: Int64

    /// The weight where ``WindowRows/fitsFour`` says that it fits.
    @inline(__always) var narrowWeight: UInt32 { UInt32(truncatingIfNeeded: weight) }
}
