internal import Geometry
internal import Resampling

/// How far arrays may be from the target (`resize.max_upsampling`): beyond it, voxels would mostly be made up.
struct UpsamplingLimit: Sendable {
    /// nm, z, y, x.
    let target: ZYX<Double>
    let gridRule: Manifest.Resize.GridRule
    /// Of the power-of-two rule: how far below the target, as a fraction of it, a voxel may stay.
    let tolerance: Double
    /// The largest ratio of source to target voxel on an axis.
    let largest: Double
    /// Who reads the messages.
    var wording = Wording.manifest

    /// What the settings are called.
    enum Wording: Sendable {
        case manifest
        /// Of `cristae resize`.
        case flags
    }

    init(_ manifest: Manifest) {
        target = manifest.targetNm
        gridRule = manifest.resize.grid
        tolerance = manifest.tolerance
        largest = manifest.resize.maxUpsampling
    }

    init(
        target: ZYX<Double>, gridRule: Manifest.Resize.GridRule, tolerance: Double, largest: Double,
        wording: Wording = .manifest
    ) {
        self.wording = wording
        self.target = target
        self.gridRule = gridRule
        self.tolerance = tolerance
        self.largest = largest
    }

    /// The voxels that an item gets which begins with `covering`; nm.
    func outputVoxelSize(covering: Grid) -> ZYX<Double> {
        switch gridRule {
        case .exact: target
        case .powerOfTwo:
            OutputGrid.powerOfTwo(covering: [covering], targetVoxelSize: target, tolerance: tolerance).voxelSize
        }
    }

    /// An array whose voxels are too large.
    struct Excess: Sendable {
        let voxelSize: ZYX<Double>
        /// The largest ratio of source to target voxel.
        let factor: Double
        let message: String
    }

    /// Looks at one array.
    ///
    /// - Parameters:
    ///   - name: of the array, for the message.
    ///   - output: the voxel size of the output; nm.
    /// - Returns: nil where it is within the limit.
    func excess(of name: String, voxelSize: ZYX<Double>, output: ZYX<Double>) -> Excess? {
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
                + "\(Self.text(output[axis])) nm, and \(setting) is \(Self.text(largest)); \(remedy(voxelSize, factor)) takes it in"
        )
    }

    /// What would take in an array of such voxels.
    private func remedy(_ voxelSize: ZYX<Double>, _ factor: Double) -> String {
        let needed = voxelSize.zip(target) { max($0 / largest, $1) }
        let isCube = needed.y == needed.z && needed.x == needed.z
        let sizes = needed.array.map(Self.text)
        let limit = Self.text((factor * 100 - 1e-7).rounded(.up) / 100)
        switch wording {
        case .manifest:
            let size = isCube ? sizes[0] : "[\(sizes.joined(separator: ", "))]"
            return "max_upsampling \(limit) or target_nm \(size)"
        case .flags:
            let size = isCube ? sizes[0] : sizes.joined(separator: ",")
            return "--max-upsampling \(limit) or --target \(size)"
        }
    }

    /// A number without float noise, for people.
    static func text(_ number: Double) -> String {
        let rounded = (number * 1000).rounded() / 1000
        guard rounded != rounded.rounded() else { return abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)" }
        return "\(rounded)"
    }
}

extension UpsamplingLimit {
    /// Why an item is left out; nil where it is not. Of volumes see ``VolumePlanner``.
    func leftOut(_ plan: ItemPlan) -> LeftOut? {
        let labels = plan.labels + plan.derived.map(\.source)
        let output = outputVoxelSize(covering: (labels.first ?? plan.raw).writtenGrid)
        for array in [plan.raw] + labels {
            guard let excess = excess(of: array.key, voxelSize: array.grid.voxelSize, output: output) else { continue }
            return LeftOut(
                name: plan.name, dataset: plan.dataset, cropID: plan.kind == nil ? plan.cropID : nil,
                reason: .tooCoarse, message: excess.message, voxelSize: excess.voxelSize.array, target: output.array,
                factor: excess.factor, maxUpsampling: largest, classes: plan.classes)
        }
        return nil
    }
}

extension ItemPlan {
    /// The classes that the item holds or may hold, sorted.
    var classes: [String] { Set(labels.map(\.name) + derived.map(\.name)).sorted() }
}
