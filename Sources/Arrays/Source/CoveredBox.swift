public import Geometry
public import HDF5

/// Which voxels of a dataset are real. Where not all are, the attributes `covered_start` and `covered_stop` say so, with three numbers each.
public enum CoveredBox {
    public static let names: Set<String> = ["covered_start", "covered_stop"]

    /// The real voxels by the attributes of a dataset; all voxels where it has none of them.
    ///
    /// - Throws: ``CoveredBoxError`` where an attribute is not what it should be, or one of them is missing.
    public static func read(
        _ attributes: [String: AttributeValue], shape: ZYX<Int>, of path: String
    ) throws(CoveredBoxError) -> Box {
        guard let start = try corner("covered_start", attributes, shape, path),
            let stop = try corner("covered_stop", attributes, shape, path)
        else {
            if let name = names.first(where: { attributes[$0] != nil }) {
                throw CoveredBoxError("\(path) has the attribute \(name) without the other one")
            }
            return Box(shape: shape)
        }
        guard start.zip(stop, <=).allSatisfy({ $0 }) else {
            throw CoveredBoxError("attribute covered_stop of \(path) is \(stop), before covered_start \(start)")
        }
        return Box(start: start, stop: stop)
    }

    private static func corner(
        _ name: String, _ attributes: [String: AttributeValue], _ shape: ZYX<Int>, _ path: String
    ) throws(CoveredBoxError) -> ZYX<Int>? {
        guard let value = attributes[name] else { return nil }
        guard case .integers(let numbers) = value, let corner = ZYX(numbers.map { Int($0) }),
            corner.zip(shape, { $0 >= 0 && $0 <= $1 }).allSatisfy({ $0 })
        else {
            throw CoveredBoxError(
                "attribute \(name) of \(path): expected three whole numbers (z, y, x), from 0 to its shape \(shape)")
        }
        return corner
    }

    /// The attributes for real voxels `covered`; nil means that none is real. There are no attributes where all are.
    public static func attributes(_ covered: Box?, of shape: ZYX<Int>) -> [(String, AttributeValue)] {
        let covered = covered ?? Box(shape: ZYX(repeating: 0))
        guard covered != Box(shape: shape) else { return [] }
        return [
            ("covered_start", .integers(covered.start.array.map(Int64.init))),
            ("covered_stop", .integers(covered.stop.array.map(Int64.init))),
        ]
    }
}

/// Attributes that do not say which voxels are real, in one line.
public struct CoveredBoxError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
