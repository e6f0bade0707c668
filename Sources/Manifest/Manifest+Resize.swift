extension Manifest {
    /// How items are brought to the target voxel size.
    public struct Resize: Sendable, Hashable {
        /// What becomes of raw intensities.
        public enum RawRule: String, Sendable, CaseIterable {
            /// The mean over the exact overlap of voxel boxes; linear upwards.
            case area
        }

        /// What becomes of labels.
        public enum LabelRule: String, Sendable, CaseIterable {
            /// The value with the largest overlap volume; nearest upwards.
            case majority
        }

        /// Where the output grid lies.
        public enum GridRule: String, Sendable, CaseIterable {
            /// Voxels of exactly the target size.
            case exact
            /// Factors of 2, so that the result is only near the target.
            case powerOfTwo = "power_of_two"
        }

        public var raw: RawRule
        public var labels: LabelRule
        public var grid: GridRule
        /// The largest ratio of source to target voxel on an axis, at least 1; beyond it the item is left out.
        public var maxUpsampling: Double

        public init(
            raw: RawRule = .area, labels: LabelRule = .majority, grid: GridRule = .exact, maxUpsampling: Double = 2
        ) {
            self.raw = raw
            self.labels = labels
            self.grid = grid
            self.maxUpsampling = maxUpsampling
        }
    }
}
