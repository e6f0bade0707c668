internal import Arrays
public import Geometry
public import Manifest
internal import Resampling

/// How far arrays may be from the target (`resize.max_upsampling`): beyond it, voxels would mostly be made up.
public struct UpsamplingLimit: Sendable {
    /// nm, z, y, x.
    public let target: ZYX<Double>
    public let gridRule: Manifest.Resize.GridRule
    /// Of the power-of-two rule: how far below the target, as a fraction of it, a voxel may stay.
    public let tolerance: Double
    /// The largest ratio of source to target voxel on an axis.
    public let largest: Double
    /// Who reads the messages.
    public var wording = Wording.manifest

    /// What the settings are called.
    public enum Wording: Sendable {
        case manifest
        /// Of `cristae resize`.
        case flags
    }

    public init(_ manifest: Manifest) {
        target = manifest.targetNm
        gridRule = manifest.resize.grid
        tolerance = manifest.tolerance
        largest = manifest.resize.maxUpsampling
    }

    public init(
        target: ZYX<Double>, gridRule: Manifest.Resize.GridRule, tolerance: Double, largest: Double,
        wording: Wording = .manifest
    ) {
        self.wording = wording
        self.target = target
        self.gridRule = gridRule
        self.tolerance = tolerance
        self.largest = largest
    }

    /// The grid of the output that covers `grids`. Labels of one crop share a grid; should they not, the output covers all of them.
    public func targetGrid(covering grids: [Grid]) -> Grid {
        switch gridRule {
        case .exact: OutputGrid.exact(covering: grids, targetVoxelSize: target)
        case .powerOfTwo: OutputGrid.powerOfTwo(covering: grids, targetVoxelSize: target, tolerance: tolerance)
        }
    }

    /// The voxels of that output; nm.
    func outputVoxelSize(covering grid: Grid) -> ZYX<Double> { targetGrid(covering: [grid]).voxelSize }

    /// An array whose voxels are too large.
    public struct Excess: Sendable {
        let voxelSize: ZYX<Double>
        /// The largest ratio of source to target voxel.
        let factor: Double
        public let message: String
    }

    /// Looks at one array.
    ///
    /// - Parameters:
    ///   - name: of the array, for the message.
    ///   - output: the voxel size of the output; nm.
    /// - Returns: nil where it is within the limit.
    public func excess(of name: String, voxelSize: ZYX<Double>, output: ZYX<Double>) -> Excess? {
        excess(of: [(name, voxelSize)], output: output)
    }

    /// Looks at all arrays of an item: the one that needs most is named, and what is said to take the item in takes in all of them.
    public func excess(of arrays: [(name: String, voxelSize: ZYX<Double>)], output: ZYX<Double>) -> Excess? {
        func factor(_ voxelSize: ZYX<Double>) -> Double { voxelSize.zip(output, /).array.max() ?? 0 }
        var most = arrays.first
        for array in arrays where factor(array.voxelSize) > most.map({ factor($0.voxelSize) }) ?? 0 { most = array }
        guard let (name, voxelSize) = most else { return nil }
        let factors = voxelSize.zip(output, /)
        guard let axis = (0..<3).max(by: { factors[$0] < factors[$1] }), factors[axis] > largest * (1 + 1e-9) else {
            return nil
        }
        let factor = factors[axis]
        let setting = wording == .manifest ? "resize.max_upsampling" : "max_upsampling"
        return Excess(
            voxelSize: voxelSize, factor: factor,
            message:
                "\(name) has \(Self.text(voxelSize[axis])) nm voxels on axis \(Array("zyx")[axis]), \(Self.text(factor)) times the target of "
                + "\(Self.text(output[axis])) nm, and \(setting) is \(Self.text(largest)); \(remedy(arrays.map(\.voxelSize), factor)) takes it in"
        )
    }

    /// What would take in arrays of such voxels.
    private func remedy(_ voxelSizes: [ZYX<Double>], _ factor: Double) -> String {
        let needed = voxelSizes.reduce(target) { $0.zip($1) { max($0, $1 / largest) } }
        let isCube = needed.y == needed.z && needed.x == needed.z
        // Upwards: with less it would be left out again.
        let sizes = needed.array.map { Self.text(($0 * 1000 - 1e-7).rounded(.up) / 1000) }
        let limit = Self.text((factor * 100 - 1e-7).rounded(.up) / 100)
        switch wording {
        case .manifest:
            let size = isCube ? sizes[0] : "[\(sizes.joined(separator: ", "))]"
            // By factors of 2, not every target in between takes it in.
            return "max_upsampling \(limit)\(gridRule == .exact ? " or target_nm \(size)" : "")"
        case .flags:
            let size = isCube ? sizes[0] : sizes.joined(separator: ",")
            return "--max-upsampling \(limit)\(gridRule == .exact ? " or --target \(size)" : "")"
        }
    }

    /// A number without float noise, for people.
    public static func text(_ number: Double) -> String {
        let rounded = (number * 1000).rounded() / 1000
        guard rounded != rounded.rounded() else { return abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)" }
        return "\(rounded)"
    }
}

extension UpsamplingLimit {
    /// Why an item is left out; nil where it is not. Of volumes see ``VolumePlanner``.
    public func leftOut(_ plan: ItemPlan) -> LeftOut? {
        let labels = plan.labels + plan.derived.map(\.source)
        let output = outputVoxelSize(covering: (labels.first ?? plan.raw).writtenGrid)
        let arrays = ([plan.raw] + labels).map { (name: $0.key, voxelSize: $0.grid.voxelSize) }
        guard let excess = excess(of: arrays, output: output) else { return nil }
        return LeftOut(
            name: plan.name, dataset: plan.dataset, cropID: plan.id, reason: .tooCoarse,
            message: excess.message, voxelSize: excess.voxelSize.array, target: output.array, factor: excess.factor,
            maxUpsampling: largest, classes: plan.classes)
    }
}

extension ItemPlan {
    /// The classes that the item holds or may hold, sorted.
    public var classes: [String] { Set(labels.map(\.name) + derived.map(\.name)).sorted() }
}
