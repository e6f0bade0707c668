extension Manifest {
    /// How a class is made from the ids of another one where it is missing.
    public struct DeriveRule: Sendable, Hashable {
        /// The class whose values are looked at.
        public var from: String
        /// The values of `from` that count as this class, none negative, each once.
        public var ids: [Int]
        /// Whether connected components get ids of their own (uint32); otherwise the result is 0 and 1 (uint8).
        public var instances: Bool

        public init(from: String, ids: [Int], instances: Bool) {
            self.from = from
            self.ids = ids
            self.instances = instances
        }

        /// `mito` from the `all` group: 3 membrane, 4 lumen, 5 ribosomes, 50 the group as a whole.
        public static let mitochondria = DeriveRule(from: "all", ids: [3, 4, 5, 50], instances: true)
    }
}
