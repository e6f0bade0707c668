extension Manifest {
    /// How crops are split into the sides of a training. Crops that overlap are never on two sides.
    public struct Split: Sendable, Hashable {
        /// What is on one side as a whole.
        public enum Unit: String, Sendable, CaseIterable {
            /// Crops that are connected by overlaps.
            case group
            /// All crops of a dataset.
            case dataset
        }

        /// The share of groups (or datasets) for validation, 0 to 1.
        public var validation: Double
        /// The share for the test; with ``validation`` at most 1.
        public var test: Double
        public var seed: Int
        public var by: Unit

        public init(validation: Double = 0.2, test: Double = 0, seed: Int = 0, by: Unit = .group) {
            self.validation = validation
            self.test = test
            self.seed = seed
            self.by = by
        }
    }
}
