public import Geometry

extension Manifest {
    /// The grid of an array whose metadata do not say where it lies.
    public struct ArrayGrid: Sendable, Hashable {
        /// The name of the dataset; `datasets` names it too.
        public var dataset: String
        /// The array's path below the dataset's container, such as `volumes/raw`.
        public var path: String
        /// The class of its labels; nil for raw data.
        public var labelClass: String?
        /// The order in which the axes of the array are stored.
        public var axes: Axes
        /// nm per voxel.
        public var voxelSizeNm: ZYX<Double>
        /// The centre of the first voxel in the dataset's own frame, in nm.
        public var translationNm: ZYX<Double>

        /// The order of the axes of a stored array, the slowest first. N5's metadata count the other way round, and mean the same.
        public enum Axes: String, Sendable, CaseIterable {
            case zyx
            /// The other way round.
            case xyz
        }

        public init(
            dataset: String, path: String, labelClass: String? = nil, axes: Axes = .zyx, voxelSizeNm: ZYX<Double>,
            translationNm: ZYX<Double>
        ) {
            self.dataset = dataset
            self.path = path
            self.labelClass = labelClass
            self.axes = axes
            self.voxelSizeNm = voxelSizeNm
            self.translationNm = translationNm
        }
    }
}
