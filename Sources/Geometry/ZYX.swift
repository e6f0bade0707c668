/// Three values, one per axis, in the order z, y, x, as everywhere in the project.
public struct ZYX<Scalar> {
    public var z: Scalar
    public var y: Scalar
    public var x: Scalar

    public init(_ z: Scalar, _ y: Scalar, _ x: Scalar) {
        self.z = z
        self.y = y
        self.x = x
    }

    public init(repeating value: Scalar) { self.init(value, value, value) }

    /// From an array of exactly three values in the order z, y, x; nil otherwise.
    public init?(_ values: [Scalar]) {
        guard values.count == 3 else { return nil }
        self.init(values[0], values[1], values[2])
    }

    /// The value of axis 0 (z), 1 (y) or 2 (x).
    public subscript(axis: Int) -> Scalar {
        get {
            switch axis {
            case 0: z
            case 1: y
            case 2: x
            default: preconditionFailure("there is no axis \(axis)")
            }
        }
        set {
            switch axis {
            case 0: z = newValue
            case 1: y = newValue
            case 2: x = newValue
            default: preconditionFailure("there is no axis \(axis)")
            }
        }
    }

    public var array: [Scalar] { [z, y, x] }

    public func map<T, E: Error>(_ transform: (Scalar) throws(E) -> T) throws(E) -> ZYX<T> {
        ZYX<T>(try transform(z), try transform(y), try transform(x))
    }

    /// Combines two triples axis by axis.
    public func zip<Other, T, E: Error>(
        _ other: ZYX<Other>, _ combine: (Scalar, Other) throws(E) -> T
    ) throws(E) -> ZYX<T> {
        ZYX<T>(try combine(z, other.z), try combine(y, other.y), try combine(x, other.x))
    }

    public func allSatisfy(_ predicate: (Scalar) -> Bool) -> Bool { predicate(z) && predicate(y) && predicate(x) }
}

extension ZYX: Equatable where Scalar: Equatable {}
extension ZYX: Hashable where Scalar: Hashable {}
extension ZYX: Sendable where Scalar: Sendable {}

extension ZYX: Codable where Scalar: Codable {
    public init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        self.init(
            try values.decode(Scalar.self), try values.decode(Scalar.self), try values.decode(Scalar.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        try values.encode(z)
        try values.encode(y)
        try values.encode(x)
    }
}

extension ZYX: CustomStringConvertible {
    public var description: String { "[\(z), \(y), \(x)]" }
}

extension ZYX where Scalar == Int {
    /// The number of voxels of a block of this shape; nil where it does not fit an `Int`.
    public var checkedProduct: Int? {
        let (zy, first) = z.multipliedReportingOverflow(by: y)
        let (zyx, second) = zy.multipliedReportingOverflow(by: x)
        return first || second || z < 0 || y < 0 || x < 0 ? nil : zyx
    }

    /// The number of voxels of a block of this shape, which must fit an `Int`.
    public var product: Int { z * y * x }
}
