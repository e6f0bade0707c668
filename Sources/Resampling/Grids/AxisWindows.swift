internal import Geometry

/// For one axis: which source voxels every output voxel takes from, and the weight of each, as integers.
///
/// Edges are whole numbers of a unit (``AxisLattice``), so that float noise in scales and translations neither makes slivers nor
/// breaks ties. Everything is a function of the two grids alone, never of a box.
struct AxisWindows: Sendable {
    /// What an output voxel takes where the target is finer than the source.
    enum Upwards {
        /// Linear between the two nearest source centres, clamped at the ends.
        case linear
        /// The source voxel that contains the output centre; both neighbours where it lies on their boundary.
        case nearest
    }

    /// One axis of a grid.
    struct Line {
        var count: Int
        /// nm.
        var voxelSize: Double
        /// The outer edge of voxel 0, in nm.
        var edge: Double

        var reach: Double { max(abs(edge), abs(edge + Double(count) * voxelSize)) }

        /// Whether the voxels are not smaller than those of a source, so that overlaps count.
        func isCoarser(than source: Line) -> Bool { voxelSize >= source.voxelSize * (1 - 1e-6) }
    }

    /// The first source voxel of each output voxel's window.
    let first: [Int]
    /// The weights of output voxel i are `weights[offsets[i]..<offsets[i + 1]]`: none where nothing covers it.
    let offsets: [Int]
    /// Positive, divided by their greatest common divisor.
    let weights: [Int64]
    /// The largest sum of weights of an output voxel, at least 1.
    let largestSum: Int64
    /// The output voxels that the source covers at least in part.
    let covered: Range<Int>
    /// Output voxels whose windows have `step` voxels of equal weight, each window the next to the one before.
    let regular: Range<Int>
    let step: Int

    /// The most voxels along an axis: 16 mm at 4 nm, and tables that fit any memory.
    static let mostVoxels = 1 << 22

    init(_ lattice: AxisLattice, upwards: Upwards) {
        var table = Table(lattice)
        if lattice.target.line.isCoarser(than: lattice.source.line) {
            table.fillByOverlap()
        } else {
            switch upwards {
            case .linear: table.fillLinearly()
            case .nearest: table.fillByNearest()
            }
        }
        table.reduce()
        first = table.first
        offsets = table.offsets
        weights = table.weights
        largestSum = table.largestSum
        covered = table.covered
        (regular, step) = table.regularPart
    }

    /// How many snapping units a nanometre has for a pair of axes: 1e6, unless voxels are too small or coordinates too
    /// large for it.
    static func unitsPerNanometre(source: Line, target: Line, axis: Int) throws(ResamplingError) -> Double {
        let finest = min(source.voxelSize, target.voxelSize)
        let reach = max(source.reach, target.reach)
        // Coordinates are taken from doubles, so units beyond 2^52 would be noise; sums of two edges fit an Int64.
        let mostUnits = 0x1p52
        var units = 1e6
        while finest * units < 1000, units < 1e15 { units *= 1000 }
        while !(reach * units <= mostUnits), units > 1e-9 { units /= 1000 }
        guard reach * units <= mostUnits, finest * units >= 1000 else {
            throw .unrepresentableGrid(axis: axis, voxelSize: finest, reach: reach)
        }
        return units
    }

    /// One axis of both grids, checked.
    static func lines(source: Grid, target: Grid, axis: Int) throws(ResamplingError) -> (source: Line, target: Line) {
        (try line(of: source, "source", axis), try line(of: target, "target", axis))
    }

    private static func line(of grid: Grid, _ name: String, _ axis: Int) throws(ResamplingError) -> Line {
        let voxelSize = grid.voxelSize[axis]
        guard voxelSize.isFinite, voxelSize > 0 else {
            throw .invalidVoxelSize(name, axis: axis, found: voxelSize)
        }
        let translation = grid.translation[axis]
        guard translation.isFinite else { throw .invalidTranslation(name, axis: axis, found: translation) }
        let count = grid.shape[axis]
        guard count >= 1, count <= mostVoxels else {
            throw .invalidShape(name, axis: axis, found: count, maximum: mostVoxels)
        }
        return Line(count: count, voxelSize: voxelSize, edge: grid.edge[axis])
    }

    /// The number of output voxels.
    var count: Int { first.count }

    /// The most source voxels that one of a range of output voxels takes from.
    func longestWindow(of output: Range<Int>) -> Int {
        output.reduce(0) { max($0, offsets[$1 + 1] - offsets[$1]) }
    }

    /// The source voxels that a range of output voxels needs; nil if nothing covers it.
    func sourceRange(for output: Range<Int>) -> Range<Int>? {
        let used = output.clamped(to: covered)
        guard let last = used.last else { return nil }
        return first[used.lowerBound]..<first[last] + offsets[last + 1] - offsets[last]
    }
}

/// The windows of an axis while they are being made, from the first output voxel to the last.
private struct Table {
    let source: AxisEdges
    let target: AxisEdges
    var first: [Int] = []
    var offsets: [Int] = [0]
    var weights: [Int64] = []
    var largestSum: Int64 = 1

    init(_ lattice: AxisLattice) {
        source = lattice.source
        target = lattice.target
        first.reserveCapacity(target.count)
        offsets.reserveCapacity(target.count + 1)
    }

    private func isCovered(_ output: Int) -> Bool {
        target[output] < source.last && target[output + 1] > source.first
    }

    private mutating func close(first index: Int) {
        first.append(index)
        offsets.append(weights.count)
    }

    mutating func fillByOverlap() {
        var index = 0
        for output in 0..<target.count {
            let (low, high) = (target[output], target[output + 1])
            while index < source.count - 1, source[index + 1] <= low { index += 1 }
            var end = index
            while end < source.count, source[end] < high {
                let overlap = min(high, source[end + 1]) - max(low, source[end])
                if overlap > 0 { weights.append(overlap) }
                end += 1
            }
            close(first: index)
        }
    }

    mutating func fillLinearly() {
        var index = 0
        for output in 0..<target.count {
            let centre = target.doubledCentre(output)
            while index < source.count - 1, source.doubledCentre(index + 1) <= centre { index += 1 }
            if isCovered(output) {
                let behind = centre - source.doubledCentre(index)
                if behind <= 0 || index == source.count - 1 {
                    weights.append(1)
                } else {
                    weights.append(source.doubledCentre(index + 1) - centre)
                    weights.append(behind)
                }
            }
            close(first: index)
        }
        scaleSingles()
    }

    mutating func fillByNearest() {
        var index = 0
        for output in 0..<target.count {
            let centre = target.doubledCentre(output)
            while index < source.count - 1, 2 * source[index + 1] <= centre { index += 1 }
            let isOnBoundary = index > 0 && 2 * source[index] == centre
            if isCovered(output) {
                weights.append(1)
                if isOnBoundary { weights.append(1) }
            }
            close(first: isOnBoundary ? index - 1 : index)
        }
    }

    /// A window of one voxel may have any weight: the one that leaves the greatest common divisor alone.
    private mutating func scaleSingles() {
        var divisor: Int64 = 0
        for output in 0..<first.count where offsets[output + 1] - offsets[output] > 1 {
            for weight in weights[offsets[output]..<offsets[output + 1]] {
                divisor = greatestCommonDivisor(divisor, weight)
            }
        }
        guard divisor > 1 else { return }
        for output in 0..<first.count where offsets[output + 1] - offsets[output] == 1 {
            weights[offsets[output]] = divisor
        }
    }

    /// Divides the weights by their greatest common divisor.
    mutating func reduce() {
        var divisor: Int64 = 0
        for weight in weights where divisor != 1 { divisor = greatestCommonDivisor(divisor, weight) }
        if divisor > 1 {
            for index in weights.indices { weights[index] /= divisor }
        }
        for output in 0..<first.count {
            largestSum = max(largestSum, weights[offsets[output]..<offsets[output + 1]].reduce(0, +))
        }
    }

    var covered: Range<Int> {
        guard let low = first.indices.first(where: { offsets[$0 + 1] > offsets[$0] }),
            let high = first.indices.last(where: { offsets[$0 + 1] > offsets[$0] })
        else { return 0..<0 }
        return low..<high + 1
    }

    /// The regular output voxels around the middle one, and the length of their windows.
    var regularPart: (range: Range<Int>, step: Int) {
        let covered = covered
        let middle = (covered.lowerBound + covered.upperBound) / 2
        guard covered.contains(middle), hasEqualWeights(middle) else { return (0..<0, 1) }
        let step = offsets[middle + 1] - offsets[middle]
        func follows(_ output: Int) -> Bool {
            offsets[output + 1] - offsets[output] == step
                && first[output] == first[middle] + (output - middle) * step && hasEqualWeights(output)
        }
        var low = middle
        var high = middle + 1
        while low > covered.lowerBound, follows(low - 1) { low -= 1 }
        while high < covered.upperBound, follows(high) { high += 1 }
        return (low..<high, step)
    }

    private func hasEqualWeights(_ output: Int) -> Bool {
        let window = weights[offsets[output]..<offsets[output + 1]]
        return window.allSatisfy { $0 == window.first }
    }
}
