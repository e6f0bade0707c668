/// The indices of a grid with any number of axes, numbered in C order; one index, the empty one, where there are no axes.
struct IndexSpace: Sendable, Equatable {
    let shape: [Int]
    let count: Int

    /// The product of the extents must fit an `Int` unless one of them is 0.
    init(_ shape: [Int]) {
        self.shape = shape
        count = shape.contains(0) ? 0 : shape.reduce(1, *)
    }

    func index(at number: Int) -> [Int] {
        var index = shape
        var rest = number
        for axis in shape.indices.reversed() {
            index[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return index
    }
}
