public import Geometry

extension Manifest {
    /// A box of one's own in a dataset, in nm.
    public struct Region: Sendable, Hashable {
        /// The name of the dataset; `datasets` names it too.
        public var dataset: String
        /// The first edge of the box in the dataset's own frame, in nm.
        public var offsetNm: ZYX<Double>
        /// The lengths of the box, in nm, all positive.
        public var shapeNm: ZYX<Double>

        public init(dataset: String, offsetNm: ZYX<Double>, shapeNm: ZYX<Double>) {
            self.dataset = dataset
            self.offsetNm = offsetNm
            self.shapeNm = shapeNm
        }
    }
}
