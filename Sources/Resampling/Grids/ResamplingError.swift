/// Why a resampler or a labeller cannot do what it was asked for.
public struct ResamplingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// A voxel size is not a positive, finite number.
        case invalidVoxelSize
        /// A translation is not a finite number.
        case invalidTranslation
        /// An axis has no voxels, or more than can be handled.
        case invalidShape
        /// Voxel size and position of an axis are too far apart to be told exactly.
        case unrepresentableGrid
        /// The element type has no such resampling (labels are integers).
        case unsupportedElementType
        /// A mask has more runs than the labeller may hold.
        case tooManyRuns
        /// The mask of the second pass is not the mask of the first.
        case maskChanged
    }

    public let code: Code
    /// One line: what, where, expected and found.
    public let description: String

    static func invalidVoxelSize(_ grid: String, axis: Int, found: Double) -> Self {
        Self(
            code: .invalidVoxelSize,
            description: "\(grid) grid, axis \(name(axis)): expected a positive voxel size in nm, found \(found)")
    }

    static func invalidTranslation(_ grid: String, axis: Int, found: Double) -> Self {
        Self(
            code: .invalidTranslation,
            description: "\(grid) grid, axis \(name(axis)): expected a finite translation in nm, found \(found)")
    }

    static func invalidShape(_ grid: String, axis: Int, found: Int, maximum: Int) -> Self {
        Self(
            code: .invalidShape,
            description: "\(grid) grid, axis \(name(axis)): expected 1 to \(maximum) voxels, found \(found)")
    }

    static func unrepresentableGrid(axis: Int, voxelSize: Double, reach: Double) -> Self {
        Self(
            code: .unrepresentableGrid,
            description: "axis \(name(axis)): voxels of \(voxelSize) nm cannot be told apart at \(reach) nm")
    }

    static func unsupportedElementType(_ found: String) -> Self {
        Self(
            code: .unsupportedElementType,
            description: "labels are resampled by majority: expected an integer type, found \(found)")
    }

    static func invalidPlane(rows: Int, columns: Int) -> Self {
        Self(
            code: .invalidShape,
            description: "mask plane: expected at least 1 row and 1 column, found \(rows) rows and \(columns) columns")
    }

    static func tooManyRuns(plane: Int, row: Int, maximum: Int) -> Self {
        Self(
            code: .tooManyRuns,
            description: "mask plane \(plane), row \(row): more than \(maximum) runs so far, the most that may be held")
    }

    static func maskChanged(plane: Int, expected: Int, found: Int) -> Self {
        Self(
            code: .maskChanged,
            description: "mask plane \(plane): expected the \(expected) runs of the first pass, found \(found)")
    }

    private static func name(_ axis: Int) -> String { ["z", "y", "x"][axis] }
}
