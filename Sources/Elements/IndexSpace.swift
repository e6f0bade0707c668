/// The indices of a grid with any number of axes, numbered in C order. Without axes there is one index, the empty one.
public struct IndexSpace: Sendable, Equatable {
    public let shape: [Int]
    public let count: Int

    /// The product of the extents must fit an `Int` unless one of them is 0.
    public init(_ shape: [Int]) {
        self.shape = shape
        count = shape.contains(0) ? 0 : shape.reduce(1, *)
    }

    /// The number of an index, which lies in the grid.
    public func number(of index: [Int]) -> Int { zip(shape, index).reduce(0) { $0 * $1.0 + $1.1 } }

    public func index(at number: Int) -> [Int] {
        var index = shape
        var rest = number
        for axis in shape.indices.reversed() {
            index[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return index
    }
}
