internal import Geometry

/// A voxel size in nm as people write it: `8`, or `z,y,x`.
public struct VoxelSize: Sendable, Hashable {
    let nanometers: ZYX<Double>

    /// nil where the text is neither one nor three numbers from 0.001 to 10⁶.
    public init?(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Double($0.drop { $0 == " " }) }
        guard numbers.count == parts.count, numbers.allSatisfy({ (1e-3...1e6).contains($0) }) else { return nil }
        if numbers.count == 1 {
            nanometers = ZYX(repeating: numbers[0])
        } else {
            guard let three = ZYX(numbers) else { return nil }
            nanometers = three
        }
    }
}
